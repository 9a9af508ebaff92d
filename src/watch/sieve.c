#include "watch/sieve.h"

#include "watch/correlation.h"
#include "watch/mask.h"
#include "watch/rule_cost.h"
#include "wire/batch.h"

#include <assert.h>
#include <stdlib.h>

enum {
    EVENT_ARENA_BYTES_MAX = 4 * 1024 * 1024, /* one event is sure of, in the arena of its block's */
    EVENTS_RULES_MAX = 64 * 1024,            /* that match events which are kept, before those of the last */
    BATCH_BYTES_MAX = 4 * 1024 * 1024, /* a longer turn gives several batches; a finding always fits one */
    BATCH_BYTES_LONG = BATCH_BYTES_MAX / 8, /* then the turn ends: what one block may still give fits, too */
};

/* An event that rules match. */
struct matched {
    struct event event;
    size_t first, count; /* of the sieve's rules */
};

struct sieve {
    struct outbox *outbox;
    struct watch_counts *counts;
    const struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
    /* A block's records are judged log source by log source, and what matched is kept until it can be told in
     * their order. */
    struct matched matched[RULESET_SCREENED_MAX];
    struct matched *by_record[RULESET_SCREENED_MAX]; /* NULL: nothing matched it */
    size_t matched_count, *rules, rule_count;
    struct arena *arena; /* of the events that are kept */
    struct arena *work;  /* what is made of one of them on its way out */
    struct buf body;     /* the batch of this turn; empty between turns */
    struct batch_writer writer;
    uint64_t serial; /* the upper half tells runs of the watch apart, the lower half counts */
};

struct sieve *sieve_new(struct outbox *outbox, struct watch_counts *counts)
{
    struct sieve *sieve = calloc(1, sizeof *sieve);
    assert(sieve);
    *sieve = (struct sieve){.outbox = outbox,
                            .counts = counts,
                            .serial = (uint64_t)arc4random() << 32,
                            .arena = arena_new(2 * EVENT_ARENA_BYTES_MAX),
                            .work = arena_new(EVENT_ARENA_BYTES_MAX),
                            .body = BUF_INIT(BATCH_BYTES_MAX)};
    return sieve;
}

void sieve_free(struct sieve *sieve)
{
    if (!sieve)
        return;
    ruleset_matcher_free(sieve->matcher);
    arena_free(sieve->arena);
    arena_free(sieve->work);
    free(sieve->rules);
    buf_free(&sieve->body);
    free(sieve);
}

void sieve_rules(struct sieve *sieve, const struct ruleset *ruleset)
{
    struct ruleset_matcher *earlier = sieve->matcher;
    sieve->ruleset = ruleset;
    sieve->matcher = ruleset_matcher_new(ruleset);
    free(sieve->rules);
    sieve->rules = calloc(EVENTS_RULES_MAX + ruleset_count(ruleset), sizeof *sieve->rules);
    assert(sieve->rules);
    if (earlier)
        rule_costs_inherit(ruleset_costs(sieve->matcher), ruleset_costs(earlier));
    ruleset_matcher_free(earlier);
}

const struct rule_costs *sieve_costs(const struct sieve *sieve)
{
    return ruleset_costs(sieve->matcher);
}

/* "product/category/service" in place of what the record tells of itself. */
static void override_source(struct event *event, const char *logsource)
{
    sv rest = sv_of(logsource);
    event->source.product = sv_split(&rest, '/');
    event->source.category = sv_split(&rest, '/');
    event->source.service = rest;
}

static void add_extra(struct sieve *sieve, struct event *event, const struct input_record *record)
{
    size_t room = EVENT_FIELDS_MAX > event->field_count ? EVENT_FIELDS_MAX - event->field_count : 0;
    size_t n = record->extra_count < room ? record->extra_count : room;
    struct event_field *fields = arena_alloc(sieve->arena, (event->field_count + n) * sizeof *fields);
    if (n < record->extra_count || !fields)
        event->flags |= EVENT_FIELDS_DROPPED;
    if (!fields)
        return;
    if (event->field_count)
        memcpy(fields, event->fields, event->field_count * sizeof *fields);
    size_t count = event->field_count;
    for (size_t i = 0; i < n; i++)
        if (!event_find(event, record->extra[i].name))
            fields[count++] = record->extra[i];
    event->fields = fields;
    event->field_count = count;
}

