/* Who sends what, lately: one row for each client, account and sender, in a table of fixed size in which the
 * row that was quiet for longest makes room. For people who look, never for decisions. Pure. */
#ifndef VEDETTE_GATEWAY_ACTIVITY_H
#define VEDETTE_GATEWAY_ACTIVITY_H

#include "base/timefmt.h"
#include "gateway/guard.h"

struct activity;

enum { ACTIVITY_ROWS_MAX = 4096, ACTIVITY_TEXT_MAX = 128 };

struct activity_row {
    char client[64], account[ACTIVITY_TEXT_MAX], sender[ACTIVITY_TEXT_MAX]; /* cut where longer */
    char rule[72];                                                          /* that decided last */
    uint64_t taken, refused, deferred, held;
    uint64_t bytes;       /* of what was taken */
    unsigned last_minute; /* decisions in the minute before now */
    nanos first_at, last_at;
};

struct activity *activity_new(void);
void activity_free(struct activity *activity); /* NULL is fine */

/* One verdict of the guard that is not LATER. */
void activity_decided(struct activity *activity, const struct guard_question *question,
                      const struct guard_verdict *verdict);

/* So many bytes were taken. */
void activity_took(struct activity *activity, sv client, sv account, sv sender, uint64_t bytes, nanos now);

/* The rows, the most recent first, at most max of them. */
typedef void activity_fn(void *arg, const struct activity_row *row);
void activity_each(const struct activity *activity, nanos now, size_t max, activity_fn *fn, void *arg);

#endif
