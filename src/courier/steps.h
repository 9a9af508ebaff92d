/* Who is told what happens, step by step. */
#ifndef VEDETTE_COURIER_STEPS_H
#define VEDETTE_COURIER_STEPS_H

#include "courier/courier.h"

enum { STEPS_LISTENERS_MAX = 64 };

struct steps {
    struct {
        courier_step_fn *fn;
        void *arg;
    } listeners[STEPS_LISTENERS_MAX];
    size_t count;
};

/* Past the maximum the newest listener takes the oldest one's place. */
void steps_subscribe(struct steps *steps, courier_step_fn *fn, void *arg);
void steps_unsubscribe(struct steps *steps, void *arg);

/* Looks before anything is formatted: nobody listens most of the time. */
static inline bool steps_heard(const struct steps *steps)
{
    return steps->count > 0;
}

/* Fills in step->at if it is 0. */
void steps_tell(struct steps *steps, struct courier_step *step);

/* One step "queued" for each message of a mail; their ids follow each other. */
void steps_tell_queued(struct steps *steps, int64_t alert_id, int64_t mail_id, int64_t first_message_id,
                       size_t message_count);

#endif
