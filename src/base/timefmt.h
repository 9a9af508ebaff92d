/* Time: one type for moments and lengths, and its written forms. Clocks are read in io/ and cmd/ only. */
#ifndef VEDETTE_BASE_TIMEFMT_H
#define VEDETTE_BASE_TIMEFMT_H

#include "base/sv.h"

/* Nanoseconds: since 1970-01-01T00:00:00Z where a moment is meant. 0 stands for "unknown" or "never". */
typedef int64_t nanos;

#define NANOS_PER_SECOND 1000000000LL
#define NANOS_PER_MS     1000000LL

/* "2026-11-24T08:15:30.123Z" (RFC 3339, UTC, milliseconds). cap ≥ 32. Returns text. */
char *time_rfc3339(nanos t, char *text, size_t cap);

/* "Tue, 24 Nov 2026 08:15:30 +0000" (RFC 5322 §3.3). cap ≥ 40. Returns text. */
char *time_rfc5322(nanos t, char *text, size_t cap);

/* "850 ms", "12.4 s", "3 min", "2 h", "5 d": a length for people. cap ≥ 32. Returns text. */
char *time_length(nanos length, char *text, size_t cap);

/* A moment as it was written: reading one is cheap, making it a point in time less so. */
struct civil {
    unsigned year; /* 0 if it was not written */
    unsigned month, day, hour, minute, second;
    nanos fraction;
    bool zoned;
    int64_t offset_s; /* east of UTC, if zoned */
};

/* Reads a moment as time_parse_rfc3339 does, but one without an offset too. Returns the bytes taken, 0 if
 * there is none (then *ret may be anything). */
size_t time_parse_civil(sv s, struct civil *ret);

/* The number that two digits write; 100 if they are none. For clocks and dates, whose parts are less. */
static inline unsigned time_pair(const char *digits)
{
    unsigned tens = (unsigned)(digits[0] - '0'), ones = (unsigned)(digits[1] - '0');
    return tens <= 9 && ones <= 9 ? tens * 10 + ones : 100;
}

/* Reads an RFC 3339 moment (any offset, fraction to nanoseconds; "T" or a space; offset may be "Z", "+hh:mm"
 * or "+hhmm") at the start of s. Returns the bytes taken, 0 if there is none. */
size_t time_parse_rfc3339(sv s, nanos *ret);

/* Seconds since the epoch of a civil date in UTC; month 1..12, day 1..31. */
int64_t time_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute,
                        unsigned second);

/* The year of t in UTC. */
int64_t time_year(nanos t);

/* Reads "500ms", "10s", "15m", "4h", "2d". False if s is not of that form or over 10 years. */
bool time_parse_length(sv s, nanos *ret);

#endif