/* What leaves: one of the two is NULL. */
struct parcel {
    const struct finding *finding;
    const struct projection *projection;
    bool again; /* the last projection was of the same event */
};

static bool add(struct sieve *sieve, const struct parcel *parcel)
{
    return parcel->projection ? batch_add_projection(&sieve->writer, parcel->projection, parcel->again)
                              : batch_add(&sieve->writer, parcel->finding);
}

static void put(struct sieve *sieve, const struct input *input, const struct parcel *parcel)
{
    if (!buf_view(&sieve->body).n)
        batch_begin(&sieve->writer, &sieve->body, ++sieve->serial, sv_of(input->config->label));
    if (add(sieve, parcel))
        return;
    /* Only after a crowd of datagrams, or of rules that match one record. This turn's cursor is not known
     * yet: the batch goes with the last one, so that a crash now means that records are read again, never
     * that they are skipped. */
    sieve_flush(sieve, input);
    batch_begin(&sieve->writer, &sieve->body, ++sieve->serial, sv_of(input->config->label));
    bool fits = add(sieve, parcel);
    assert(fits);
}

/* A match is a finding, or what correlations build on, or both. again: they have got this event before. */
static void add_match(struct sieve *sieve, const struct input *input, size_t rule,
                      const struct finding *finding, bool *again)
{
    if (correlation_wants(sieve->ruleset, rule)) {
        struct projection projection;
        correlation_project(sieve->ruleset, rule, finding, sieve->work, &projection);
        put(sieve, input, &(struct parcel){.projection = &projection, .again = *again});
        *again = true;
    }
    if (correlation_silences(sieve->ruleset, rule))
        return;
    sieve->counts->findings++;
    put(sieve, input, &(struct parcel){.finding = finding});
}

/* Only what is found leaves, and only that is masked. */
static void add_findings(struct sieve *sieve, const struct input *input, struct matched *matched,
                         bool suspect, nanos now)
{
    struct event *event = &matched->event;
    bool again = false;
    arena_reset(sieve->work);
    if (suspect)
        sieve->counts->hidden += masks_hide(ruleset_masks(sieve->ruleset), event, sieve->work);
    for (size_t i = 0; i < matched->count; i++) {
        size_t rule = sieve->rules[matched->first + i];
        struct finding finding = rule_finding(ruleset_rule(sieve->ruleset, rule), event);
        finding.received_at = event->arrival;
        finding.matched_at = now;
        finding.input = sv_of(input->config->label);
        add_match(sieve, input, rule, &finding, &again);
    }
}

/* What matched the first `records` of a block, in their order. */
static void tell(struct sieve *sieve, const struct input *input, size_t records)
{
    const struct event *events[RULESET_SCREENED_MAX];
    bool suspect[RULESET_SCREENED_MAX] = {false};
    size_t at = 0;
    nanos now = loop_now();
    for (size_t i = 0; i < records; i++)
        if (sieve->by_record[i])
            events[at++] = &sieve->by_record[i]->event;
    if (ruleset_masks(sieve->ruleset))
        masks_suspect(ruleset_masks(sieve->ruleset), events, at, suspect);
    at = 0;
    for (size_t i = 0; i < records; i++)
        if (sieve->by_record[i])
            add_findings(sieve, input, sieve->by_record[i], suspect[at++], now);
    sieve->matched_count = sieve->rule_count = 0;
    arena_reset(sieve->arena);
    memset(sieve->by_record, 0, records * sizeof(struct matched *));
}

/* Makes an event of a record that came now, as its input says. */
static void decode_record(struct sieve *sieve, const struct input *input, const struct input_record *record,
                          nanos now, struct event *ret)
{
    const struct config_input *config = input->config;
    decode(ret, record->raw, config->format, now, input->zone, sieve->arena);
    if (record->time) {
        ret->time = record->time;
        ret->flags &= ~(unsigned)EVENT_TIME_ASSUMED;
    }
    if (record->cut)
        ret->flags |= EVENT_TRUNCATED;
    if (record->extra_count)
        add_extra(sieve, ret, record);
    if (config->logsource)
        override_source(ret, config->logsource);
    sieve->counts->decoded++;
    sieve->counts->fields_dropped += (ret->flags & EVENT_FIELDS_DROPPED) != 0;
}

