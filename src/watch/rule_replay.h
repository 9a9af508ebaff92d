/* Correlations over logs of the past that several processes read: each writes down what correlations want of
 * the events that it comes by, and then one goes over all of it in the order of time.
 *
 * A log is cut into pieces, whose numbers run on from log to log. Made before the processes are; each of them
 * says which it is (begin), gives the events of a piece in their order, and ends the piece. What they wrote
 * lies in nameless files in $TMPDIR. */
#ifndef VEDETTE_WATCH_RULE_REPLAY_H
#define VEDETTE_WATCH_RULE_REPLAY_H

#include "watch/correlator.h"

struct rule_replay;

/* Borrows the ruleset, which is sealed. −1: there is no room. */
int rule_replay_new(struct rule_replay **ret, const struct ruleset *ruleset, size_t jobs, size_t pieces,
                    struct err *err);
void rule_replay_free(struct rule_replay *replay);

/* This process is the job of that number, from 0. */
void rule_replay_begin(struct rule_replay *replay, size_t job);

/* A rule matched the event. Nothing happens if no correlation wants to know. */
void rule_replay_match(struct rule_replay *replay, size_t rule, const struct event *event);

/* −1: what was given since the last end could not be written. */
int rule_replay_end(struct rule_replay *replay, size_t piece, struct err *err);

/* After all jobs: the time that the logs tell of, from the first of their records to the last. Without it, it
 * is that of the events that rules matched. */
void rule_replay_span(struct rule_replay *replay, nanos from, nanos until);

/* After all jobs: correlates. pieces[i] is how many the i-th log has. Each log is taken to be in order; of
 * all of them the event that is the earliest comes next. −1: what was written cannot be read back. */
int rule_replay_run(struct rule_replay *replay, const size_t *pieces, size_t logs, correlator_fn *fn,
                    void *arg, struct err *err);

#endif
