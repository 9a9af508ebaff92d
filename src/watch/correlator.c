#include "watch/correlator.h"

#include "io/zone_file.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "watch/correlation_groups.h"
#include "watch/correlation_kind.h"
#include "watch/ruleset_priv.h"

enum {
    STATE_VERSION = 1,
    GONE_BYTES_MAX = 16 * 1024 * 1024, /* keys of groups that were forgotten and not told of */
    SEEN_BYTES_MAX = 8192,
    FOUND_BYTES_MAX = 256 * 1024, /* what one finding is put together in */
    SWEEP_MAX = 1000,             /* dead groups of a correlation dropped in one go */
    KEY_HEAD_BYTES = 8,
    GROUP_KEY_BYTES_MAX = CORRELATOR_KEY_BYTES_MAX - KEY_HEAD_BYTES,
};

#define RESTORE_GRACE (60 * NANOS_PER_SECOND)

const struct correlator_limits correlator_limits_usual = {
    .bytes_max = (size_t)256 << 20, .lateness = 600 * NANOS_PER_SECOND, .future = 300 * NANOS_PER_SECOND};

struct correlator {
    const struct ruleset *ruleset;
    const struct correlation_rules *rules;
    struct correlator_limits limits;
    correlator_fn *fn;
    void *arg;
    struct groups *groups;
    struct zone **zones; /* of each correlation; NULL: UTC */
    nanos now;
    bool learning;
    struct buf gone;     /* packed keys */
    struct arena *found; /* the finding that is told */
    struct correlator_counts counts;
};

struct correlator *correlator_new(const struct ruleset *ruleset, const struct correlator_limits *limits,
                                  correlator_fn *fn, void *arg)
{
    assert(ruleset->sealed);
    struct correlator *correlator = calloc(1, sizeof *correlator);
    const struct correlation_rules *rules = ruleset->correlations;
    size_t *sizes = calloc(rules->count + 1, sizeof *sizes);
    assert(correlator && sizes);
    *correlator = (struct correlator){.ruleset = ruleset,
                                      .rules = rules,
                                      .limits = *limits,
                                      .fn = fn,
                                      .arg = arg,
                                      .gone = BUF_INIT(GONE_BYTES_MAX),
                                      .found = arena_new(FOUND_BYTES_MAX)};
    correlator->zones = calloc(rules->count + 1, sizeof *correlator->zones);
    assert(correlator->zones);
    for (size_t i = 0; i < rules->count; i++) {
        sizes[i] = correlation_kind(rules->items[i].type)->size;
        if (rules->items[i].habit.zone.n)
            correlator->zones[i] = zone_open(rules->items[i].habit.zone);
    }
    correlator->groups = groups_new(sizes, rules->count);
    free(sizes);
    return correlator;
}

static const struct correlation *rule_of(const struct correlator *correlator, const struct group *group)
{
    return &correlator->rules->items[group->correlation];
}

static const struct correlation_kind *kind_of(const struct correlator *correlator, const struct group *group)
{
    return correlation_kind(rule_of(correlator, group)->type);
}

static void take_stock(struct correlator *correlator)
{
    correlator->counts.groups = groups_count(correlator->groups);
    correlator->counts.bytes = groups_bytes(correlator->groups);
}

static void clear(struct correlator *correlator, struct group *group)
{
    const struct correlation_kind *kind = kind_of(correlator, group);
    if (kind->clear)
        kind->clear(group->state);
    groups_drop(correlator->groups, group);
    take_stock(correlator);
}

void correlator_free(struct correlator *correlator)
{
    if (!correlator)
        return;
    for (size_t i = 0; i < correlator->rules->count; i++) {
        while (groups_oldest(correlator->groups, i))
            clear(correlator, groups_oldest(correlator->groups, i));
        zone_close(correlator->zones[i]);
    }
    groups_free(correlator->groups);
    buf_free(&correlator->gone);
    arena_free(correlator->found);
    free(correlator->zones);
    free(correlator);
}

/* --- Keys --- */

static const struct event_field *field_of(const struct projection *projection, sv name)
{
    for (size_t i = 0; i < projection->seen.field_count; i++)
        if (sv_eq(projection->seen.fields[i].name, name))
            return &projection->seen.fields[i];
    return NULL;
}