/* Keeps the next event, which is of the record of that number, if rules match it. */
static void keep(struct sieve *sieve, size_t record, const size_t *rules, size_t count)
{
    struct matched *matched = &sieve->matched[sieve->matched_count];
    if (!count)
        return;
    matched->first = sieve->rule_count;
    matched->count = count;
    memcpy(sieve->rules + sieve->rule_count, rules, count * sizeof *rules);
    sieve->rule_count += count;
    sieve->by_record[record] = matched;
    sieve->matched_count++;
}

/* Whether the next event might find too little room. */
static bool is_full(const struct sieve *sieve)
{
    return arena_used(sieve->arena) > EVENT_ARENA_BYTES_MAX || sieve->rule_count > EVENTS_RULES_MAX;
}

void sieve_record(struct sieve *sieve, const struct input *input, const struct input_record *record)
{
    struct event *event = &sieve->matched[0].event;
    size_t count = 0;
    decode_record(sieve, input, record, loop_now(), event);
    sieve->counts->events++;
    sieve->counts->truncated += record->cut;
    const size_t *rules = ruleset_match(sieve->matcher, event, &count);
    keep(sieve, 0, rules, count);
    tell(sieve, input, 1);
}

/* Decodes the records that are worth it and tries their rules. Only events that take an uncommon lot of room
 * let others of their block leave before them. */
static void judge(struct sieve *sieve, const struct input *input, const struct input_block *block, nanos now,
                  const struct ruleset_screened *screened)
{
    for (size_t i = 0; i < block->count; i++) {
        size_t record = screened->order[i], count = 0;
        if (!screened->worth[record])
            continue;
        if (is_full(sieve))
            tell(sieve, input, block->count);
        struct event *event = &sieve->matched[sieve->matched_count].event;
        decode_record(sieve, input,
                      &(struct input_record){.raw = block->records[record], .cut = block->cut[record]}, now,
                      event);
        const size_t *rules = ruleset_match_screened(sieve->matcher, record, event, &count);
        keep(sieve, record, rules, count);
    }
}

void sieve_block(struct sieve *sieve, const struct input *input, const struct input_block *block)
{
    struct ruleset_screened screened;
    nanos now = loop_now();
    struct event named = {0};
    const struct config_input *config = input->config;
    if (config->logsource)
        override_source(&named, config->logsource);
    ruleset_screen(sieve->matcher,
                   &(struct ruleset_block){.bytes = block->bytes,
                                           .records = block->records,
                                           .count = block->count,
                                           .format = config->format,
                                           .source = config->logsource ? &named.source : NULL,
                                           .arrival = now},
                   &screened);
    sieve->counts->events += block->count;
    for (size_t i = 0; i < block->count; i++)
        sieve->counts->truncated += block->cut[i];
    judge(sieve, input, block, now, &screened);
    tell(sieve, input, block->count);
}

uint64_t sieve_serial(const struct sieve *sieve)
{
    return sieve->serial;
}

size_t sieve_bytes(const struct sieve *sieve)
{
    return buf_view(&sieve->body).n;
}

bool sieve_crowded(const struct sieve *sieve)
{
    return sieve_bytes(sieve) > 0 &&
           (sieve_bytes(sieve) >= BATCH_BYTES_LONG || sieve->writer.count >= BATCH_FINDINGS_MAX / 2);
}

bool sieve_flush(struct sieve *sieve, const struct input *input)
{
    if (!buf_view(&sieve->body).n)
        return false;
    batch_end(&sieve->writer, sv_of(input->cursor));
    outbox_put(sieve->outbox, sieve->serial, buf_view(&sieve->body));
    buf_clear(&sieve->body);
    return true;
}

void sieve_cursor(struct sieve *sieve, const struct input *input)
{
    assert(!buf_view(&sieve->body).n);
    batch_begin(&sieve->writer, &sieve->body, ++sieve->serial, sv_of(input->config->label));
    sieve_flush(sieve, input);
}
