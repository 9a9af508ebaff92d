#include "watch/sigma_time.h"

struct date {
    int64_t year; /* 0: not known */
    unsigned month, day, hour, minute;
    bool has_time;
};

/* n digits at the start of *s, which are cut off. */
static bool take_digits(sv *s, size_t n, unsigned *ret)
{
    uint64_t number;
    if (s->n < n || !sv_to_u64(sv_first(*s, n), &number))
        return false;
    *s = sv_from(*s, n);
    *ret = (unsigned)number;
    return true;
}

static bool take_char(sv *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = sv_from(*s, 1);
    return true;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_of(unsigned month, int64_t year)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && (year == 0 || is_leap(year)) ? 29 : days[month - 1];
}

static bool is_date(const struct date *date)
{
    return date->month >= 1 && date->month <= 12 && date->day >= 1 &&
           date->day <= days_of(date->month, date->year) && date->hour < 24 && date->minute < 60;
}

static bool take_clock(sv *s, struct date *date)
{
    date->has_time = take_digits(s, 2, &date->hour) && take_char(s, ':') && take_digits(s, 2, &date->minute);
    return date->has_time;
}

static bool read_iso(sv text, struct date *ret)
{
    unsigned year;
    struct date date = {0};
    if (!take_digits(&text, 4, &year) || !take_char(&text, '-') || !take_digits(&text, 2, &date.month) ||
        !take_char(&text, '-') || !take_digits(&text, 2, &date.day))
        return false;
    date.year = year;
    if (text.n && !((take_char(&text, 'T') || take_char(&text, 't') || take_char(&text, ' ')) &&
                    take_clock(&text, &date)))
        return false;
    *ret = date;
    return is_date(ret);
}

static bool read_syslog(sv text, struct date *ret)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct date date = {0};
    for (unsigned i = 0; i < 12 && text.n >= 4; i++)
        if (memcmp(text.p, months + (size_t)3 * i, 3) == 0)
            date.month = i + 1;
    if (!date.month || text.p[3] != ' ')
        return false;
    text = sv_from(text, 4);
    bool read = take_char(&text, ' ') ? take_digits(&text, 1, &date.day) : take_digits(&text, 2, &date.day);
    if (!read || !take_char(&text, ' ') || !take_clock(&text, &date))
        return false;
    *ret = date;
    return is_date(ret);
}

/* Days since 1970-01-01 to a date; the year is cut into eras of 400 years that begin in March. */
static void from_days(int64_t days, struct date *ret)
{
    int64_t shifted = days + 719468;
    int64_t era = shifted / 146097, of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
    ret->day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
    ret->month = (unsigned)(month < 10 ? month + 3 : month - 9);
    ret->year = year + era * 400 + (ret->month <= 2);
}

/* A fraction is passed over. */
static bool read_epoch(sv text, struct date *ret)
{
    uint64_t number, unit = 1;
    text = sv_split(&text, '.');
    if (text.n < 10 || !sv_to_u64(text, &number))
        return false;
    switch (text.n) {
    case 10:
        break;
    case 13:
        unit = 1000;
        break;
    case 16:
        unit = 1000000;
        break;
    case 19:
        unit = 1000000000;
        break;
    default:
        return false;
    }
    number /= unit;
    *ret = (struct date){.has_time = true};
    from_days((int64_t)(number / 86400), ret);
    ret->hour = (unsigned)(number / 3600 % 24);
    ret->minute = (unsigned)(number / 60 % 60);
    return true;
}

static unsigned day_of_year(const struct date *date)
{
    unsigned day = date->day;
    for (unsigned month = 1; month < date->month; month++)
        day += days_of(month, date->year);
    return day;
}

/* 1 is Monday, 7 Sunday, of the year's first day. */
static unsigned first_weekday(int64_t year)
{
    int64_t before = year - 1;
    return (unsigned)((before * 365 + before / 4 - before / 100 + before / 400) % 7 + 1);
}

/* Week 1 is the one with the year's first Thursday (ISO 8601). */
static unsigned weeks_in(int64_t year)
{
    unsigned first = first_weekday(year);
    return first == 4 || (first == 3 && is_leap(year)) ? 53 : 52;
}

static unsigned week_of(const struct date *date)
{
    unsigned day = day_of_year(date), weekday = (first_weekday(date->year) - 1 + day - 1) % 7 + 1;
    unsigned week = (day + 10 - weekday) / 7;
    if (week == 0)
        return weeks_in(date->year - 1);
    return week > weeks_in(date->year) ? 1 : week;
}

bool sigma_time_part(sv text, enum sigma_time_part part, double *ret)
{
    struct date date;
    if (!read_iso(text, &date) && !read_epoch(text, &date) && !read_syslog(text, &date))
        return false;
    switch (part) {
    case SIGMA_PART_NONE:
        return false;
    case SIGMA_PART_MINUTE:
        *ret = date.minute;
        return date.has_time;
    case SIGMA_PART_HOUR:
        *ret = date.hour;
        return date.has_time;
    case SIGMA_PART_DAY:
        *ret = date.day;
        return true;
    case SIGMA_PART_WEEK:
        *ret = date.year ? week_of(&date) : 0;
        return date.year != 0;
    case SIGMA_PART_MONTH:
        *ret = date.month;
        return true;
    case SIGMA_PART_YEAR:
        *ret = (double)date.year;
        return date.year != 0;
    }
    return false;
}
