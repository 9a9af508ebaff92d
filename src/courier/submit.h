/* Queues one mail or one finding from a command, durable before it is answered. */
#ifndef VEDETTE_COURIER_SUBMIT_H
#define VEDETTE_COURIER_SUBMIT_H

#include "courier/courier.h"
#include "courier/jobs.h"
#include "courier/settings.h"

struct submit_ids {
    int64_t alert, mail, first_message;
    size_t message_count;
};

/* queued is called before the submission's done, if it is on disk. */
typedef void submit_queued_fn(void *arg, const struct submit_ids *ids);

struct submit_setup {
    struct jobs *jobs;
    struct settings *settings; /* kept as long as it is needed */
    submit_queued_fn *queued;
    void *queued_arg;
    courier_submitted_fn *done;
    void *done_arg;
};

void submit(const struct submit_setup *setup, const struct courier_submission *submission);

#endif
