/* Private to queue*.c: the queue, and what it makes of an attempt. */
#ifndef VEDETTE_COURIER_QUEUE_PRIVATE_H
#define VEDETTE_COURIER_QUEUE_PRIVATE_H

#include "courier/appetite.h"
#include "courier/outcome.h"
#include "courier/path.h"
#include "courier/queue.h"
#include "courier/refusals.h"

enum { RETIRED_MAX = 256 };

struct queue {
    struct queue_setup setup;
    struct settings *settings;
    struct path *paths[CONFIG_GATEWAYS_MAX]; /* in the configuration's order */
    size_t path_count;
    struct path *retired[RETIRED_MAX]; /* draining after a reload */
    size_t retired_count;
    uint32_t serial;

    struct delivery *ready; /* leased and without a path yet, most severe first */
    size_t ready_count;
    size_t with_paths; /* deliveries */
    size_t up_count;   /* paths that were up at the last look */
    struct appetite appetite;
    bool started, leasing, more, draining;
    bool foreseeing; /* the lease under way runs after the commit that brings its mail */
    nanos due_at;    /* wall clock; what due_timer is set for */
    struct loop_timer *pump_timer, *due_timer, *expire_timer, *drain_timer;
    loop_fn *idle;
    void *idle_arg;

    struct refusals refusals;
    struct report_gate gate;
};

/* Whether that path may carry it. */
bool queue_allows(const struct queue *queue, const struct delivery *delivery, const struct path *path);

/* What becomes of the message after a round. chance is the same for all of a delivery, so that its recipients
 * go together the next time as well. */
struct verdict queue_judge(const struct queue *queue, const struct delivery *delivery, size_t message,
                           nanos now, uint32_t chance);

#endif