/* The values of group-by, each with its length; one that is too long for a key counts by its hash. False if
 * the event lacks one: it belongs to no group. */
static bool group_key(const struct correlation *rule, const struct projection *projection, size_t source,
                      struct buf *ret)
{
    struct pack pack = PACK_INTO(ret);
    for (size_t i = 0; i < rule->group_count; i++) {
        const struct event_field *field = field_of(projection, rule->group[i].fields[source]);
        if (!field || field->type == EVENT_NULL || !field->value.n)
            return false;
        char hash[32];
        sv value = field->value;
        if (value.n > GROUP_KEY_BYTES_MAX / CORRELATION_GROUP_FIELDS_MAX - 4) {
            int n = snprintf(hash, sizeof hash, "#%016llx", (unsigned long long)hash_sv(value));
            value = sv_make(hash, (size_t)n);
        }
        pack_sv(&pack, value);
    }
    assert(pack.ok);
    return true;
}

/* --- Changes --- */

static void put_key(struct pack *pack, const struct correlator *correlator, const struct group *group)
{
    pack_u64(pack, rule_of(correlator, group)->key);
    if (pack->ok && buf_put(pack->buf, sv_make(group->key, group->key_n)) < 0)
        pack->ok = false;
}

/* Its deletion is told if there is room; else it is only forgotten here, and again after the next start. */
static void forget(struct correlator *correlator, struct group *group)
{
    struct pack pack = PACK_INTO(&correlator->gone);
    if (buf_room(&correlator->gone) > CORRELATOR_KEY_BYTES_MAX + 4) {
        pack_u32(&pack, (uint32_t)(KEY_HEAD_BYTES + group->key_n));
        put_key(&pack, correlator, group);
    }
    clear(correlator, group);
}

/* Only between turns: whose turn it is must stay. */
static void make_room(struct correlator *correlator)
{
    while (groups_bytes(correlator->groups) > correlator->limits.bytes_max) {
        struct group *oldest = groups_oldest(correlator->groups, groups_largest(correlator->groups));
        if (!oldest)
            return;
        forget(correlator, oldest);
        correlator->counts.evicted++;
    }
}

static bool tell_gone(struct correlator *correlator, correlator_change_fn *fn, void *arg)
{
    struct unpack unpack = UNPACK_FROM(buf_view(&correlator->gone));
    while (unpack.rest.n) {
        size_t before = unpack.rest.n;
        sv key = unpack_sv(&unpack);
        if (!fn(arg, key, SV_NONE))
            return false;
        buf_consume(&correlator->gone, before - unpack.rest.n);
        unpack = UNPACK_FROM(buf_view(&correlator->gone));
    }
    return true;
}

bool correlator_changes(struct correlator *correlator, correlator_change_fn *fn, void *arg)
{
    struct buf key = BUF_INIT(CORRELATOR_KEY_BYTES_MAX), value = BUF_INIT(CORRELATOR_VALUE_BYTES_MAX);
    bool going = tell_gone(correlator, fn, arg);
    struct group *group;
    while (going && (group = groups_first_dirty(correlator->groups)) != NULL) {
        struct pack key_pack = PACK_INTO(&key), pack = PACK_INTO(&value);
        buf_clear(&key);
        buf_clear(&value);
        put_key(&key_pack, correlator, group);
        pack_u32(&pack, STATE_VERSION);
        pack_i64(&pack, group->due);
        kind_of(correlator, group)->pack(&pack, group->state);
        assert(key_pack.ok && pack.ok);
        going = fn(arg, buf_view(&key), buf_view(&value));
        if (going)
            groups_clean(correlator->groups, group);
    }
    buf_free(&key);
    buf_free(&value);
    return going;
}

void correlator_mark_all(struct correlator *correlator)
{
    for (size_t i = 0; i < correlator->rules->count; i++)
        for (struct group *group = groups_oldest(correlator->groups, i); group; group = group->newer)
            groups_dirty(correlator->groups, group);
}

