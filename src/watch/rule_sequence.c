#include "watch/rule_sequence.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "watch/rule_stream.h"
#include "wire/decode.h"

enum { ARENA_BYTES_MAX = 4 * 1024 * 1024, MESSAGE_BYTES_MAX = 400 };

/* 2026-01-05T00:00:00Z, a Monday. */
#define BEGINNING (1767571200LL * NANOS_PER_SECOND)
#define NO_TIME   INT64_MIN

struct moment {
    nanos time; /* NO_TIME: as its record says */
    size_t order;
    sv record;
    enum decode_format format;
};

struct sequence {
    struct moment *moments;
    size_t count;
    nanos until;   /* −1: not said */
    int64_t finds; /* −1: at least once */
    size_t found;
    uint64_t last;
    const struct yaml_node *wrong; /* where it cannot be read, and why */
    const char *why;
};

static bool refuse(struct sequence *sequence, const struct yaml_node *node, const char *why)
{
    sequence->wrong = sequence->wrong ? sequence->wrong : node;
    sequence->why = sequence->why ? sequence->why : why;
    return false;
}

static bool read_span(struct sequence *sequence, const struct yaml_node *node, nanos *ret)
{
    if (!node)
        return true;
    if (node->kind != YAML_SCALAR || !time_parse_length(node->text, ret))
        return refuse(sequence, node, "at, every and until are lengths of time, such as 90m");
    return true;
}

static bool read_count(struct sequence *sequence, const struct yaml_node *node, int64_t *ret)
{
    uint64_t number;
    if (!node)
        return true;
    if (node->kind != YAML_SCALAR || !sv_to_u64(node->text, &number) || number > RULE_SEQUENCE_EVENTS_MAX)
        return refuse(sequence, node, "repeat and finds are small numbers");
    *ret = (int64_t)number;
    return true;
}

static bool knows_keys(struct sequence *sequence, const struct yaml_node *map, const char *const *keys)
{
    for (const struct yaml_node *child = map->first; child; child = child->next) {
        size_t i = 0;
        while (keys[i] && !sv_eq(child->key, sv_of(keys[i])))
            i++;
        if (!keys[i])
            return refuse(sequence, child, "this key is not known here");
    }
    return true;
}

static bool read_event(struct sequence *sequence, const struct yaml_node *node)
{
    static const char *const keys[] = {"at", "repeat", "every", "event", "format", NULL};
    const struct yaml_node *record = node->kind == YAML_MAP ? yaml_get(node, "event") : node;
    const struct yaml_node *at = yaml_get(node, "at"), *form = yaml_get(node, "format");
    nanos time = 0, every = 0;
    int64_t repeat = 1;
    enum decode_format format = DECODE_AUTO;
    if (!record || record->kind != YAML_SCALAR || !record->text.n)
        return refuse(sequence, node, "an event is a record, or a map with the key event");
    if (node->kind == YAML_MAP && (!knows_keys(sequence, node, keys) || !read_span(sequence, at, &time) ||
                                   !read_span(sequence, yaml_get(node, "every"), &every) ||
                                   !read_count(sequence, yaml_get(node, "repeat"), &repeat)))
        return false;
    if (form && !decode_format_parse(form->text, &format))
        return refuse(sequence, form, "format must be one of auto, json, cef, leef, syslog, text");
    for (int64_t i = 0; i < repeat; i++) {
        if (sequence->count == RULE_SEQUENCE_EVENTS_MAX)
            return refuse(sequence, node, "there are too many events in one sequence");
        sequence->moments[sequence->count] = (struct moment){at ? BEGINNING + time + i * every : NO_TIME,
                                                             sequence->count, record->text, format};
        sequence->count++;
    }
    return true;
}

static bool read_sequence(struct sequence *sequence, const struct yaml_node *node)
{
    static const char *const keys[] = {"name", "events", "until", "finds", NULL};
    const struct yaml_node *events = yaml_get(node, "events");
    if (node->kind != YAML_MAP || !events || events->kind != YAML_LIST || !events->first)
        return refuse(sequence, node, "a sequence is a map with a list of events");
    if (!knows_keys(sequence, node, keys) ||
        !read_span(sequence, yaml_get(node, "until"), &sequence->until) ||
        !read_count(sequence, yaml_get(node, "finds"), &sequence->finds))
        return false;
    for (const struct yaml_node *event = events->first; event; event = event->next)
        if (!read_event(sequence, event))
            return false;
    return true;
}

static void on_finding(void *arg, const struct finding *finding, uint64_t ordinal)
{
    struct sequence *sequence = arg;
    (void)finding;
    sequence->found++;
    sequence->last = ordinal;
}

static int by_time(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

static void play(struct sequence *sequence, const struct ruleset *ruleset)
{
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    struct rule_stream *stream = rule_stream_new(ruleset, &correlator_limits_usual, on_finding, sequence);
    nanos now = BEGINNING;
    qsort(sequence->moments, sequence->count, sizeof *sequence->moments, by_time);
    for (size_t i = 0; i < sequence->count; i++) {
        const struct moment *moment = &sequence->moments[i];
        struct event event;
        arena_reset(arena);
        decode(&event, moment->record, moment->format, moment->time == NO_TIME ? now : moment->time, NULL,
               arena);
        if (moment->time != NO_TIME)
            event.time = moment->time;
        now = event.time > now ? event.time : now;
        rule_stream_event(stream, &event);
    }
    if (sequence->until >= 0)
        rule_stream_advance(stream, now + sequence->until);
    else
        rule_stream_end(stream);
    rule_stream_free(stream);
    arena_free(arena);
}

static void run_one(const struct ruleset *ruleset, const struct yaml_node *node, rule_sequence_fn *fn,
                    void *arg, struct rule_sequence_counts *counts)
{
    char message[MESSAGE_BYTES_MAX] = "";
    struct sequence sequence = {.until = -1, .finds = -1};
    const struct yaml_node *name = yaml_get(node, "name");
    sequence.moments = calloc(RULE_SEQUENCE_EVENTS_MAX, sizeof *sequence.moments);
    assert(sequence.moments);
    bool readable = read_sequence(&sequence, node);
    bool must_find = sequence.finds != 0, passed = false;
    counts->finding += must_find;
    counts->others += !must_find;
    if (readable) {
        play(&sequence, ruleset);
        passed = sequence.finds < 0 ? sequence.found > 0 : sequence.found == (size_t)sequence.finds;
    }
    if (!readable)
        snprintf(message, sizeof message, "%s", sequence.why);
    else if (!passed)
        snprintf(message, sizeof message,
                 "the sequence should give %s%" PRId64 " and gave %zu (the last with event %" PRIu64 ")",
                 sequence.finds < 0 ? "at least " : "", sequence.finds < 0 ? 1 : sequence.finds,
                 sequence.found, sequence.last);
    const struct yaml_node *place = readable ? node : sequence.wrong;
    const struct rule_sequence result = {
        readable,    passed,        must_find,
        place->line, place->column, name && name->kind == YAML_SCALAR ? name->text : SV("a sequence"),
        message};
    free(sequence.moments);
    fn(arg, &result);
}

void rule_sequences_run(const struct ruleset *ruleset, const struct yaml_node *list, rule_sequence_fn *fn,
                        void *arg, struct rule_sequence_counts *ret)
{
    for (const struct yaml_node *node = list->first; node; node = node->next)
        run_one(ruleset, node, fn, arg, ret);
}
