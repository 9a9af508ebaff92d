/* Days and times of a week, by the clock on the wall: "Mon-Fri 07:00-19:00", "Sat,Sun 08:00-12:00",
 * "22:00-06:00" (every day). Pure. */
#ifndef VEDETTE_CONFIG_HOURS_H
#define VEDETTE_CONFIG_HOURS_H

#include "base/sv.h"

enum { CONFIG_DAY_MINUTES = 24 * 60 };

struct config_hours {
    unsigned days;      /* bit 0 is Monday */
    unsigned from, end; /* minutes of the day; end is not in it, and may be CONFIG_DAY_MINUTES. When end is
                           not after from, the hours go on into the day after one of the days */
};

/* Days are Mon Tue Wed Thu Fri Sat Sun, "daily" or nothing; times hh:mm, 24:00 as an end only. */
bool config_hours_parse(sv text, struct config_hours *ret);

/* weekday 0 is Monday; minute of the day. */
bool config_hours_contain(const struct config_hours *hours, unsigned weekday, unsigned minute);

#endif
