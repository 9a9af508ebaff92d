#include "watch/correlator_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

const struct correlator_limits usual_limits = {64 << 20, 10 * MINUTE, 5 * MINUTE};

static void on_finding(void *arg, const struct finding *finding, uint64_t ordinal)
{
    struct found *found = arg;
    int n = snprintf(found->text + found->n, sizeof found->text - found->n, "%.*s@%d ",
                     SV_ARG(finding->rule_title), (int)ordinal);
    found->n += n > 0 && (size_t)n < sizeof found->text - found->n ? (size_t)n : 0;
    found->count++;
    for (size_t i = 0; i < finding->field_count; i++) {
        if (sv_eq(finding->fields[i].name, SV("correlation.seen")))
            sv_copy(found->seen, sizeof found->seen, finding->fields[i].value);
        if (sv_eq(finding->fields[i].name, SV("correlation.group")))
            sv_copy(found->group, sizeof found->group, finding->fields[i].value);
    }
}

static void on_error(void *arg, const struct rule_error *error)
{
    (void)arg;
    fail_msg("%s:%d: %s", error->file, error->line, error->message);
}

#define RULE(name)                                                                             \
    "title: " name "\nname: " name "\nlogsource: {product: test}\ndetection: {s: {kind: " name \
    "}, condition: s}\n---\n"
#define RULES RULE("a") RULE("b") RULE("c")

struct bench *bench_of(const char *correlations, const struct correlator_limits *limits)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct buf text = BUF_INIT(1 << 20);
    bench->ruleset = ruleset_new();
    ruleset_leave_uncompiled(bench->ruleset); /* as the process that correlates has them */
    buf_put(&text, SV(RULES));
    buf_put(&text, sv_of(correlations));
    ruleset_load_text(bench->ruleset, "t.yml", buf_view(&text), on_error, NULL);
    ruleset_seal(bench->ruleset, on_error, NULL);
    buf_free(&text);
    bench->correlator = correlator_new(bench->ruleset, limits, on_finding, &bench->found);
    return bench;
}

void bench_end(struct bench *bench)
{
    correlator_free(bench->correlator);
    ruleset_free(bench->ruleset);
    free(bench);
}

void feed_at(struct bench *bench, const char *rule, nanos time, nanos arrival, const char *pairs)
{
    struct event_field fields[8];
    struct projection projection = {.ordinal = ++bench->ordinal};
    sv rest = sv_of(pairs);
    for (; rest.p && rest.n; projection.seen.field_count++) {
        sv value = sv_split(&rest, ' '), name = sv_split(&value, '=');
        fields[projection.seen.field_count] = (struct event_field){name, value, EVENT_STRING};
    }
    projection.seen.rule_id = sv_of(rule);
    projection.seen.fields = fields;
    projection.seen.event_time = time;
    projection.seen.received_at = arrival;
    correlator_feed(bench->correlator, &projection);
}

void feed(struct bench *bench, const char *rule, nanos time, const char *pairs)
{
    bench->arrival = time > bench->arrival ? time : bench->arrival;
    feed_at(bench, rule, time, bench->arrival, pairs);
}

void expect(struct bench *bench, const char *expected)
{
    if (strcmp(bench->found.text, expected) != 0)
        fail_msg("found \"%s\", expected \"%s\"; last: %s", bench->found.text, expected, bench->found.seen);
}

void expect_seen(struct bench *bench, const char *part)
{
    if (!strstr(bench->found.seen, part))
        fail_msg("\"%s\" is not in \"%s\"", part, bench->found.seen);
}

static bool carry(void *arg, sv key, sv value)
{
    struct bench *bench = arg;
    if (value.p)
        assert_true(correlator_restore(bench->correlator, key, value, bench->arrival));
    return true;
}

void bench_restart(struct bench *bench, nanos now)
{
    struct correlator *old = bench->correlator;
    bench->arrival = now;
    bench->correlator = correlator_new(bench->ruleset, &usual_limits, on_finding, &bench->found);
    correlator_mark_all(old);
    correlator_changes(old, carry, bench);
    correlator_free(old);
}
