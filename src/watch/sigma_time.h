/* Parts of a date as Sigma's minute, hour, day, week, month and year see them. Pure. */
#ifndef VEDETTE_WATCH_SIGMA_TIME_H
#define VEDETTE_WATCH_SIGMA_TIME_H

#include "base/sv.h"

enum __attribute__((packed)) sigma_time_part {
    SIGMA_PART_NONE,
    SIGMA_PART_MINUTE, /* 0 to 59 */
    SIGMA_PART_HOUR,   /* 0 to 23 */
    SIGMA_PART_DAY,    /* of the month, 1 to 31 */
    SIGMA_PART_WEEK,   /* ISO 8601's, 1 to 53 */
    SIGMA_PART_MONTH,  /* 1 to 12 */
    SIGMA_PART_YEAR,
};

/* The part of the date that text is: "2026-11-24T08:15:30+01:00" (a blank for the T; the time may be missing,
 * and then has no minute and hour), "Nov 24 08:15:30" (has no week and year), or seconds, milliseconds,
 * microseconds or nanoseconds since 1970 in UTC (10, 13, 16 and 19 digits). It is taken as it is written: no
 * time zone is converted. False if there is none. */
bool sigma_time_part(sv text, enum sigma_time_part part, double *ret);

#endif
