/* dormant: a group is active again after a long quiet. absence: a group that used to be heard is heard no
 * more. */
#include "watch/correlation_kind.h"

#include <inttypes.h>
#include <stdio.h>

/* --- dormant --- */

struct dormant {
    nanos first, last;
    uint64_t events;
};

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void dormant_feed(struct turn *turn, const struct hit *hit)
{
    struct dormant *dormant = turn->state;
    char text[300], length[32], last[40], first[40];
    if (dormant->events && hit->time - dormant->last >= turn->rule->timespan) {
        snprintf(
            text, sizeof text, "Seen: the first activity for %s. Before: %" PRIu64 " events, from %s to %s.",
            time_length(hit->time - dormant->last, length, sizeof length), dormant->events,
            kind_moment(dormant->first, first, sizeof first), kind_moment(dormant->last, last, sizeof last));
        turn_find(turn, hit->projection, sv_of(text));
    }
    if (!dormant->events || hit->time < dormant->first)
        dormant->first = hit->time;
    dormant->last = hit->time > dormant->last ? hit->time : dormant->last;
    dormant->events++;
}

static void dormant_pack(struct pack *pack, const void *state)
{
    const struct dormant *dormant = state;
    pack_i64(pack, dormant->first);
    pack_i64(pack, dormant->last);
    pack_u64(pack, dormant->events);
}

static bool dormant_unpack(struct unpack *unpack, void *state)
{
    struct dormant *dormant = state;
    dormant->first = kind_unpack_time(unpack);
    dormant->last = kind_unpack_time(unpack);
    dormant->events = unpack_u64(unpack);
    return unpack->ok;
}

const struct correlation_kind kind_dormant = {
    .size = sizeof(struct dormant), .feed = dormant_feed, .pack = dormant_pack, .unpack = dormant_unpack};

/* --- absence --- */

struct absence {
    nanos first, last; /* event times */
    uint64_t events;
    struct keepsake kept;
};

static void absence_feed(struct turn *turn, const struct hit *hit)
{
    struct absence *absence = turn->state;
    if (!absence->events || hit->time < absence->first)
        absence->first = hit->time;
    absence->last = hit->time > absence->last ? hit->time : absence->last;
    absence->events++;
    keepsake_put(&absence->kept, hit->projection);
    turn->due = turn->now + turn->rule->timespan;
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void absence_due(struct turn *turn)
{
    const struct absence *absence = turn->state;
    char moment[40], length[32];
    struct buf text = BUF_INIT(400);
    buf_printf(&text, "Seen: nothing for %s", time_length(turn->rule->timespan, length, sizeof length));
    if (absence->events)
        buf_printf(&text, "; the last event was at %s.", kind_moment(absence->last, moment, sizeof moment));
    else
        buf_put(&text, SV(", and nothing before."));
    if (absence->events > 1) {
        nanos every = (absence->last - absence->first) / (nanos)(absence->events - 1);
        buf_printf(&text, " Usual: one in %s (%" PRIu64 " events since %s).",
                   time_length(every, length, sizeof length), absence->events,
                   kind_moment(absence->first, moment, sizeof moment));
    }
    turn_find_kept(turn, &absence->kept, buf_view(&text));
    buf_free(&text);
}

static size_t absence_held(const void *state)
{
    const struct absence *absence = state;
    return absence->kept.n;
}

static void absence_clear(void *state)
{
    struct absence *absence = state;
    keepsake_clear(&absence->kept);
}

static void absence_pack(struct pack *pack, const void *state)
{
    const struct absence *absence = state;
    pack_i64(pack, absence->first);
    pack_i64(pack, absence->last);
    pack_u64(pack, absence->events);
    keepsake_pack(pack, &absence->kept);
}

static bool absence_unpack(struct unpack *unpack, void *state)
{
    struct absence *absence = state;
    absence->first = kind_unpack_time(unpack);
    absence->last = kind_unpack_time(unpack);
    absence->events = unpack_u64(unpack);
    return unpack->ok && keepsake_unpack(unpack, &absence->kept);
}

const struct correlation_kind kind_absence = {
    .size = sizeof(struct absence),
    .feed = absence_feed,
    .due = absence_due,
    .held = absence_held,
    .clear = absence_clear,
    .pack = absence_pack,
    .unpack = absence_unpack,
};
