/* Counts what is let through: token buckets for rates, counters for daily quotas, in tables of fixed size.
 * An entry that is idle (a full bucket, a day that has passed) makes room for another; where none is, the
 * newcomer shares one with all others who came too late. So many senders never cost memory, and being many
 * never buys more than the limit: whoever is in the table keeps what is his, and the newcomers together get
 * what one of them would. Pure but for limits_load and limits_save. */
#ifndef VEDETTE_GATEWAY_LIMITS_H
#define VEDETTE_GATEWAY_LIMITS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/timefmt.h"

struct limits;

enum {
    LIMITS_KEY_BYTES = 16,
    LIMITS_WAYS = 8,            /* entries among which a new one must find its place */
    LIMITS_BUCKETS_MAX = 65536, /* rates in use at once */
    LIMITS_QUOTAS_MAX = 65536,  /* quotas in use today */
};

/* secret: random bytes, so that nobody can choose names whose entries meet. */
struct limits *limits_new(const uint8_t secret[static LIMITS_KEY_BYTES]);
void limits_free(struct limits *limits); /* NULL is fine */

/* One limit as a rule has it. key names rule and whoever is counted: the same bytes, the same count. */
struct limit_rate {
    sv key;
    unsigned count; /* so many … */
    nanos length;   /* … in so long */
    unsigned burst; /* at once; at least 1 */
};

/* How long until one more may pass; 0: now. Nothing is counted. */
nanos limits_rate_wait(const struct limits *limits, const struct limit_rate *rate, nanos now);
void limits_rate_take(struct limits *limits, const struct limit_rate *rate, nanos now); /* counts one */

struct limit_quota {
    sv key;
    uint32_t count; /* so many … */
    int64_t day;    /* … on this day, as zone_time counts them */
};

/* How many more may pass today. Nothing is counted. */
uint32_t limits_quota_left(const struct limits *limits, const struct limit_quota *quota);
void limits_quota_take(struct limits *limits, const struct limit_quota *quota); /* counts one */

/* Quotas survive a restart, rates do not: a file in folder_fd that is whole or not there. A file that was
 * damaged is an error, and the quotas then begin at 0; one that is not there is none. */
bool limits_changed(const struct limits *limits); /* since the last save */
int limits_save(struct limits *limits, int folder_fd, const char *name, struct err *err);
int limits_load(struct limits *limits, const char *path, struct err *err);

#endif
