/* spike: more events in a period than is usual for the group. Usual is the median of its active periods, and
 * how far they lie from it (the median of the distances): one wild day moves neither. */
#include "watch/correlation_kind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PERIODS_MAX = 60, /* that are remembered */
    PERIODS_MIN = 5,  /* before which nothing is usual */
};

/* So that the median distance stands for a standard deviation where counts are spread normally. */
#define NORMAL_SCALE 1.4826

struct pace {
    nanos first;
    int64_t period;   /* the current one */
    uint32_t current; /* events in it */
    uint32_t told;    /* 1: it was told of */
    uint32_t n, next; /* of past; where the next goes */
    uint32_t past[PERIODS_MAX];
};

static int64_t period_of(const struct turn *turn, nanos time)
{
    nanos local = time + turn_zone_offset(turn, time) * NANOS_PER_SECOND;
    return local / turn->rule->timespan;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
    qsort(values, n, sizeof *values, by_size);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

struct usual {
    double median, distance, most;
};

static struct usual usual_of(const struct pace *pace)
{
    double values[PERIODS_MAX];
    struct usual usual = {0};
    for (uint32_t i = 0; i < pace->n; i++) {
        values[i] = pace->past[i];
        usual.most = values[i] > usual.most ? values[i] : usual.most;
    }
    usual.median = median(values, pace->n);
    for (uint32_t i = 0; i < pace->n; i++)
        values[i] = values[i] > usual.median ? values[i] - usual.median : usual.median - values[i];
    usual.distance = median(values, pace->n);
    return usual;
}

static bool is_spike(const struct correlation_habit *params, const struct usual *usual, double count)
{
    double distance = usual->distance * NORMAL_SCALE;
    return count >= (double)params->minimum && count >= usual->median * params->factor &&
           count >= usual->median + params->deviations * (distance > 1 ? distance : 1);
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void judge(struct turn *turn, const struct hit *hit, struct pace *pace)
{
    char text[400], length[32], moment[40];
    if (pace->told || pace->n < PERIODS_MIN || hit->time - pace->first < turn->rule->habit.learn)
        return;
    struct usual usual = usual_of(pace);
    if (!is_spike(&turn->rule->habit, &usual, pace->current))
        return;
    pace->told = 1;
    snprintf(text, sizeof text,
             "Seen: %" PRIu32
             " events within one period of %s. Usual: %.0f, at most %.0f, in the last %" PRIu32
             " active periods since %s.",
             pace->current, time_length(turn->rule->timespan, length, sizeof length), usual.median,
             usual.most, pace->n, kind_moment(pace->first, moment, sizeof moment));
    turn_find(turn, hit->projection, sv_of(text));
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void spike_feed(struct turn *turn, const struct hit *hit)
{
    struct pace *pace = turn->state;
    int64_t period = period_of(turn, hit->time);
    if (!pace->first)
        *pace = (struct pace){.first = hit->time, .period = period};
    if (period < pace->period) {
        turn_count_late(turn);
        return;
    }
    if (period > pace->period) {
        pace->past[pace->next] = pace->current;
        pace->next = (pace->next + 1) % PERIODS_MAX;
        pace->n += pace->n < PERIODS_MAX;
        pace->period = period;
        pace->current = 0;
        pace->told = 0;
    }
    pace->current += pace->current < UINT32_MAX;
    judge(turn, hit, pace);
}

static void spike_pack(struct pack *pack, const void *state)
{
    const struct pace *pace = state;
    pack_i64(pack, pace->first);
    pack_i64(pack, pace->period);
    pack_u32(pack, pace->current);
    pack_u32(pack, pace->told);
    pack_u32(pack, pace->n);
    pack_u32(pack, pace->next);
    for (uint32_t i = 0; i < pace->n; i++)
        pack_u32(pack, pace->past[i]);
}

static bool spike_unpack(struct unpack *unpack, void *state)
{
    struct pace *pace = state;
    pace->first = kind_unpack_time(unpack);
    pace->period = unpack_i64(unpack);
    pace->current = unpack_u32(unpack);
    pace->told = unpack_u32(unpack);
    pace->n = unpack_u32(unpack);
    pace->next = unpack_u32(unpack);
    if (!unpack->ok || pace->n > PERIODS_MAX || pace->next >= PERIODS_MAX)
        return false;
    for (uint32_t i = 0; i < pace->n; i++)
        pace->past[i] = unpack_u32(unpack);
    return unpack->ok;
}

const struct correlation_kind kind_spike = {
    .size = sizeof(struct pace), .feed = spike_feed, .pack = spike_pack, .unpack = spike_unpack};
