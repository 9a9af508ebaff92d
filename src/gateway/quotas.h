/* Keeps the daily quotas on disk: read at the start, written within seconds of a change and at the end. */
#ifndef VEDETTE_GATEWAY_QUOTAS_H
#define VEDETTE_GATEWAY_QUOTAS_H

#include "gateway/limits.h"
#include "io/loop.h"

struct quotas;

/* Makes limits with what the file "quotas" in folder has. A file that was damaged is logged, and today's
 * quotas begin at 0. What cannot be written is logged, and tried again. */
struct quotas *quotas_open(struct loop *loop, const char *folder);

/* They live as long as quotas. */
struct limits *quotas_limits(struct quotas *quotas);

/* Writes what has changed. NULL is fine. */
void quotas_close(struct quotas *quotas);

#endif
