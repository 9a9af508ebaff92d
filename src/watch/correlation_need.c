/* What correlations want of the events that a rule selects, and the picking of it. */
#include "watch/correlation_rule.h"

#include <assert.h>

#include "watch/ruleset_priv.h"

enum { WISH_VALUES_MAX = 16 }; /* of one field that an event has several times */

/* Fields that a person wants to see in any alert, and that tell alerts apart. */
static const sv context[] = {
    SV_INIT("user.name"),
    SV_INIT("user.target.name"),
    SV_INIT("user.effective.name"),
    SV_INIT("user.id"),
    SV_INIT("source.ip"),
    SV_INIT("source.domain"),
    SV_INIT("source.address"),
    SV_INIT("host.name"),
    SV_INIT("destination.ip"),
    SV_INIT("destination.domain"),
    SV_INIT("event.action"),
    SV_INIT("event.code"),
    SV_INIT("event.outcome"),
    SV_INIT("event.reason"),
    SV_INIT("process.command_line"),
    SV_INIT("process.name"),
    SV_INIT("cyberark.account"),
    SV_INIT("cyberark.safe"),
};

enum { CONTEXT_COUNT = sizeof context / sizeof *context };

static bool is_wished(const struct correlation_need *need, sv asked)
{
    for (size_t i = 0; i < need->count; i++)
        if (sv_eq(need->wishes[i].asked, asked))
            return true;
    return false;
}

/* What equal names have in common, and most others have not. */
enum { LOOKS = 64 };

static size_t look_of(sv name)
{
    size_t n = name.n;
    return n ? (n * 7 + (unsigned char)name.p[n / 2] * 3U + (unsigned char)name.p[n - 1]) % LOOKS : 0;
}

static uint64_t look_bit(size_t look)
{
    return UINT64_C(1) << look;
}

/* Correlations name a field as the rules do, before pipelines rewrite them; what its events call it is told
 * by the trail that the pipelines left. */
static void wish(struct correlation_need *need, sv asked, const struct pipeline_trail *trail,
                 struct arena *arena)
{
    if (!asked.n || is_wished(need, asked))
        return;
    if (need->count == CORRELATION_FIELDS_MAX) {
        need->left_out = asked;
        return;
    }
    struct correlation_wish *wish = &need->wishes[need->count++];
    wish->asked = asked;
    bool fits = pipeline_trail_names(trail, asked, arena, &wish->called);
    assert(fits);
    for (size_t i = 0; i < wish->called.count; i++)
        wish->looks |= look_bit(look_of(wish->called.list[i]));
    need->looks |= wish->looks;
}

/* The fields that the users of a source want, and their users in turn: bounded by CORRELATION_DEPTH_MAX.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void gather(const struct correlation_rules *rules, struct correlation_uses uses,
                   const struct pipeline_trail *trail, struct correlation_need *ret)
{
    for (size_t i = 0; i < uses.count; i++) {
        const struct correlation *user = &rules->items[uses.list[i].correlation];
        size_t source = uses.list[i].source;
        for (size_t j = 0; j < user->group_count; j++)
            wish(ret, user->group[j].fields[source], trail, rules->arena);
        if (user->field.name.n)
            wish(ret, user->field.fields[source], trail, rules->arena);
        gather(rules, rules->of_correlations[uses.list[i].correlation], trail, ret);
    }
}

struct correlation_need *correlation_need_of(const struct correlation_rules *rules,
                                             const struct sigma_rule *rule, struct correlation_uses uses)
{
    struct correlation_need *need = arena_alloc(rules->arena, sizeof *need);
    assert(need);
    gather(rules, uses, rule->trail, need);
    need->asked = need->count;
    for (size_t i = 0; i < CONTEXT_COUNT && need->count < CORRELATION_FIELDS_MAX; i++)
        wish(need, context[i], NULL, rules->arena);
    return need;
}

/* --- correlation.h --- */