static size_t by_key(const struct correlator *correlator, uint64_t key)
{
    size_t i = 0;
    while (i < correlator->rules->count && correlator->rules->items[i].key != key)
        i++;
    return i;
}

static bool refuse_state(struct correlator *correlator, sv key)
{
    struct pack pack = PACK_INTO(&correlator->gone);
    if (key.n <= CORRELATOR_KEY_BYTES_MAX && buf_room(&correlator->gone) > CORRELATOR_KEY_BYTES_MAX + 4)
        pack_sv(&pack, key);
    return false;
}

static void weigh(struct correlator *correlator, struct group *group)
{
    const struct correlation_kind *kind = kind_of(correlator, group);
    groups_weigh(correlator->groups, group, kind->held ? kind->held(group->state) : 0);
    take_stock(correlator);
}

bool correlator_restore(struct correlator *correlator, sv key, sv value, nanos now)
{
    struct unpack head = UNPACK_FROM(key), body = UNPACK_FROM(value);
    size_t index = by_key(correlator, unpack_u64(&head));
    uint32_t version = unpack_u32(&body);
    nanos due = unpack_i64(&body);
    if (!head.ok || !body.ok || version != STATE_VERSION || key.n > CORRELATOR_KEY_BYTES_MAX || due < 0 ||
        index == correlator->rules->count || groups_find(correlator->groups, index, head.rest))
        return refuse_state(correlator, key);
    const struct correlation *rule = &correlator->rules->items[index];
    const struct correlation_kind *kind = correlation_kind(rule->type);
    if (due && !kind->due)
        return refuse_state(correlator, key);
    struct group *group = groups_add(correlator->groups, index, head.rest);
    if (!kind->unpack(&body, group->state) || !unpack_done(&body)) {
        clear(correlator, group);
        return refuse_state(correlator, key);
    }
    if (due && due < now)
        due = now + (rule->type == CORRELATION_ABSENCE ? rule->timespan : RESTORE_GRACE);
    groups_set_due(correlator->groups, group, due);
    weigh(correlator, group);
    make_room(correlator);
    return true;
}

/* --- Turns --- */

static struct turn turn_of(struct correlator *correlator, struct group *group)
{
    return (struct turn){.correlator = correlator,
                         .rule = rule_of(correlator, group),
                         .state = group->state,
                         .key = sv_make(group->key, group->key_n),
                         .now = correlator->now,
                         .lateness = correlator->limits.lateness,
                         .due = group->due};
}

static void turn_end(struct correlator *correlator, struct group *group, const struct turn *turn)
{
    groups_set_due(correlator->groups, group, turn->due);
    if (turn->changed)
        groups_dirty(correlator->groups, group);
    weigh(correlator, group);
}

/* One event for one of the uses of what gave it. Chains are bounded by CORRELATION_DEPTH_MAX.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void feed_use(struct correlator *correlator, struct correlation_use use,
                     const struct projection *projection, nanos time)
{
    const struct correlation *rule = &correlator->rules->items[use.correlation];
    struct buf key = BUF_INIT(GROUP_KEY_BYTES_MAX);
    if (!group_key(rule, projection, use.source, &key)) {
        correlator->counts.ungrouped++;
        buf_free(&key);
        return;
    }
    struct group *group = groups_find(correlator->groups, use.correlation, buf_view(&key));
    if (group)
        groups_touch(correlator->groups, group);
    else
        group = groups_add(correlator->groups, use.correlation, buf_view(&key));
    buf_free(&key);
    struct turn turn = turn_of(correlator, group);
    const struct hit hit = {projection, use.source, time};
    turn.changed = true;
    correlation_kind(rule->type)->feed(&turn, &hit);
    turn_end(correlator, group, &turn);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void feed_all(struct correlator *correlator, struct correlation_uses uses,
                     const struct projection *projection, nanos time)
{
    for (size_t i = 0; i < uses.count; i++)
        feed_use(correlator, uses.list[i], projection, time);
}

/* When it happened; what says that it comes from the future, or from before there were such clocks, counts as
 * of its arrival. */
static nanos time_of(const struct correlator *correlator, const struct finding *seen)
{
    bool future = seen->event_time > seen->received_at + correlator->limits.future;
    return seen->event_time > 0 && !future ? seen->event_time : seen->received_at;
}

