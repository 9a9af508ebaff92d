/* new_value: a group meets a value of a field for the first time, such as a user's first access to a safe. */
#include "watch/correlation_kind.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

enum {
    KNOWN_MAX = 512, /* values of one group; past it the one longest not seen is forgotten */
    TEXT_BYTES = 39, /* kept of a value, for the sentence */
    VALUES_MAX = 16, /* of one event */
    NAMED_MAX = 3,   /* in the sentence */
    KNOWN_AT_FIRST = 4,
};

struct known {
    uint64_t hash;
    nanos last;
    uint32_t times;
    char text[TEXT_BYTES + 1];
};

struct habit {
    nanos first;
    uint64_t events;
    struct known *known;
    uint32_t count, cap;
};

/* The network that an address lies in, as text; other values stay as they are. */
static sv by_network(const struct correlation_habit *params, sv value, char text[static INET6_ADDRSTRLEN + 8])
{
    unsigned char bytes[16];
    char name[INET6_ADDRSTRLEN];
    if (value.n >= sizeof name || (!params->prefix_v4 && !params->prefix_v6))
        return value;
    sv_copy(name, sizeof name, value);
    int family = inet_pton(AF_INET, name, bytes) == 1    ? AF_INET
                 : inet_pton(AF_INET6, name, bytes) == 1 ? AF_INET6
                                                         : 0;
    int prefix = family == AF_INET ? params->prefix_v4 : params->prefix_v6,
        size = family == AF_INET ? 32 : 128;
    if (!family || prefix <= 0 || prefix >= size)
        return value;
    for (int bit = prefix; bit < size; bit++)
        bytes[bit / 8] &= (unsigned char)~(0x80 >> bit % 8);
    inet_ntop(family, bytes, name, sizeof name);
    int n = snprintf(text, INET6_ADDRSTRLEN + 8, "%s/%d", name, prefix);
    return sv_make(text, (size_t)n);
}

static struct known *find(const struct habit *habit, uint64_t hash)
{
    for (uint32_t i = 0; i < habit->count; i++)
        if (habit->known[i].hash == hash)
            return &habit->known[i];
    return NULL;
}

static struct known *add(struct turn *turn, struct habit *habit)
{
    if (habit->count == KNOWN_MAX) {
        struct known *oldest = habit->known;
        for (uint32_t i = 1; i < habit->count; i++)
            if (habit->known[i].last < oldest->last)
                oldest = &habit->known[i];
        turn_count_cut(turn);
        *oldest = (struct known){0};
        return oldest;
    }
    if (habit->count == habit->cap) {
        habit->cap = habit->cap ? habit->cap * 2 : KNOWN_AT_FIRST;
        habit->known = reallocarray(habit->known, habit->cap, sizeof *habit->known);
        assert(habit->known);
    }
    habit->known[habit->count] = (struct known){0};
    return &habit->known[habit->count++];
}

/* "a (52 times), b (13 times) and 4 others": the most usual ones. */
static void put_usual(struct buf *out, const struct habit *habit)
{
    const struct known *before = NULL;
    uint32_t named = 0;
    for (; named < NAMED_MAX && named < habit->count; named++) {
        const struct known *most = NULL;
        for (uint32_t i = 0; i < habit->count; i++) {
            const struct known *known = &habit->known[i];
            bool told = before &&
                        (known->times > before->times || (known->times == before->times && known <= before));
            if (!told && (!most || known->times > most->times))
                most = known;
        }
        if (!most)
            break;
        buf_printf(out, "%s%s (%" PRIu32 " times)", named ? ", " : "", most->text, most->times);
        before = most;
    }
    if (habit->count > named)
        buf_printf(out, " and %" PRIu32 " others", habit->count - named);
}

