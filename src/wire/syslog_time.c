#include "wire/syslog_time.h"

#include "base/ascii.h"

enum { GRACE_DAYS = 2, FRACTION_DIGITS_MAX = 9, ISO_BYTES_MIN = 19, EPOCH_DIGITS = 10 };

#define GRACE (GRACE_DAYS * 86400LL * NANOS_PER_SECOND)

/* What is read of a moment before it is made one. */
struct civil {
    unsigned year; /* 0 if it was not written */
    unsigned month, day, hour, minute, second;
    nanos fraction;
    bool zoned;
    int offset_s; /* if zoned */
};

/* What a moment is read by that does not say all of itself. */
struct reading {
    nanos arrival;
    const struct zone *zone;
};

static bool take_char(sv *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = sv_from(*s, 1);
    return true;
}

static void skip_spaces(sv *s)
{
    while (take_char(s, ' '))
        ;
}

/* `min` to `max` digits that no further digit follows. */
static bool take_digits(sv *s, size_t min, size_t max, unsigned *ret)
{
    unsigned value = 0;
    size_t n = 0;
    while (n < s->n && n <= max && ascii_digit(s->p[n]))
        value = value * 10 + (unsigned)(s->p[n++] - '0');
    if (n < min || n > max)
        return false;
    *s = sv_from(*s, n);
    *ret = value;
    return true;
}

static void take_fraction(sv *s, nanos *ret)
{
    nanos scale = NANOS_PER_SECOND / 10;
    if (s->n < 2 || (s->p[0] != '.' && s->p[0] != ',') || !ascii_digit(s->p[1]))
        return;
    *s = sv_from(*s, 1);
    for (; s->n && ascii_digit(s->p[0]); *s = sv_from(*s, 1), scale /= 10)
        *ret += (s->p[0] - '0') * scale;
}

