#include "watch/rule_stream.h"

#include "watch/mask.h"

#include <assert.h>
#include <stdlib.h>

enum { ARENA_BYTES_MAX = 4 * 1024 * 1024 }; /* what is hidden of one event, and picked of its findings */

struct rule_stream {
    const struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
    struct correlator *correlator;
    rule_stream_fn *fn;
    void *arg;
    uint64_t ordinal;
    nanos now; /* the latest time of an event; 0: none has told one yet */
    struct arena *arena;
};

struct rule_stream *rule_stream_new(const struct ruleset *ruleset, const struct correlator_limits *limits,
                                    rule_stream_fn *fn, void *arg)
{
    struct rule_stream *stream = calloc(1, sizeof *stream);
    assert(stream);
    *stream = (struct rule_stream){.ruleset = ruleset,
                                   .matcher = ruleset_matcher_new(ruleset),
                                   .fn = fn,
                                   .arg = arg,
                                   .arena = arena_new(ARENA_BYTES_MAX)};
    stream->correlator = correlator_new(ruleset, limits, fn, arg);
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

/* Time passes by records that no rule matches, too, or a sensor that falls silent were never told of. What
 * has no time of its own got that of its arrival, which is no time of the past. */
static void pass(struct rule_stream *stream, const struct event *event, bool matched)
{
    bool first = stream->now == 0;
    if (!matched && event->time >= event->arrival)
        return;
    stream->now = event->time > stream->now ? event->time : stream->now;
    if (first)
        correlator_start(stream->correlator, stream->now);
    correlator_advance(stream->correlator, stream->now);
}

void rule_stream_event(struct rule_stream *stream, const struct event *event)
{
    size_t count;
    stream->ordinal++;
    const size_t *matches = ruleset_match(stream->matcher, event, &count);
    pass(stream, event, count > 0);
    struct masks *masks = ruleset_masks(stream->ruleset);
    struct event shown = *event;
    arena_reset(stream->arena);
    if (count && masks)
        masks_hide(masks, &shown, stream->arena);
    for (size_t i = 0; i < count; i++) {
        struct finding finding = rule_finding(ruleset_rule(stream->ruleset, matches[i]), &shown);
        finding.received_at = finding.matched_at = stream->now;
        if (!correlation_silences(stream->ruleset, matches[i]))
            stream->fn(stream->arg, &finding, stream->ordinal);
        if (!correlation_wants(stream->ruleset, matches[i]))
            continue;
        struct projection projection;
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
