#include "courier/steps.h"

void steps_subscribe(struct steps *steps, courier_step_fn *fn, void *arg)
{
    if (steps->count == STEPS_LISTENERS_MAX)
        steps_unsubscribe(steps, steps->listeners[0].arg);
    steps->listeners[steps->count].fn = fn;
    steps->listeners[steps->count++].arg = arg;
}

void steps_unsubscribe(struct steps *steps, void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < steps->count; i++)
        if (steps->listeners[i].arg != arg)
            steps->listeners[kept++] = steps->listeners[i];
    steps->count = kept;
}

void steps_tell(struct steps *steps, struct courier_step *step)
{
    if (!step->at)
        step->at = loop_now();
    /* From the newest to the oldest, so that a listener may leave while it is told. */
    for (size_t i = steps->count; i-- > 0;)
        if (i < steps->count)
            steps->listeners[i].fn(steps->listeners[i].arg, step);
}

void steps_tell_queued(struct steps *steps, int64_t alert_id, int64_t mail_id, int64_t first_message_id,
                       size_t message_count)
{
    for (size_t i = 0; i < message_count; i++) {
        struct courier_step step = {
            .alert_id = alert_id,
            .mail_id = mail_id,
            .message_id = first_message_id + (int64_t)i,
            .step = "queued",
        };
        steps_tell(steps, &step);
    }
}
