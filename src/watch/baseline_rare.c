/* rare_hours and rare_days: activity at an hour of the day, or on a day of the week, at which the group is
 * seldom active.
 *
 * What is counted is on how many days (weeks) the group was active in that hour (on that weekday), so that a
 * busy hour of one day says no more than a quiet one. Older days count less: half as much after the
 * half-life. For an hour, its two neighbours count as well. */
#include "watch/correlation_kind.h"

#include <math.h>
#include <stdio.h>

enum { HOURS = 24, WEEKDAYS = 7, DAY_S = 86400, HOUR_S = 3600, MONDAY = 3 /* 1970-01-01 was a Thursday */ };

/* A decaying number of active days (weeks), and the last of them. */
struct tally {
    double weight;
    int64_t unit;
};

struct rhythm {
    nanos first;
    int64_t told; /* the day (week) that was last told of */
    struct tally all, bins[HOURS];
};

/* Where a moment lies: which day (week) by local time, and which hour (weekday) of it. */
struct place {
    int64_t unit;
    int bin;
};

static bool by_hours(const struct turn *turn)
{
    return turn->rule->type == CORRELATION_RARE_HOURS;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static struct place place_of(const struct turn *turn, nanos time)
{
    int64_t local = floor_div(time, NANOS_PER_SECOND) + turn_zone_offset(turn, time);
    int64_t day = floor_div(local, DAY_S);
    if (by_hours(turn))
        return (struct place){day, (int)((local - day * DAY_S) / HOUR_S)};
    int64_t week = floor_div(day + MONDAY, WEEKDAYS);
    return (struct place){week, (int)(day + MONDAY - week * WEEKDAYS)};
}

static double faded(const struct turn *turn, const struct tally *tally, int64_t unit)
{
    nanos length = (by_hours(turn) ? 1LL : WEEKDAYS) * DAY_S * NANOS_PER_SECOND;
    nanos half_life = turn->rule->habit.half_life;
    if (tally->weight <= 0 || unit <= tally->unit || half_life <= 0)
        return tally->weight;
    return tally->weight * exp2(-(double)(unit - tally->unit) * ((double)length / (double)half_life));
}

static void mark(const struct turn *turn, struct tally *tally, int64_t unit)
{
    if (tally->weight > 0 && unit <= tally->unit)
        return; /* that day is counted, or it comes too late to be */
    *tally = (struct tally){faded(turn, tally, unit) + 1, unit};
}

/* On what share of its active days the group is active at that hour or one beside it. */
static double share_of(const struct turn *turn, const struct rhythm *rhythm, struct place place)
{
    double all = faded(turn, &rhythm->all, place.unit), here = 0;
    int near = by_hours(turn) ? 1 : 0;
    for (int i = -near; i <= near; i++) {
        int bin = by_hours(turn) ? (place.bin + i + HOURS) % HOURS : place.bin;
        double weight = faded(turn, &rhythm->bins[bin], place.unit);
        here = weight > here ? weight : here;
    }
    return all > 0 ? here / all : 0;
}

static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

/* "08:00-17:59" or "Monday-Friday" …: runs of bins at which it is usually active. */
static void put_usual(const struct turn *turn, const struct rhythm *rhythm, struct place place,
                      struct buf *out)
{
    int count = by_hours(turn) ? HOURS : WEEKDAYS, runs = 0;
    double all = faded(turn, &rhythm->all, place.unit), least = turn->rule->habit.threshold;
    for (int bin = 0; bin < count; bin++) {
        int end = bin;
        while (end < count && all > 0 && faded(turn, &rhythm->bins[end], place.unit) / all >= least)
            end++;
        if (end == bin)
            continue;
        if (by_hours(turn))
            buf_printf(out, "%s%02d:00-%02d:59", runs ? ", " : "", bin, end - 1);
        else
            buf_printf(out, end - bin > 1 ? "%s%s-%s" : "%s%s", runs ? ", " : "", weekdays[bin],
                       weekdays[end - 1]);
        bin = end;
        runs++;
    }
    if (!runs)
        buf_put(out, SV("nothing regular"));
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void tell(struct turn *turn, const struct hit *hit, const struct rhythm *rhythm, struct place place,
                 double share)
{
    char moment[40];
    sv zone = turn->rule->habit.zone.n ? turn->rule->habit.zone : SV("UTC");
    struct buf text = BUF_INIT(1024);
    if (by_hours(turn))
        buf_printf(
            &text,
            "Seen: activity between %02d:00 and %02d:59 (%.*s), which is so on %.1f %% of the active days.",
            place.bin, place.bin, SV_ARG(zone), share * 100);
    else
        buf_printf(&text, "Seen: activity on a %s (%.*s), which is so in %.1f %% of the active weeks.",
                   weekdays[place.bin % WEEKDAYS], SV_ARG(zone), share * 100);
    buf_put(&text, SV(" Usual: "));
    put_usual(turn, rhythm, place, &text);
    buf_printf(&text, ", since %s.", kind_moment(rhythm->first, moment, sizeof moment));
    turn_find(turn, hit->projection, buf_view(&text));
    buf_free(&text);
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void rare_feed(struct turn *turn, const struct hit *hit)
{
    struct rhythm *rhythm = turn->state;
    const struct correlation_habit *params = &turn->rule->habit;
    struct place place = place_of(turn, hit->time);
    if (!rhythm->first || hit->time < rhythm->first)
        rhythm->first = hit->time;
    bool learnt = hit->time - rhythm->first >= params->learn &&
                  faded(turn, &rhythm->all, place.unit) >= (double)params->minimum;
    double share = share_of(turn, rhythm, place);
    bool told = rhythm->told && rhythm->told == place.unit;
    if (learnt && share < params->threshold && !told) {
        tell(turn, hit, rhythm, place, share);
        rhythm->told = place.unit;
    }
    mark(turn, &rhythm->all, place.unit);
    mark(turn, &rhythm->bins[place.bin], place.unit);
}

static uint64_t bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static void pack_tally(struct pack *pack, const struct tally *tally)
{
    pack_u64(pack, bits_of(tally->weight));
    pack_i64(pack, tally->unit);
}

static bool unpack_tally(struct unpack *unpack, struct tally *tally)
{
    uint64_t bits = unpack_u64(unpack);
    memcpy(&tally->weight, &bits, sizeof tally->weight);
    tally->unit = unpack_i64(unpack);
    return unpack->ok && tally->weight >= 0 && tally->weight < 1e9 && tally->unit > INT32_MIN &&
           tally->unit < INT32_MAX;
}

static void rare_pack(struct pack *pack, const void *state)
{
    const struct rhythm *rhythm = state;
    pack_i64(pack, rhythm->first);
    pack_i64(pack, rhythm->told);
    pack_tally(pack, &rhythm->all);
    for (int i = 0; i < HOURS; i++)
        pack_tally(pack, &rhythm->bins[i]);
}

static bool rare_unpack(struct unpack *unpack, void *state)
{
    struct rhythm *rhythm = state;
    rhythm->first = kind_unpack_time(unpack);
    rhythm->told = unpack_i64(unpack);
    bool good = unpack_tally(unpack, &rhythm->all);
    for (int i = 0; i < HOURS; i++)
        good = good && unpack_tally(unpack, &rhythm->bins[i]);
    return good;
}

const struct correlation_kind kind_rare = {
    .size = sizeof(struct rhythm), .feed = rare_feed, .pack = rare_pack, .unpack = rare_unpack};
