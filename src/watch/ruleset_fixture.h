/* Rules and events in a line or two, for the tests of what rules match. */
#ifndef VEDETTE_WATCH_RULESET_FIXTURE_H
#define VEDETTE_WATCH_RULESET_FIXTURE_H

#include "watch/ruleset.h"
#include "watch/sigma_lists.h"

/* What the errors of one text were, one per line: "line:column message". */
struct told {
    char text[4000];
    size_t n, count;
};

/* A rule_error_fn; arg is a struct told. */
void tell(void *arg, const struct rule_error *error);

/* A rule around a detection, whose lines are indented by four. */
struct ruleset *rules_of(const char *detection, struct told *told);
struct ruleset *rules_with(const char *detection, const struct sigma_lists *lists, struct told *told);

/* Whether a rule matches; fields are "name=value;name=value": a value after ":=" is a number, "name!" is
 * null. */
bool matches(const struct ruleset *ruleset, const char *raw, const char *fields);

struct match_case {
    const char *detection, *raw, *fields;
    bool expected;
};

void check_matches(const struct match_case *cases, size_t count, const struct sigma_lists *lists);

#define CHECK(cases) check_matches(cases, sizeof(cases) / sizeof *(cases), NULL)
#define S            "    condition: s\n    s:\n"

struct error_case {
    const char *detection, *expected;
};

/* That each gives exactly one error, which says what is expected, and no rule. */
void check_errors(const struct error_case *cases, size_t count, const struct sigma_lists *lists);

#endif