static const struct correlation_need *need_of(const struct ruleset *ruleset, size_t rule)
{
    const struct correlation_rules *rules = ruleset->correlations;
    return rule < rules->rule_count ? rules->needs[rule] : NULL;
}

bool correlation_wants(const struct ruleset *ruleset, size_t rule)
{
    return need_of(ruleset, rule) != NULL;
}

bool correlation_silences(const struct ruleset *ruleset, size_t rule)
{
    const struct correlation_need *need = need_of(ruleset, rule);
    return need && need->silent;
}

/* A finding's fields that may be wished for, by their looks: the first of each, and the next of the same. */
struct known {
    const struct event_field *fields;
    uint64_t looks; /* that any of them has */
    uint16_t first[LOOKS], next[EVENT_FIELDS_MAX];
};

enum { NO_FIELD = UINT16_MAX };

static void know(struct known *ret, const struct correlation_need *need, const struct finding *finding)
{
    ret->fields = finding->fields;
    ret->looks = 0;
    for (size_t i = finding->field_count < EVENT_FIELDS_MAX ? finding->field_count : EVENT_FIELDS_MAX; i > 0;
         i--) {
        size_t look = look_of(finding->fields[i - 1].name);
        if (!(need->looks & look_bit(look)))
            continue;
        ret->next[i - 1] = ret->looks & look_bit(look) ? ret->first[look] : NO_FIELD;
        ret->first[look] = (uint16_t)(i - 1);
        ret->looks |= look_bit(look);
    }
}

/* The values of the fields of that name, under the name that was asked for. False when there is no more room.
 */
static bool grant_named(const struct known *known, sv called, sv asked, struct finding *seen)
{
    size_t before = seen->field_count, look = look_of(called);
    for (size_t i = known->looks & look_bit(look) ? known->first[look] : NO_FIELD; i != NO_FIELD;
         i = known->next[i]) {
        const struct event_field *field = &known->fields[i];
        if (!sv_eq(field->name, called) || field->type == EVENT_NULL || !field->value.n)
            continue;
        if (seen->field_count == CORRELATION_FIELDS_MAX || seen->field_count - before == WISH_VALUES_MAX)
            return false;
        seen->fields[seen->field_count++] = (struct event_field){asked, field->value, field->type};
    }
    return true;
}

/* What the first of its names has that has any. */
static void grant(const struct correlation_wish *wish, const struct known *known, struct finding *seen)
{
    size_t before = seen->field_count;
    for (size_t i = 0; i < wish->called.count && seen->field_count == before; i++)
        if (!grant_named(known, wish->called.list[i], wish->asked, seen))
            return;
}

static void project(const struct correlation_need *need, size_t count, const struct finding *finding,
                    struct arena *arena, struct projection *ret)
{
    struct finding seen = {.event_time = finding->event_time,
                           .received_at = finding->received_at,
                           .matched_at = finding->matched_at,
                           .input = finding->input,
                           .rule_id = finding->rule_id,
                           .raw = finding->raw,
                           .message = finding->message,
                           .fields = arena_take(arena, CORRELATION_FIELDS_MAX * sizeof *seen.fields)};
    struct known known;
    if (count)
        know(&known, need, finding);
    for (size_t i = 0; seen.fields && i < count; i++)
        if (need->wishes[i].looks & known.looks)
            grant(&need->wishes[i], &known, &seen);
    *ret = (struct projection){.seen = seen};
}

void correlation_project(const struct ruleset *ruleset, size_t rule, const struct finding *finding,
                         struct arena *arena, struct projection *ret)
{
    const struct correlation_need *need = need_of(ruleset, rule);
    project(need, need ? need->count : 0, finding, arena, ret);
}

void correlation_project_asked(const struct ruleset *ruleset, size_t rule, const struct finding *finding,
                               struct arena *arena, struct projection *ret)
{
    const struct correlation_need *need = need_of(ruleset, rule);
    project(need, need ? need->asked : 0, finding, arena, ret);
}
