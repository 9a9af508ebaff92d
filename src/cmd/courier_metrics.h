/* The courier's counters: what became of messages, step by step and gateway by gateway, and what the queue
 * holds. */
#ifndef VEDETTE_CMD_COURIER_METRICS_H
#define VEDETTE_CMD_COURIER_METRICS_H

#include "courier/courier.h"

struct courier_metrics;

struct courier_metrics *courier_metrics_new(struct loop *loop, struct courier *courier);

/* Appends the text. The queue's sizes are those of at most ten seconds ago. */
void courier_metrics_write(const struct courier_metrics *metrics, struct buf *out);

/* Before the courier. NULL is fine. */
void courier_metrics_free(struct courier_metrics *metrics);

#endif
