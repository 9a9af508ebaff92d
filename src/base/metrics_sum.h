/* Adds up the counters of several processes of one kind: the texts of base/metrics.h become one. */
#ifndef VEDETTE_BASE_METRICS_SUM_H
#define VEDETTE_BASE_METRICS_SUM_H

#include "base/buf.h"

struct metrics_sum;

struct metrics_sum *metrics_sum_new(void);
void metrics_sum_free(struct metrics_sum *sum);

/* Takes one process's text: samples of the same name and labels become one. What is no line of such a text is
 * left out. */
void metrics_sum_add(struct metrics_sum *sum, sv text);

/* Appends the sum: families in the order in which they came first, and so their samples. */
void metrics_sum_write(const struct metrics_sum *sum, struct buf *out);

#endif
