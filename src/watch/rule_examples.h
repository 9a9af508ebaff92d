/* Runs the examples that stand beside rules through the decoder and the rules. For NAME.yml they are in
 * NAME.test.yml:
 *
 *     match:                      # records on each of which a rule of the file must match
 *       - "<86>Nov 24 08:15:30 host sudo: …"
 *       - {event: '{"a": 1}', format: json}
 *     no_match:                   # records on which none may
 *       - …
 *
 *     sequences:                  # what the correlations of the file make of events in time: see
 * rule_sequence.h
 *       - events: […]
 *
 * format is one of auto (the default), json, cef, leef, syslog, text. */
#ifndef VEDETTE_WATCH_RULE_EXAMPLES_H
#define VEDETTE_WATCH_RULE_EXAMPLES_H

#include "base/err.h"
#include "watch/ruleset.h"

enum rule_example_result {
    RULE_EXAMPLE_PASSED,
    RULE_EXAMPLE_FAILED,  /* it matched and should not have, or the other way round */
    RULE_EXAMPLE_MISSING, /* the rule file has no examples that must match, or none that must not */
    RULE_EXAMPLE_BROKEN,  /* the rules or their examples could not be read */
};

/* Views are valid during the call. */
struct rule_example {
    enum rule_example_result result;
    const char *file; /* the examples' file; the rules' where that is what is wrong */
    int line, column;
    const char *rules;   /* the rules' file */
    sv event;            /* the record; empty if there is none */
    bool must_match;     /* what it was an example of */
    const char *message; /* what is wrong; empty if it passed */
};

typedef void rule_example_fn(void *arg, const struct rule_example *example);

struct rule_example_counts {
    size_t rules, passed, failed, missing, broken;
};

/* Every rule file under path, each on its own. −1 only if path itself cannot be read. */
int rule_examples_run(const char *path, rule_example_fn *fn, void *arg, struct rule_example_counts *ret,
                      struct err *err);

#endif
