#include "watch/rule_stream.h"

#include <assert.h>
#include <stdlib.h>

enum { ARENA_BYTES_MAX = 256 * 1024 };

/* As the configuration has them by default. */
static const struct correlator_limits limits = {(size_t)256 << 20, 600 * NANOS_PER_SECOND,
                                                300 * NANOS_PER_SECOND};

struct rule_stream {
    const struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
    struct correlator *correlator;
    rule_stream_fn *fn;
    void *arg;
    uint64_t ordinal;
    nanos now; /* the latest time of an event */
    struct arena *arena;
};

struct rule_stream *rule_stream_new(const struct ruleset *ruleset, rule_stream_fn *fn, void *arg)
{
    struct rule_stream *stream = calloc(1, sizeof *stream);
    assert(stream);
    *stream = (struct rule_stream){.ruleset = ruleset,
                                   .matcher = ruleset_matcher_new(ruleset),
                                   .fn = fn,
                                   .arg = arg,
                                   .arena = arena_new(ARENA_BYTES_MAX)};
    stream->correlator = correlator_new(ruleset, &limits, fn, arg);
    return stream;
}

void rule_stream_free(struct rule_stream *stream)
{
    if (!stream)
        return;
    correlator_free(stream->correlator);
    ruleset_matcher_free(stream->matcher);
    arena_free(stream->arena);
    free(stream);
}

static struct finding finding_of(const struct rule *rule, const struct event *event, nanos now)
{
    return (struct finding){
        .event_time = event->time,
        .received_at = now,
        .matched_at = now,
        .rule_id = rule->id,
        .rule_title = rule->title,
        .author = rule->author,
        .description = rule->description,
        .response = rule->response,
        .false_positives = rule->false_positives,
        .references = rule->references,
        .tags = rule->tags,
        .severity = rule->severity,
        .raw = event->raw,
        .message = event->message,
        .fields = event->fields,
        .field_count = event->field_count,
    };
}

void rule_stream_event(struct rule_stream *stream, const struct event *event)
{
    size_t count;
    stream->ordinal++;
    stream->now = event->time > stream->now ? event->time : stream->now;
    if (stream->ordinal == 1)
        correlator_start(stream->correlator, stream->now);
    const size_t *matches = ruleset_match(stream->matcher, event, &count);
    for (size_t i = 0; i < count; i++) {
        struct finding finding = finding_of(ruleset_rule(stream->ruleset, matches[i]), event, stream->now);
        if (!correlation_silences(stream->ruleset, matches[i]))
            stream->fn(stream->arg, &finding, stream->ordinal);
        if (!correlation_wants(stream->ruleset, matches[i]))
            continue;
        struct projection projection;
        arena_reset(stream->arena);
        correlation_project(stream->ruleset, matches[i], &finding, stream->arena, &projection);
        projection.ordinal = stream->ordinal;
        correlator_feed(stream->correlator, &projection);
    }
}

void rule_stream_advance(struct rule_stream *stream, nanos now)
{
    stream->now = now > stream->now ? now : stream->now;
    correlator_advance(stream->correlator, now);
}

void rule_stream_end(struct rule_stream *stream)
{
    correlator_flush(stream->correlator);
}

struct correlator *rule_stream_correlator(struct rule_stream *stream)
{
    return stream->correlator;
}
