/* Counts what is let through: token buckets for rates, counters for daily quotas, in tables of fixed size.
 * When a table is full, the entry that is nearest to being idle makes room; where none is idle, the
 * newcomer shares one bucket with all others who came too late: many senders never cost memory, and being
 * many never buys more than the limit. Pure but for limits_load and limits_save. */
#ifndef VEDETTE_GATEWAY_LIMITS_H
#define VEDETTE_GATEWAY_LIMITS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/timefmt.h"

struct limits;

enum {
    LIMITS_BUCKETS_MAX = 65536, /* rates in use at once */
    LIMITS_QUOTAS_MAX = 65536,  /* quotas in use today */
};

struct limits *limits_new(void);
void limits_free(struct limits *limits); /* NULL is fine */

/* One limit as a rule has it. key names rule and whoever is counted: the same text, the same count. */
struct limit_rate {
    sv key;
    unsigned count; /* so many … */
    nanos per;      /* … in so long */
    unsigned burst; /* at once; at least 1 */
};
struct limit_quota {
    sv key;
    uint64_t count; /* so many … */
    int64_t day;    /* … on this day, as days since 1970 in the rule's time zone */
};

/* True if one more may pass now; nothing is counted. Else *ret_wait says when the next may. */
bool limits_rate_allows(const struct limits *limits, const struct limit_rate *rate, nanos now,
                        nanos *ret_wait);
bool limits_quota_allows(const struct limits *limits, const struct limit_quota *quota);

/* Counts one. */
void limits_rate_take(struct limits *limits, const struct limit_rate *rate, nanos now);
void limits_quota_take(struct limits *limits, const struct limit_quota *quota);

/* Quotas survive a restart: what changed since the last save, as a file that is whole or not there. A file
 * that cannot be read or was damaged is an error, and the quotas then begin at 0. */
bool limits_changed(const struct limits *limits);
int limits_save(struct limits *limits, int folder_fd, const char *name, struct err *err);
int limits_load(struct limits *limits, const char *path, struct err *err);

#endif
