/* What inputs have in common that senders connect to: they accept them, bound their number, secure them, give
 * each its turn, and stop and go on as the watch says. What a sender's bytes mean is its kind's. Private to
 * this room. */
#ifndef VEDETTE_WATCH_LISTENER_H
#define VEDETTE_WATCH_LISTENER_H

#include "io/stream.h"
#include "watch/input.h"

/* A kind's own struct begins with this. */
struct sender {
    struct input *input;
    struct stream *stream;
    bool waits;  /* whole records lie unread; the next turn takes them */
    bool closed; /* nothing more comes: what lies there is the last */
    struct sender *next, *previous;
};

struct sender_kind {
    size_t size; /* of the kind's own struct; zeroed */
    void (*begin)(struct sender *sender);
    /* Evaluates about `budget` bytes of what lies unread. HELD: not before sender_go_on. */
    enum input_taken (*take)(struct sender *sender, sv in, size_t budget, size_t *ret_used);
    /* Nothing follows what take left. NULL where that is of no use. */
    void (*rest)(struct sender *sender, sv in);
    /* Its turn is over and its findings have left, the last of them with this batch; 0: there were none. May
     * end the sender, as the next may. NULL where no sender is answered. */
    void (*turned)(struct sender *sender, uint64_t batch);
    /* All that was written to it has gone to the kernel. */
    void (*drained)(struct sender *sender);
    /* Its framing is lost: says how. */
    void (*broken)(struct sender *sender, struct err *err);
};

int listener_open(struct input *input, const struct sender_kind *kind, struct err *err);
void listener_resume(struct input *input);
void listener_pause(struct input *input);
void listener_refresh(struct input *input);
void listener_close(struct input *input);

/* NULL at the end; the next one must be fetched before this one may be ended. */
struct sender *listener_first(const struct input *input);

/* It gets another turn, soon. */
void sender_go_on(struct sender *sender);

/* Ends it; what is unsent goes out first. */
void sender_end(struct sender *sender);

#endif
