/* The courier's side of the correlator: it is asked in order, answers in order, and is given the state on
 * disk each time it begins. What it was asked and has not answered when it ends is asked again, for nothing
 * of it is on disk. */
#ifndef VEDETTE_COURIER_CORRELATING_H
#define VEDETTE_COURIER_CORRELATING_H

#include "courier/jobs.h"
#include "io/channel.h"
#include "wire/correlated.h"

struct correlating;

/* How often the correlator may end over one batch before that goes on without it: an error of ours there must
 * not keep every alert from its reader. */
enum { CORRELATING_TRIES_MAX = 3 };

/* The parts of an answer, in order. */
struct answer {
    struct answer *next;
    sv body; /* of a CORRELATED message; it stands behind the struct */
};

void answer_free(struct answer *answer);

/* What the batch that was asked about gave; it belongs to the callee. NULL with given_up: nothing, and
 * nothing will come. of is NULL when the correlator spoke of its own accord. */
typedef void correlating_fn(void *arg, void *of, struct answer *answer, bool given_up);

struct correlating *correlating_new(struct jobs *jobs, correlating_fn *fn, void *arg);

/* Its channel, borrowed; NULL: it is gone. */
void correlating_channel(struct correlating *correlating, struct channel *channel);
void correlating_message(struct correlating *correlating, enum control_type type, sv body);

/* Asks about a batch, with a number for the answer to come back to. The projections are borrowed until then.
 */
void correlating_ask(struct correlating *correlating, const sv *projections, size_t count, void *of);

/* True while there is one to be asked. */
bool correlating_present(const struct correlating *correlating);

/* Nobody will answer any more: forgets what was asked, without a word. Only while there is none. */
void correlating_give_up(struct correlating *correlating);

/* What it gave could not be committed: it must start anew from what is on disk. */
void correlating_reset(struct correlating *correlating);

/* Answers come no more. */
void correlating_free(struct correlating *correlating);

#endif