static bool is_learnt(const struct turn *turn, const struct habit *habit, nanos time)
{
    const struct correlation_habit *params = &turn->rule->habit;
    return habit->events >= (uint64_t)params->minimum && time - habit->first >= params->learn;
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void tell(struct turn *turn, const struct hit *hit, const struct habit *habit, sv value,
                 const struct known *known)
{
    char moment[40];
    struct buf text = BUF_INIT(2048);
    buf_printf(&text, "Seen: %.*s '%.*s' ", SV_ARG(turn->rule->field.name), SV_ARG(sv_first(value, 200)));
    if (known)
        buf_printf(&text, "for the first time since %s.", kind_moment(known->last, moment, sizeof moment));
    else
        buf_put(&text, SV("for the first time."));
    buf_put(&text, SV(" Usual: "));
    put_usual(&text, habit);
    buf_printf(&text, ", in %" PRIu64 " events since %s.", habit->events,
               kind_moment(habit->first, moment, sizeof moment));
    turn_find(turn, hit->projection, buf_view(&text));
    buf_free(&text);
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void take(struct turn *turn, const struct hit *hit, struct habit *habit, sv value)
{
    uint64_t hash = hash_sv(value);
    struct known *known = find(habit, hash);
    bool forgotten = known && turn->rule->timespan && hit->time - known->last > turn->rule->timespan;
    if ((!known || forgotten) && is_learnt(turn, habit, hit->time))
        tell(turn, hit, habit, value, known);
    if (!known) {
        known = add(turn, habit);
        known->hash = hash;
        sv_copy(known->text, sizeof known->text, value);
    }
    known->times++;
    known->last = hit->time > known->last ? hit->time : known->last;
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void new_value_feed(struct turn *turn, const struct hit *hit)
{
    struct habit *habit = turn->state;
    const struct event_field *fields[VALUES_MAX];
    char network[INET6_ADDRSTRLEN + 8];
    size_t n = turn_values(turn, hit, fields, VALUES_MAX);
    if (n && (!habit->first || hit->time < habit->first))
        habit->first = hit->time;
    for (size_t i = 0; i < n; i++)
        take(turn, hit, habit, by_network(&turn->rule->habit, fields[i]->value, network));
    habit->events += n > 0;
}

static size_t new_value_held(const void *state)
{
    const struct habit *habit = state;
    return habit->cap * sizeof *habit->known;
}

static void new_value_clear(void *state)
{
    struct habit *habit = state;
    free(habit->known);
}

static void new_value_pack(struct pack *pack, const void *state)
{
    const struct habit *habit = state;
    pack_i64(pack, habit->first);
    pack_u64(pack, habit->events);
    pack_u32(pack, habit->count);
    for (uint32_t i = 0; i < habit->count; i++) {
        pack_u64(pack, habit->known[i].hash);
        pack_i64(pack, habit->known[i].last);
        pack_u32(pack, habit->known[i].times);
        pack_sv(pack, sv_of(habit->known[i].text));
    }
}

static bool new_value_unpack(struct unpack *unpack, void *state)
{
    struct habit *habit = state;
    habit->first = kind_unpack_time(unpack);
    habit->events = unpack_u64(unpack);
    uint32_t count = unpack_u32(unpack);
    if (!unpack->ok || count > KNOWN_MAX)
        return false;
    habit->cap = count + 1;
    habit->known = calloc(habit->cap, sizeof *habit->known);
    assert(habit->known);
    for (; habit->count < count; habit->count++) {
        struct known *known = &habit->known[habit->count];
        known->hash = unpack_u64(unpack);
        known->last = kind_unpack_time(unpack);
        known->times = unpack_u32(unpack);
        sv text = unpack_sv(unpack);
        if (!unpack->ok || text.n > TEXT_BYTES)
            return false;
        sv_copy(known->text, sizeof known->text, text);
    }
    return true;
}

const struct correlation_kind kind_new_value = {
    .size = sizeof(struct habit),
    .feed = new_value_feed,
    .held = new_value_held,
    .clear = new_value_clear,
    .pack = new_value_pack,
    .unpack = new_value_unpack,
};
