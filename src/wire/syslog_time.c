#include "wire/syslog_time.h"

#include "base/ascii.h"

enum { GRACE_DAYS = 2, EPOCH_DIGITS = 10, LEAP_YEARS_APART_MAX = 8, DAY_S = 86400, CLOCK_BYTES = 8 };

#define GRACE (GRACE_DAYS * (nanos)DAY_S * NANOS_PER_SECOND)

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

/* 1 to 12, or 0. */
static unsigned month_of(const char *name)
{
#define LETTERS(a, b, c) ((unsigned char)(a) << 16 | (unsigned char)(b) << 8 | (unsigned char)(c))
    switch (LETTERS(name[0], name[1], name[2])) {
    case LETTERS('J', 'a', 'n'):
        return 1;
    case LETTERS('F', 'e', 'b'):
        return 2;
    case LETTERS('M', 'a', 'r'):
        return 3;
    case LETTERS('A', 'p', 'r'):
        return 4;
    case LETTERS('M', 'a', 'y'):
        return 5;
    case LETTERS('J', 'u', 'n'):
        return 6;
    case LETTERS('J', 'u', 'l'):
        return 7;
    case LETTERS('A', 'u', 'g'):
        return 8;
    case LETTERS('S', 'e', 'p'):
        return 9;
    case LETTERS('O', 'c', 't'):
        return 10;
    case LETTERS('N', 'o', 'v'):
        return 11;
    case LETTERS('D', 'e', 'c'):
        return 12;
    default:
        return 0;
    }
#undef LETTERS
}

static bool take_month(sv *s, unsigned *ret)
{
    if (s->n < 4 || s->p[3] != ' ')
        return false;
    *ret = month_of(s->p);
    *s = sv_from(*s, 4);
    return *ret > 0;
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

/* At "hh:mm:ss". */
static inline bool read_clock(const char *p, struct civil *civil)
{
    unsigned hour = time_pair(p), minute = time_pair(p + 3), second = time_pair(p + 6);
    civil->hour = hour;
    civil->minute = minute;
    civil->second = second;
    return p[2] == ':' && p[5] == ':' && hour <= 23 && minute <= 59 && second <= 60;
}

/* "hh:mm:ss" that no further digit follows, and a fraction. */
static bool take_clock(sv *s, struct civil *civil)
{
    if (s->n < CLOCK_BYTES || !read_clock(s->p, civil) ||
        (s->n > CLOCK_BYTES && ascii_digit(s->p[CLOCK_BYTES])))
        return false;
    *s = sv_from(*s, CLOCK_BYTES);
    take_fraction(s, &civil->fraction);
    return true;
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
    skip_spaces(&rest);
    if (rest.n == 0 || rest.p[0] < 'A' || rest.p[0] > 'Z') /* a host's name, nearly always */
        return;
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

static nanos moment(const struct civil *civil, int64_t year, nanos arrival, const struct zone *zone)
{
    int64_t shown =
        time_from_civil(year, civil->month, civil->day, civil->hour, civil->minute, civil->second);
    int64_t seconds = civil->zoned ? shown - civil->offset_s : zone_second(zone, shown, arrival);
    return seconds * NANOS_PER_SECOND + civil->fraction;
}

/* In the latest year in which it is not after arrival. A zone's offset is less than a day. */
static nanos moment_of_year(const struct civil *civil, nanos arrival, const struct zone *zone)
{
    nanos latest = arrival + GRACE, time = 0;
    int64_t last = time_year(latest + (nanos)DAY_S * NANOS_PER_SECOND);
    for (int64_t year = last; year >= last - LEAP_YEARS_APART_MAX - 1; year--) {
        if (!is_day(civil, year))
            continue;
        time = moment(civil, year, arrival, zone);
        if (time <= latest)
            break;
    }
    return time;
}

nanos syslog_time_moment(const struct civil *civil, nanos arrival, const struct zone *zone, bool *ret_assumed)
{
    *ret_assumed = civil->year == 0 || !civil->zoned;
    return civil->year ? moment(civil, civil->year, arrival, zone) : moment_of_year(civil, arrival, zone);
}

void syslog_time_apply(struct decoding *decoding, const struct civil *civil)
{
    struct event *event = decoding->event;
    bool assumed;
    nanos time = syslog_time_moment(civil, event->arrival, decoding->zone, &assumed);
    if (time == 0) /* of a clock that was never set */
        return;
    if (!assumed)
        decoding_set_time(decoding, time);
    else if (event->time == event->arrival)
        event->time = time;
}

/* Three or four capitals, or no letter at all: what a zone or a year may be. At six bytes. */
static bool may_be_zone(const char *word)
{
    bool ends = word[3] == ' ' || word[3] == ':' || word[4] == ' ' || word[4] == ':';
    return ascii_letter(word[0]) ? word[0] <= 'Z' && ends : true;
}

/* RFC 3164's own form, "Mmm dd hh:mm:ss" and a space, with nothing behind it that may be a year or a zone. */
static bool take_plain_bsd(sv *s, struct civil *ret)
{
    enum { CLOCK_AT = 7, END = CLOCK_AT + CLOCK_BYTES };
    const char *p = s->p;
    if (s->n < END + 6 || p[3] != ' ' || p[6] != ' ' || p[END] != ' ' || may_be_zone(p + END + 1))
        return false;
    const char day[2] = {p[4] == ' ' ? '0' : p[4], p[5]};
    *ret = (struct civil){.month = month_of(p), .day = time_pair(day)};
    if (ret->month == 0 || !is_day(ret, ret->year) || !read_clock(p + CLOCK_AT, ret))
        return false;
    *s = sv_from(*s, END);
    return true;
}

static bool take_bsd(sv *s, struct civil *ret)
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
    if (!is_day(&civil, civil.year)) /* the year 0 is a leap year */
        return false;
    *ret = civil;
    *s = rest;
    return true;
}

static bool take_iso(sv *s, struct civil *ret)
{
    size_t used = time_parse_civil(*s, ret);
    *s = sv_from(*s, used);
    return used > 0;
}

static bool take_epoch(sv *s, struct civil *ret)
{
    sv rest = sv_from(*s, EPOCH_DIGITS);
    uint64_t seconds;
    if (s->n <= EPOCH_DIGITS || (rest.p[0] != '.' && rest.p[0] != ' ') ||
        !sv_to_u64(sv_first(*s, EPOCH_DIGITS), &seconds) || seconds >= 9200000000ULL)
        return false;
    *ret = (struct civil){.year = 1970, .month = 1, .day = 1, .zoned = true, .offset_s = -(int64_t)seconds};
    take_fraction(&rest, &ret->fraction);
    *s = rest;
    return true;
}

bool syslog_time_take(sv *s, struct civil *ret)
{
    if (s->n == 0)
        return false;
    if (ascii_digit(s->p[0]))
        return take_iso(s, ret) || take_epoch(s, ret) || take_bsd(s, ret);
    return take_plain_bsd(s, ret) || take_bsd(s, ret);
}
