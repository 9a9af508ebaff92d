/* What is to be said of a canary that has landed or was missed. */
#ifndef VEDETTE_COURIER_CANARY_VERDICT_H
#define VEDETTE_COURIER_CANARY_VERDICT_H

#include "courier/cause.h"
#include "store/canary.h"

struct canary_verdict {
    int64_t id;
    bool landed, junk;
    nanos latency; /* of one that landed */
    enum cause cause;
    char text[512], advice[320];
};

/* Of a canary that is not waited for any more. */
void canary_verdict_read(const struct store_canary *canary, struct canary_verdict *ret);

/* Writes down each canary that is past its time as missed, with the cause that its message shows. At most
 * CANARY_MISSED_MAX a call. arena is reset. Inside a batch. */
enum { CANARY_MISSED_MAX = 64 };
int canary_verdict_miss_overdue(struct store *store, nanos now, struct arena *arena, struct err *err);

#endif
