/* missing_before: the last of the rules matched, and none of the others had within the timespan before it: a
 * privileged logon with a password that nobody had retrieved. It is decided `wait` after the event came, so
 * that what comes late, or by a clock that is ahead, still counts. */
#include "watch/correlation_kind.h"

#include <stdio.h>
#include <string.h>

enum {
    REMEMBERED = 4,  /* timespans */
    BEFORE_MAX = 64, /* latest events of the other rules that are remembered */
    OPEN_MAX = 8, /* events of the last rule that are waited for; with more the oldest is decided at once */
};

struct open {
    nanos time, due;
    struct keepsake kept;
};

struct missing {
    nanos before[BEFORE_MAX]; /* by time */
    uint32_t before_n, open_n;
    struct open open[OPEN_MAX];
};

static void remember(struct turn *turn, struct missing *missing, nanos time)
{
    uint32_t at = missing->before_n;
    if (at == BEFORE_MAX) {
        if (time <= missing->before[0])
            return;
        memmove(missing->before, missing->before + 1, (BEFORE_MAX - 1) * sizeof *missing->before);
        missing->before_n--;
        at--;
        turn_count_cut(turn);
    }
    while (at > 0 && missing->before[at - 1] > time)
        at--;
    memmove(missing->before + at + 1, missing->before + at,
            (missing->before_n - at) * sizeof *missing->before);
    missing->before[at] = time;
    missing->before_n++;
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void judge(struct turn *turn, const struct missing *missing, const struct open *open)
{
    char text[300], length[32], last[40];
    nanos latest = open->time + turn->rule->habit.wait, earliest = open->time - turn->rule->timespan,
          known = 0;
    for (uint32_t i = 0; i < missing->before_n && missing->before[i] <= latest; i++) {
        known = missing->before[i];
        if (known >= earliest)
            return;
    }
    time_length(turn->rule->timespan, length, sizeof length);
    if (known)
        snprintf(text, sizeof text, "Seen: none of what should come before, within %s; the last was at %s.",
                 length, kind_moment(known, last, sizeof last));
    else
        snprintf(text, sizeof text,
                 "Seen: none of what should come before, within %s, and none is remembered.", length);
    turn_find_kept(turn, &open->kept, sv_of(text));
}

static void take_first(struct missing *missing)
{
    keepsake_clear(&missing->open[0].kept);
    missing->open_n--;
    memmove(missing->open, missing->open + 1, missing->open_n * sizeof *missing->open);
    missing->open[missing->open_n] = (struct open){0};
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void judge_first(struct turn *turn, struct missing *missing)
{
    judge(turn, missing, &missing->open[0]);
    take_first(missing);
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void missing_feed(struct turn *turn, const struct hit *hit)
{
    struct missing *missing = turn->state;
    if (hit->source + 1 < turn->rule->source_count) {
        remember(turn, missing, hit->time);
        return;
    }
    if (missing->open_n == OPEN_MAX) {
        turn_count_cut(turn);
        judge_first(turn, missing);
    }
    struct open *open = &missing->open[missing->open_n++];
    *open = (struct open){.time = hit->time, .due = turn->now + turn->rule->habit.wait};
    keepsake_put(&open->kept, hit->projection);
    turn->due = missing->open[0].due;
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void missing_due(struct turn *turn)
{
    struct missing *missing = turn->state;
    while (missing->open_n && missing->open[0].due <= turn->now)
        judge_first(turn, missing);
    if (missing->open_n)
        turn->due = missing->open[0].due;
}

static bool missing_dead(const struct turn *turn)
{
    const struct missing *missing = turn->state;
    nanos last = missing->before_n ? missing->before[missing->before_n - 1] : 0;
    /* Longer than it counts, so that the sentence can say when the last one was. */
    return !missing->open_n && turn->now > last + REMEMBERED * turn->rule->timespan + turn->lateness;
}

static size_t missing_held(const void *state)
{
    const struct missing *missing = state;
    size_t n = 0;
    for (uint32_t i = 0; i < missing->open_n; i++)
        n += missing->open[i].kept.n;
    return n;
}

static void missing_clear(void *state)
{
    struct missing *missing = state;
    for (uint32_t i = 0; i < OPEN_MAX; i++)
        keepsake_clear(&missing->open[i].kept);
}

static void missing_pack(struct pack *pack, const void *state)
{
    const struct missing *missing = state;
    pack_u32(pack, missing->before_n);
    for (uint32_t i = 0; i < missing->before_n; i++)
        pack_i64(pack, missing->before[i]);
    pack_u32(pack, missing->open_n);
    for (uint32_t i = 0; i < missing->open_n; i++) {
        pack_i64(pack, missing->open[i].time);
        pack_i64(pack, missing->open[i].due);
        keepsake_pack(pack, &missing->open[i].kept);
    }
}

static bool missing_unpack(struct unpack *unpack, void *state)
{
    struct missing *missing = state;
    uint32_t before = unpack_u32(unpack);
    if (!unpack->ok || before > BEFORE_MAX)
        return false;
    for (; missing->before_n < before; missing->before_n++)
        missing->before[missing->before_n] = kind_unpack_time(unpack);
    uint32_t open = unpack_u32(unpack);
    if (!unpack->ok || open > OPEN_MAX)
        return false;
    for (; missing->open_n < open; missing->open_n++) {
        missing->open[missing->open_n].time = kind_unpack_time(unpack);
        missing->open[missing->open_n].due = kind_unpack_time(unpack);
        if (!keepsake_unpack(unpack, &missing->open[missing->open_n].kept))
            return false;
    }
    return true;
}

const struct correlation_kind kind_missing = {
    .size = sizeof(struct missing),
    .feed = missing_feed,
    .due = missing_due,
    .dead = missing_dead,
    .held = missing_held,
    .clear = missing_clear,
    .pack = missing_pack,
    .unpack = missing_unpack,
};
