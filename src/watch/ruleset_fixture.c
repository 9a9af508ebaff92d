#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include "watch/ruleset_fixture.h"

#include <stdio.h>

#include "base/buf.h"

enum { FIELDS_MAX = 16 };

void tell(void *arg, const struct rule_error *error)
{
    struct told *told = arg;
    told->count++;
    int n = snprintf(told->text + told->n, sizeof told->text - told->n, "%d:%d %s\n", error->line,
                     error->column, error->message);
    told->n += n > 0 && (size_t)n < sizeof told->text - told->n ? (size_t)n : 0;
}

struct ruleset *rules_with(const char *detection, const struct sigma_lists *lists, struct told *told)
{
    struct buf text = BUF_INIT(1 << 20);
    *told = (struct told){0};
    assert_int_equal(
        buf_printf(&text, "title: t\nid: 1\nlogsource:\n    product: test\ndetection:\n%s", detection), 0);
    struct ruleset *ruleset = ruleset_new();
    ruleset_lists(ruleset, lists);
    ruleset_load_text(ruleset, "test.yml", buf_view(&text), tell, told);
    buf_free(&text);
    ruleset_seal(ruleset, NULL, NULL);
    return ruleset;
}

struct ruleset *rules_of(const char *detection, struct told *told)
{
    return rules_with(detection, NULL, told);
}

/* "name=value;name=value": a value after ":=" is a number, "name!" is null. */
static size_t read_fields(sv text, struct event_field *fields)
{
    size_t n = 0;
    while (text.p && text.n) {
        sv value = sv_split(&text, ';'), name = sv_split(&value, '=');
        assert_true(n < FIELDS_MAX);
        fields[n] = (struct event_field){name, value.p ? value : SV(""), EVENT_STRING};
        if (sv_ends(name, SV(":")) || sv_ends(name, SV("!"))) {
            fields[n].type = sv_ends(name, SV(":")) ? EVENT_NUMBER : EVENT_NULL;
            fields[n].name.n--;
        }
        n++;
    }
    return n;
}

bool matches(const struct ruleset *ruleset, const char *raw, const char *fields)
{
    struct event_field list[FIELDS_MAX];
    struct event event = {.raw = sv_of(raw), .message = sv_of(raw), .fields = list};
    size_t count;
    event.field_count = read_fields(sv_of(fields), list);
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    ruleset_match(matcher, &event, &count);
    ruleset_matcher_free(matcher);
    return count > 0;
}

void check_matches(const struct match_case *cases, size_t count, const struct sigma_lists *lists)
{
    for (size_t i = 0; i < count; i++) {
        struct told told;
        struct ruleset *ruleset = rules_with(cases[i].detection, lists, &told);
        if (told.count)
            fail_msg("case %zu: %s", i, told.text);
        if (matches(ruleset, cases[i].raw, cases[i].fields) != cases[i].expected)
            fail_msg("case %zu: %s on \"%s\" [%s]: expected %s", i, cases[i].detection, cases[i].raw,
                     cases[i].fields, cases[i].expected ? "a match" : "none");
        ruleset_free(ruleset);
    }
}

void check_errors(const struct error_case *cases, size_t count, const struct sigma_lists *lists)
{
    for (size_t i = 0; i < count; i++) {
        struct told told;
        struct ruleset *ruleset = rules_with(cases[i].detection, lists, &told);
        if (told.count != 1 || !strstr(told.text, cases[i].expected))
            fail_msg("case %zu: %s: expected \"%s\", told: %s", i, cases[i].detection, cases[i].expected,
                     told.text);
        assert_int_equal(ruleset_count(ruleset), 0);
        assert_int_equal(ruleset_failed(ruleset), 1);
        ruleset_free(ruleset);
    }
}
