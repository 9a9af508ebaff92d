#include "config/hours.h"

enum { WEEK = 7, ALL_DAYS = (1 << WEEK) - 1 };

static bool day_parse(sv text, unsigned *ret)
{
    static const sv days[WEEK] = {SV_INIT("Mon"), SV_INIT("Tue"), SV_INIT("Wed"), SV_INIT("Thu"),
                                  SV_INIT("Fri"), SV_INIT("Sat"), SV_INIT("Sun")};
    for (unsigned i = 0; i < WEEK; i++)
        if (sv_ieq(text, days[i])) {
            *ret = i;
            return true;
        }
    return false;
}

/* "Mon", or "Fri-Mon" over the weekend. */
static bool days_add(sv text, unsigned *days)
{
    unsigned first, last;
    sv rest = text, from = sv_split(&rest, '-');
    if (!day_parse(from, &first))
        return false;
    last = first;
    if (rest.p && !day_parse(rest, &last))
        return false;
    for (unsigned day = first;; day = (day + 1) % WEEK) {
        *days |= 1U << day;
        if (day == last)
            return true;
    }
}

static bool days_parse(sv text, unsigned *ret)
{
    unsigned days = 0;
    if (sv_ieq(text, SV("daily"))) {
        *ret = ALL_DAYS;
        return true;
    }
    for (sv rest = text; rest.p;)
        if (!days_add(sv_split(&rest, ','), &days))
            return false;
    *ret = days;
    return true;
}

static bool time_parse(sv text, bool end, unsigned *ret)
{
    uint64_t hour, minute;
    if (text.n != 5 || text.p[2] != ':' || !sv_to_u64(sv_first(text, 2), &hour) ||
        !sv_to_u64(sv_from(text, 3), &minute) || hour > 24 || minute > 59)
        return false;
    unsigned whole = (unsigned)(hour * 60 + minute);
    if (whole > CONFIG_DAY_MINUTES || (whole == CONFIG_DAY_MINUTES && !end))
        return false;
    *ret = whole;
    return true;
}

bool config_hours_parse(sv text, struct config_hours *ret)
{
    struct config_hours hours = {.days = ALL_DAYS};
    sv rest = text, first = sv_word(&rest), times = sv_word(&rest);
    if (sv_word(&rest).n)
        return false;
    if (times.n == 0)
        times = first;
    else if (!days_parse(first, &hours.days))
        return false;
    sv end = times, from = sv_split(&end, '-');
    if (!time_parse(from, false, &hours.from) || !time_parse(end, true, &hours.end) ||
        hours.from == hours.end)
        return false;
    *ret = hours;
    return true;
}

bool config_hours_contain(const struct config_hours *hours, unsigned weekday, unsigned minute)
{
    bool today = hours->days >> weekday & 1, yesterday = hours->days >> ((weekday + WEEK - 1) % WEEK) & 1;
    if (hours->from < hours->end)
        return today && minute >= hours->from && minute < hours->end;
    return (today && minute >= hours->from) || (yesterday && minute < hours->end);
}