void correlator_feed(struct correlator *correlator, const struct projection *projection)
{
    const struct finding *seen = &projection->seen;
    size_t rule = ruleset_find(correlator->ruleset, seen->rule_id);
    nanos time = time_of(correlator, seen);
    correlator_advance(correlator, seen->received_at);
    if (rule == SIZE_MAX)
        return; /* of rules that are no more, or not yet */
    correlator->counts.events++;
    correlator->counts.future += time < seen->event_time;
    feed_all(correlator, correlation_rules_of_rule(correlator->rules, rule), projection, time);
    make_room(correlator);
}

static void decide(struct correlator *correlator, struct group *group)
{
    struct turn turn = turn_of(correlator, group);
    turn.due = 0;
    turn.changed = true;
    kind_of(correlator, group)->due(&turn);
    turn_end(correlator, group, &turn);
}

static void sweep(struct correlator *correlator)
{
    for (size_t i = 0; i < correlator->rules->count; i++) {
        const struct correlation_kind *kind = correlation_kind(correlator->rules->items[i].type);
        struct group *group;
        for (int n = 0; kind->dead && n < SWEEP_MAX && (group = groups_oldest(correlator->groups, i)) != NULL;
             n++) {
            const struct turn turn = turn_of(correlator, group);
            if (group->due || !kind->dead(&turn))
                break;
            forget(correlator, group);
        }
    }
}

void correlator_advance(struct correlator *correlator, nanos now)
{
    struct group *group;
    if (now <= correlator->now)
        return;
    while ((group = groups_next_due(correlator->groups)) != NULL && group->due <= now) {
        correlator->now = group->due > correlator->now ? group->due : correlator->now;
        decide(correlator, group);
        make_room(correlator);
    }
    if (now / NANOS_PER_SECOND != correlator->now / NANOS_PER_SECOND) {
        correlator->now = now;
        sweep(correlator);
    }
    correlator->now = now;
}

nanos correlator_due(const struct correlator *correlator)
{
    const struct group *group = groups_next_due(correlator->groups);
    return group ? group->due : 0;
}

static void flush_one(struct correlator *correlator, size_t correlation)
{
    for (struct group *group = groups_oldest(correlator->groups, correlation); group; group = group->newer)
        for (int round = 0; group->due && round < SWEEP_MAX; round++) {
            correlator->now = group->due > correlator->now ? group->due : correlator->now;
            decide(correlator, group);
        }
}

/* Those that others build on come first. */
void correlator_flush(struct correlator *correlator)
{
    const struct correlation *rules = correlator->rules->items;
    for (size_t depth = 0; depth <= CORRELATION_DEPTH_MAX; depth++)
        for (size_t i = 0; i < correlator->rules->count; i++)
            if (rules[i].depth == depth && rules[i].type != CORRELATION_ABSENCE)
                flush_one(correlator, i);
    make_room(correlator);
}

void correlator_start(struct correlator *correlator, nanos now)
{
    correlator->now = now > correlator->now ? now : correlator->now;
    for (size_t i = 0; i < correlator->rules->count; i++) {
        const struct correlation *rule = &correlator->rules->items[i];
        if (rule->type != CORRELATION_ABSENCE || rule->group_count || groups_oldest(correlator->groups, i))
            continue;
        struct group *group = groups_add(correlator->groups, i, SV_NONE);
        groups_set_due(correlator->groups, group, now + rule->timespan);
        groups_dirty(correlator->groups, group);
        weigh(correlator, group);
    }
}

void correlator_learn(struct correlator *correlator, bool learn)
{
    correlator->learning = learn;
}

const struct correlator_counts *correlator_counts(const struct correlator *correlator)
{
    return &correlator->counts;
}

/* --- What kinds of correlation ask for --- */

static void add_field(struct finding *finding, const char *name, sv value)
{
    if (finding->field_count < FINDING_FIELDS_MAX && value.n)
        finding->fields[finding->field_count++] = (struct event_field){sv_of(name), value, EVENT_STRING};
}

