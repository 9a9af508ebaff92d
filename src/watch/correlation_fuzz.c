/* By the first byte: the loader of correlation documents; state of every type of correlation put back from
 * bytes of any kind and gone on with; or events of any times, arriving hour by hour. */
#include <stdlib.h>

#include "watch/correlator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { KEYS_MAX = 32 };
#define START (1767571200LL * NANOS_PER_SECOND) /* 2026-01-05 */

static const char rules[] =
    "title: a\nname: a\nlogsource: {product: x}\ndetection: {s: {k: a}, condition: s}\n---\n"
    "title: b\nname: b\nlogsource: {product: x}\ndetection: {s: {k: b}, condition: s}\n---\n";

#define OF(type, more) \
    "title: " type "\ncorrelation: {type: " type ", group-by: [u], rules: [a, b], " more "}\n---\n"
static const char all[] = OF("event_count", "timespan: 1h, condition: {lt: 4}")
    OF("value_count", "timespan: 1h, condition: {gte: 2, field: v}")
        OF("value_sum", "timespan: 1h, condition: {gte: 2, field: v}")
            OF("value_avg", "timespan: 1h, condition: {gte: 2, field: v}")
                OF("value_percentile", "timespan: 1h, condition: {gte: 2, field: v}")
                    OF("temporal", "timespan: 1h") OF("temporal_ordered", "timespan: 1h")
                        OF("new_value", "field: v, learn: 0s, minimum: 0")
                            OF("rare_hours", "learn: 0s, minimum: 0, zone: Europe/Berlin")
                                OF("rare_days", "learn: 0s, minimum: 0") OF("dormant", "timespan: 1d")
                                    OF("spike", "timespan: 1d, learn: 0s") OF("absence", "timespan: 1h")
                                        OF("missing_before", "timespan: 1h");

static const struct correlator_limits limits = {1 << 20, 600 * NANOS_PER_SECOND, 300 * NANOS_PER_SECOND};

struct keys {
    char text[KEYS_MAX][CORRELATOR_KEY_BYTES_MAX];
    size_t n[KEYS_MAX], count;
};

static void check_error(void *arg, const struct rule_error *error)
{
    (void)arg;
    if (error->line < 1 || error->column < 1 || !error->message[0] || !error->file)
        abort();
}

static void check_finding(void *arg, const struct finding *finding, uint64_t ordinal)
{
    (void)arg, (void)ordinal;
    if (!finding->rule_title.n || finding->field_count > FINDING_FIELDS_MAX)
        abort();
}

static bool keep_key(void *arg, sv key, sv value)
{
    struct keys *keys = arg;
    (void)value;
    if (keys->count < KEYS_MAX) {
        memcpy(keys->text[keys->count], key.p, key.n);
        keys->n[keys->count++] = key.n;
    }
    return true;
}

static struct ruleset *load(sv correlations)
{
    struct ruleset *ruleset = ruleset_new();
    ruleset_load_text(ruleset, "rules.yml", sv_of(rules), check_error, NULL);
    ruleset_load_text(ruleset, "fuzz.yml", correlations, check_error, NULL);
    ruleset_seal(ruleset, check_error, NULL);
    return ruleset;
}

static void feed_at(struct correlator *correlator, sv rule, nanos time, nanos arrival)
{
    struct event_field fields[] = {{SV("u"), SV("bob"), EVENT_STRING}, {SV("v"), SV("7"), EVENT_NUMBER}};
    const struct projection projection = {
        .seen = {
            .rule_id = rule, .event_time = time, .received_at = arrival, .fields = fields, .field_count = 2}};
    correlator_feed(correlator, &projection);
}

static void feed(struct correlator *correlator, sv rule, nanos time)
{
    feed_at(correlator, rule, time, time);
}

static void go_on(struct correlator *correlator, nanos time)
{
    static struct keys ignored;
    ignored.count = 0;
    for (int i = 0; i < 4; i++)
        feed(correlator, i % 2 ? SV("b") : SV("a"), time + i * 3600 * NANOS_PER_SECOND);
    correlator_advance(correlator, time + 86400 * NANOS_PER_SECOND);
    correlator_flush(correlator);
    correlator_changes(correlator, keep_key, &ignored);
    if (correlator_counts(correlator)->bytes > limits.bytes_max)
        abort();
}

static void try_state(struct ruleset *ruleset, sv value)
{
    static struct keys keys;
    const nanos time = START;
    keys.count = 0;
    struct correlator *correlator = correlator_new(ruleset, &limits, check_finding, NULL);
    feed(correlator, SV("a"), time);
    correlator_changes(correlator, keep_key, &keys);
    correlator_free(correlator);
    correlator = correlator_new(ruleset, &limits, check_finding, NULL);
    for (size_t i = 0; i < keys.count; i++)
        correlator_restore(correlator, sv_make(keys.text[i], keys.n[i]), value, time);
    go_on(correlator, time);
    correlator_free(correlator);
}

static void try_times(struct ruleset *ruleset, sv bytes)
{
    nanos arrival = START, time;
    struct correlator *correlator = correlator_new(ruleset, &limits, check_finding, NULL);
    for (; bytes.n >= sizeof time; bytes = sv_from(bytes, sizeof time)) {
        memcpy(&time, bytes.p, sizeof time);
        feed_at(correlator, time % 2 ? SV("b") : SV("a"), time, arrival);
        arrival += 3600 * NANOS_PER_SECOND;
    }
    go_on(correlator, arrival);
    correlator_free(correlator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    sv bytes = sv_make(data + 1, size - 1);
    bool documents = data[0] & 1;
    static struct ruleset *of_all; /* compiled once: it is the same each time */
    if (documents) {
        struct ruleset *ruleset = load(bytes);
        struct correlator *correlator = correlator_new(ruleset, &limits, check_finding, NULL);
        go_on(correlator, START);
        correlator_free(correlator);
        ruleset_free(ruleset);
    } else {
        of_all = of_all ? of_all : load(sv_of(all));
        if (data[0] & 2)
            try_times(of_all, bytes);
        else
            try_state(of_all, bytes);
    }
    return 0;
}