static bool take_month(sv *s, unsigned *ret)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if (s->n < 4 || s->p[3] != ' ')
        return false;
    for (unsigned i = 0; i < 12; i++) {
        if (memcmp(names + 3 * (size_t)i, s->p, 3) == 0) {
            *s = sv_from(*s, 3);
            *ret = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_year(sv *s, unsigned *ret)
{
    sv rest = *s;
    unsigned year;
    if (!take_digits(&rest, 4, 4, &year) || year < 1970 || year > 2261)
        return false;
    /* "2001:db8::1" is an address. */
    bool ends = rest.n == 0 || rest.p[0] == ' ' || (rest.p[0] == ':' && (rest.n == 1 || rest.p[1] == ' '));
    if (!ends)
        return false;
    *s = rest;
    *ret = year;
    return true;
}

static bool take_clock(sv *s, struct civil *civil)
{
    if (!take_digits(s, 2, 2, &civil->hour) || !take_char(s, ':') || !take_digits(s, 2, 2, &civil->minute) ||
        !take_char(s, ':') || !take_digits(s, 2, 2, &civil->second))
        return false;
    take_fraction(s, &civil->fraction);
    return civil->hour < 24 && civil->minute < 60 && civil->second <= 60;
}

/* A zone's name, as some devices write it behind the time; only names that mean one offset. */
static void take_zone(sv *s, struct civil *civil)
{
    static const struct {
        sv name;
        int offset_min;
    } zones[] = {
        {SV_INIT("UTC"), 0},    {SV_INIT("GMT"), 0},    {SV_INIT("CET"), 60},   {SV_INIT("CEST"), 120},
        {SV_INIT("EET"), 120},  {SV_INIT("EEST"), 180}, {SV_INIT("EST"), -300}, {SV_INIT("EDT"), -240},
        {SV_INIT("CDT"), -300}, {SV_INIT("MST"), -420}, {SV_INIT("MDT"), -360}, {SV_INIT("PST"), -480},
        {SV_INIT("PDT"), -420}, {SV_INIT("JST"), 540},
    };
    sv rest = *s;
    sv word = sv_word(&rest);
    bool colon = word.n && word.p[word.n - 1] == ':';
    word.n -= colon;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        if (sv_eq(word, zones[i].name)) {
            civil->zoned = true;
            civil->offset_s = zones[i].offset_min * 60;
            *s = (sv){word.p + word.n, s->n - (size_t)(word.p + word.n - s->p)};
            return;
        }
    }
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool is_day(const struct civil *civil, int64_t year)
{
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (civil->month == 2 && civil->day == 29)
        return is_leap(year);
    return civil->day >= 1 && civil->day <= days[civil->month - 1];
}

static nanos moment(const struct civil *civil, int64_t year, const struct reading *reading)
{
    int64_t shown =
        time_from_civil(year, civil->month, civil->day, civil->hour, civil->minute, civil->second);
    int64_t seconds =
        civil->zoned ? shown - civil->offset_s : zone_second(reading->zone, shown, reading->arrival);
    return seconds * NANOS_PER_SECOND + civil->fraction;
}

/* The latest year in which the moment is not after arrival; four back reach a leap day (but for 1900's). */
static bool guess_year(const struct civil *civil, const struct reading *reading, nanos *ret)
{
    int64_t last = time_year(reading->arrival) + 1;
    for (int64_t year = last; year > last - 6; year--) {
        nanos time = is_day(civil, year) ? moment(civil, year, reading) : INT64_MAX;
        if (time <= reading->arrival + GRACE) {
            *ret = time;
            return true;
        }
    }
    return false;
}

static bool take_bsd(sv *s, const struct reading *reading, nanos *ret, bool *ret_assumed)
{
    sv rest = *s;
    struct civil civil = {0};
    if (take_year(&rest, &civil.year))
        skip_spaces(&rest);
    if (!take_month(&rest, &civil.month))
        return false;
    skip_spaces(&rest);
    if (!take_digits(&rest, 1, 2, &civil.day) || civil.day < 1 || civil.day > 31)
        return false;
    skip_spaces(&rest);
    if (civil.year == 0 && take_year(&rest, &civil.year))
        skip_spaces(&rest);
    if (!take_clock(&rest, &civil))
        return false;
    take_zone(&rest, &civil);
    if (civil.year == 0 && rest.n && rest.p[0] == ' ') {
        sv after = sv_from(rest, 1);
        if (take_year(&after, &civil.year))
            rest = after;
    }
    *ret_assumed = civil.year == 0 || !civil.zoned;
    if (civil.year == 0 ? !guess_year(&civil, reading, ret) : !is_day(&civil, civil.year))
        return false;
    if (civil.year)
        *ret = moment(&civil, civil.year, reading);
    *s = rest;
    return true;
}

/* RFC 3339, or the same without a zone: that is read as UTC first and moved by the zone assumed. */
static bool take_iso(sv *s, const struct reading *reading, nanos *ret, bool *ret_assumed)
{
    char text[ISO_BYTES_MIN + 1 + FRACTION_DIGITS_MAX + 2];
    if (s->n < ISO_BYTES_MIN || s->p[4] != '-' || s->p[7] != '-')
        return false;
    size_t used = time_parse_rfc3339(*s, ret);
    if (used) {
        *ret_assumed = false;
        *s = sv_from(*s, used);
        return true;
    }
    sv rest = sv_from(*s, ISO_BYTES_MIN);
    nanos fraction = 0, time;
    take_fraction(&rest, &fraction);
    size_t n = sv_copy(text, sizeof text - 1, sv_first(*s, ISO_BYTES_MIN));
    text[n++] = 'Z';
    if (time_parse_rfc3339(sv_make(text, n), &time) == 0)
        return false;
    *ret =
        zone_second(reading->zone, time / NANOS_PER_SECOND, reading->arrival) * NANOS_PER_SECOND + fraction;
    *ret_assumed = true;
    *s = rest;
    return true;
}

static bool take_epoch(sv *s, nanos *ret, bool *ret_assumed)
{
    sv rest = sv_from(*s, EPOCH_DIGITS);
    uint64_t seconds;
    if (s->n <= EPOCH_DIGITS || !sv_to_u64(sv_first(*s, EPOCH_DIGITS), &seconds) ||
        (rest.p[0] != '.' && rest.p[0] != ' ') || seconds >= 9200000000ULL)
        return false;
    nanos fraction = 0;
    take_fraction(&rest, &fraction);
    *ret = (nanos)seconds * NANOS_PER_SECOND + fraction;
    *ret_assumed = false;
    *s = rest;
    return true;
}

bool syslog_time_take(sv *s, nanos arrival, const struct zone *zone, nanos *ret, bool *ret_assumed)
{
    const struct reading reading = {arrival, zone};
    nanos time;
    bool assumed;
    if (s->n == 0)
        return false;
    bool taken = ascii_digit(s->p[0])
                     ? take_iso(s, &reading, &time, &assumed) || take_epoch(s, &time, &assumed) ||
                           take_bsd(s, &reading, &time, &assumed)
                     : take_bsd(s, &reading, &time, &assumed);
    if (!taken)
        return false;
    *ret = time;
    *ret_assumed = assumed;
    return true;
}
