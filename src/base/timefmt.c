#include "base/timefmt.h"

#include <stdio.h>
#include <time.h>

#include "base/ascii.h"

static void split(nanos t, struct tm *tm, int *ms)
{
    int64_t rest = t % NANOS_PER_SECOND;
    time_t seconds = (time_t)(t / NANOS_PER_SECOND - (rest < 0));
    *ms = (int)((rest < 0 ? rest + NANOS_PER_SECOND : rest) / NANOS_PER_MS);
    gmtime_r(&seconds, tm);
}

char *time_rfc3339(nanos t, char *text, size_t cap)
{
    struct tm tm;
    int ms;
    split(t, &tm, &ms);
    snprintf(text, cap, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
             tm.tm_hour, tm.tm_min, tm.tm_sec, ms);
    return text;
}

char *time_rfc5322(nanos t, char *text, size_t cap)
{
    static const char days[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;
    int ms;
    split(t, &tm, &ms);
    snprintf(text, cap, "%s, %d %s %04d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday,
             months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return text;
}

char *time_length(nanos length, char *text, size_t cap)
{
    double s = (double)length / (double)NANOS_PER_SECOND;
    if (s < 1)
        snprintf(text, cap, "%.*f ms", s < 0.01 ? 1 : 0, s * 1000);
    else if (s < 120)
        snprintf(text, cap, "%.1f s", s);
    else if (s < 2 * 3600)
        snprintf(text, cap, "%.0f min", s / 60);
    else if (s < 2 * 86400)
        snprintf(text, cap, "%.0f h", s / 3600);
    else
        snprintf(text, cap, "%.0f d", s / 86400);
    return text;
}

/* Days from civil: Howard Hinnant's proleptic Gregorian arithmetic, as a fact of the calendar. */
int64_t time_from_civil(int64_t year, unsigned month, unsigned day, unsigned hour, unsigned minute,
                        unsigned second)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    int64_t days = era * 146097 + doe - 719468;
    return days * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + (int64_t)second;
}

/* The same count backwards: years begin in March, and 400 of them are as many days as any others. */
int64_t time_year(nanos t)
{
    int64_t seconds = t / NANOS_PER_SECOND - (t % NANOS_PER_SECOND < 0);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0) + 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    return yoe + era * 400 + (doy >= 306); /* January and February are the next year's */
}

static size_t parse_fraction(sv s, size_t at, nanos *ret)
{
    nanos scale = NANOS_PER_SECOND / 10, ns = 0;
    if (at >= s.n || (s.p[at] != '.' && s.p[at] != ','))
        return at;
    size_t i = at + 1;
    for (; i < s.n && ascii_digit(s.p[i]); i++, scale /= 10)
        ns += (s.p[i] - '0') * scale;
    *ret = ns;
    return i;
}

/* "Z", "+hh:mm" or "+hhmm" at s[at]. Returns where it ends, 0 if there is none. */
static size_t parse_offset(sv s, size_t at, int64_t *ret_s)
{
    if (at < s.n && (s.p[at] == 'Z' || s.p[at] == 'z')) {
        *ret_s = 0;
        return at + 1;
    }
    if (at + 5 > s.n || (s.p[at] != '+' && s.p[at] != '-'))
        return 0;
    size_t colon = s.p[at + 3] == ':', end = at + 5 + colon;
    if (end > s.n)
        return 0;
    unsigned hours = time_pair(s.p + at + 1), minutes = time_pair(s.p + at + 3 + colon);
    if (hours > 23 || minutes > 59)
        return 0;
    int64_t offset = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    *ret_s = s.p[at] == '-' ? -offset : offset;
    return end;
}

/* "2026-11-24T08:15:30", which is 19 bytes. */
static bool parse_date_and_clock(const char *p, struct civil *ret)
{
    unsigned century = time_pair(p), year = time_pair(p + 2), month = time_pair(p + 5),
             day = time_pair(p + 8);
    unsigned hour = time_pair(p + 11), minute = time_pair(p + 14), second = time_pair(p + 17);
    bool marked = p[4] == '-' && p[7] == '-' && (p[10] == 'T' || p[10] == 't' || p[10] == ' ') &&
                  p[13] == ':' && p[16] == ':';
    if (!marked || century > 99 || year > 99 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    *ret = (struct civil){century * 100 + year, month, day, hour, minute, second};
    return ret->year >= 1678 && ret->year <= 2261; /* nanoseconds in 64 bits end in 2262 */
}

size_t time_parse_civil(sv s, struct civil *ret)
{
    enum { BARE = 19 };
    if (s.n < BARE || !parse_date_and_clock(s.p, ret))
        return 0;
    size_t at = parse_fraction(s, BARE, &ret->fraction);
    size_t end = parse_offset(s, at, &ret->offset_s);
    ret->zoned = end > 0;
    return ret->zoned ? end : at > BARE + 1 ? at : BARE;
}

size_t time_parse_rfc3339(sv s, nanos *ret)
{
    struct civil civil;
    size_t end = time_parse_civil(s, &civil);
    if (end == 0 || !civil.zoned)
        return 0;
    int64_t seconds =
        time_from_civil(civil.year, civil.month, civil.day, civil.hour, civil.minute, civil.second);
    *ret = (seconds - civil.offset_s) * NANOS_PER_SECOND + civil.fraction;
    return end;
}

bool time_parse_length(sv s, nanos *ret)
{
    static const struct {
        sv unit;
        nanos length;
    } units[] = {{SV_INIT("ms"), NANOS_PER_MS},
                 {SV_INIT("s"), NANOS_PER_SECOND},
                 {SV_INIT("m"), 60 * NANOS_PER_SECOND},
                 {SV_INIT("h"), 3600 * NANOS_PER_SECOND},
                 {SV_INIT("d"), 86400 * NANOS_PER_SECOND}};
    size_t n = 0;
    while (n < s.n && ascii_digit(s.p[n]))
        n++;
    uint64_t count;
    if (!sv_to_u64(sv_first(s, n), &count) || count > 315360000000ULL)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (sv_eq(sv_from(s, n), units[i].unit)) {
            nanos length;
            if (__builtin_mul_overflow((nanos)count, units[i].length, &length) ||
                length > 315360000 * NANOS_PER_SECOND)
                return false;
            *ret = length;
            return true;
        }
    return false;
}