/* "user.name=bob, host.name=db1": whose habit or window it is. */
static sv describe_group(const struct turn *turn, struct arena *arena)
{
    struct unpack key = UNPACK_FROM(turn->key);
    sv text = SV("");
    for (size_t i = 0; i < turn->rule->group_count; i++) {
        sv value = unpack_sv(&key);
        text = arena_printf(arena, "%.*s%s%.*s=%.*s", SV_ARG(text), i ? ", " : "",
                            SV_ARG(turn->rule->group[i].name), SV_ARG(value));
    }
    return text;
}

static void tell(struct turn *turn, const struct projection *last, sv seen)
{
    struct correlator *correlator = turn->correlator;
    const struct correlation *rule = turn->rule;
    const struct rule *about = &rule->about;
    struct arena *arena = correlator->found;
    arena_reset(arena);
    struct finding finding = last->seen;
    rule_describe(about, &finding);
    finding.matched_at = turn->now;
    finding.description = about->description.n
                              ? arena_printf(arena, "%.*s\n\n%.*s", SV_ARG(about->description), SV_ARG(seen))
                              : seen;
    finding.fields = arena_alloc(arena, FINDING_FIELDS_MAX * sizeof *finding.fields);
    if (!finding.fields)
        return;
    finding.field_count = 0;
    sv group = describe_group(turn, arena);
    add_field(&finding, "correlation.type", sv_of(correlation_type_name(rule->type)));
    add_field(&finding, "correlation.group", group);
    add_field(&finding, "correlation.seen", seen);
    for (size_t i = 0; i < last->seen.field_count && finding.field_count < FINDING_FIELDS_MAX; i++)
        finding.fields[finding.field_count++] = last->seen.fields[i];
    /* What tells alerts apart that name nobody. */
    finding.message = group.n ? group : about->title;
    correlator->counts.findings++;
    correlator->fn(correlator->arg, &finding, last->ordinal);
}

/* NOLINTNEXTLINE(misc-no-recursion): see feed_use */
void turn_hold(struct turn *turn, const struct projection *last, sv seen, bool loud)
{
    struct correlator *correlator = turn->correlator;
    if (correlator->learning)
        return;
    size_t index = (size_t)(turn->rule - correlator->rules->items);
    if (loud && !turn->rule->silent)
        tell(turn, last, seen);
    feed_all(correlator, correlation_rules_of_correlation(correlator->rules, index), last,
             time_of(correlator, &last->seen));
}

/* NOLINTNEXTLINE(misc-no-recursion): see feed_use */
void turn_find(struct turn *turn, const struct projection *last, sv seen)
{
    turn_hold(turn, last, seen, true);
}

/* NOLINTNEXTLINE(misc-no-recursion): see feed_use */
void turn_find_kept(struct turn *turn, const struct keepsake *kept, sv seen)
{
    struct projection last = {0};
    struct arena *arena = arena_new(FOUND_BYTES_MAX); /* its own: what builds on this may come here, too */
    if (!keepsake_get(kept, &last, arena))
        last.seen = (struct finding){.event_time = turn->now, .received_at = turn->now};
    turn_find(turn, &last, seen);
    arena_free(arena);
}

size_t turn_values(const struct turn *turn, const struct hit *hit, const struct event_field **ret, size_t max)
{
    const struct finding *seen = &hit->projection->seen;
    sv name = turn->rule->field.fields[hit->source];
    size_t n = 0;
    for (size_t i = 0; i < seen->field_count && n < max; i++)
        if (sv_eq(seen->fields[i].name, name) && seen->fields[i].value.n &&
            seen->fields[i].type != EVENT_NULL)
            ret[n++] = &seen->fields[i];
    turn->correlator->counts.ungrouped += n == 0;
    return n;
}

void turn_count_late(struct turn *turn)
{
    turn->changed = false;
    turn->correlator->counts.late++;
}

void turn_count_cut(struct turn *turn)
{
    turn->correlator->counts.cut++;
}

int turn_zone_offset(const struct turn *turn, nanos t)
{
    const struct correlator *correlator = turn->correlator;
    const struct zone *zone = correlator->zones[turn->rule - correlator->rules->items];
    return zone_offset(zone, t);
}
