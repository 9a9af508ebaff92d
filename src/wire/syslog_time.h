/* Reads the moments that stand in front of log lines: RFC 3339, and what devices make of RFC 3164's. Pure. */
#ifndef VEDETTE_WIRE_SYSLOG_TIME_H
#define VEDETTE_WIRE_SYSLOG_TIME_H

#include "wire/decoding.h"

/* Cuts a moment off the front of *s: RFC 3339 with or without its zone; "Mmm dd hh:mm:ss" with a fraction, a
 * year before or after, a zone's name; seconds since the epoch with a fraction. False, and *s untouched, if
 * there is none. */
bool syslog_time_take(sv *s, struct civil *ret);

/* When that was. *ret_assumed tells that the year (the latest that is not after arrival, with two days of
 * grace) or the zone was guessed: what names no zone is of `zone` (NULL: UTC). */
nanos syslog_time_moment(const struct civil *civil, nanos arrival, const struct zone *zone,
                         bool *ret_assumed);

/* Gives it to the event; a guess only if the event has no time of its source's yet. */
void syslog_time_apply(struct decoding *decoding, const struct civil *civil);

#endif
