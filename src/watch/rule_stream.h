/* Rules and correlations over events that are read and not lived through: files, examples, history. Time
 * passes as the events' own times do. */
#ifndef VEDETTE_WATCH_RULE_STREAM_H
#define VEDETTE_WATCH_RULE_STREAM_H

#include "watch/correlator.h"

struct rule_stream;

/* What was found, of rules and correlations alike; ordinal is the event's number (of a correlation's last
 * event), from
 * 1. Views are valid during the call. */
typedef void rule_stream_fn(void *arg, const struct finding *finding, uint64_t ordinal);

/* Borrows the ruleset, which is sealed. */
struct rule_stream *rule_stream_new(const struct ruleset *ruleset, const struct correlator_limits *limits,
                                    rule_stream_fn *fn, void *arg);
void rule_stream_free(struct rule_stream *stream);

/* Takes the next event. An event that is older than one before it counts as having come late. */
void rule_stream_event(struct rule_stream *stream, const struct event *event);

/* Time passes without an event. */
void rule_stream_advance(struct rule_stream *stream, nanos now);

/* The end: what only waited for late events is decided. */
void rule_stream_end(struct rule_stream *stream);

/* For its state, its counts, and learning. */
struct correlator *rule_stream_correlator(struct rule_stream *stream);

#endif
