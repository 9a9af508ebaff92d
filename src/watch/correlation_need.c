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

/* What equal names have in common, and most others have not. */
static size_t look_of(sv name)
{
    size_t n = name.n;
    return n ? (n * 7 + (unsigned char)name.p[n / 2] * 3U + (unsigned char)name.p[n - 1]) % CORRELATION_LOOKS
             : 0;
}

static uint64_t length_bit(sv name)
{
    return UINT64_C(1) << name.n % 64;
}

/* Makes the names ready to be found by those of an event. */
static void index_names(struct correlation_need *need, struct arena *arena)
{
    size_t count = 0;
    for (size_t i = 0; i < need->count; i++)
        count += need->wishes[i].called.count;
    need->names = arena_alloc(arena, (count + 1) * sizeof *need->names);
    assert(need->names && count < UINT16_MAX);
    count = 0;
    for (size_t i = 0; i < need->count; i++)
        for (size_t j = 0; j < need->wishes[i].called.count; j++) {
            sv name = need->wishes[i].called.list[j];
            uint16_t *first = &need->first[look_of(name)];
            need->names[count] = (struct correlation_name){name, (uint16_t)i, (uint16_t)j, *first};
            need->lengths |= length_bit(name);
            *first = (uint16_t)++count;
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
    index_names(need, rules->arena);
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

/* What a finding has of each wish: of the first of its names that has any, the fields in their order. */
struct grants {
    uint8_t count[CORRELATION_FIELDS_MAX], rank[CORRELATION_FIELDS_MAX];
    uint16_t fields[CORRELATION_FIELDS_MAX][WISH_VALUES_MAX];
};

static void grant(struct grants *grants, const struct correlation_name *name, size_t field)
{
    uint8_t *count = &grants->count[name->wish];
    if (*count && name->rank > grants->rank[name->wish])
        return;
    if (*count && name->rank < grants->rank[name->wish])
        *count = 0;
    grants->rank[name->wish] = (uint8_t)name->rank;
    if (*count < WISH_VALUES_MAX)
        grants->fields[name->wish][(*count)++] = (uint16_t)field;
}

/* Most of an event's fields are told apart from all names by their length, or look. */
static void grant_all(struct grants *grants, const struct correlation_need *need,
                      const struct finding *finding)
{
    memset(grants->count, 0, sizeof grants->count);
    for (size_t i = 0; i < finding->field_count; i++) {
        const struct event_field *field = &finding->fields[i];
        if (!(need->lengths & length_bit(field->name)) || !field->value.n || field->type == EVENT_NULL)
            continue;
        for (size_t at = need->first[look_of(field->name)]; at > 0; at = need->names[at - 1].next)
            if (sv_eq(need->names[at - 1].name, field->name))
                grant(grants, &need->names[at - 1], i);
    }
}

/* The fields that were granted, under the names that were asked for. Returns how many. */
static size_t hand_out(const struct grants *grants, const struct correlation_need *need, size_t count,
                       const struct event_field *fields, struct event_field *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0, of = grants->count[i]; j < of && n < CORRELATION_FIELDS_MAX; j++) {
            const struct event_field *field = &fields[grants->fields[i][j]];
            ret[n++] = (struct event_field){need->wishes[i].asked, field->value, field->type};
        }
    return n;
}

static void project(const struct correlation_need *need, size_t count, const struct finding *finding,
                    struct arena *arena, struct projection *ret)
{
    struct finding *seen = &ret->seen;
    struct grants grants;
    *ret = (struct projection){.seen = {.event_time = finding->event_time,
                                        .received_at = finding->received_at,
                                        .matched_at = finding->matched_at,
                                        .input = finding->input,
                                        .rule_id = finding->rule_id,
                                        .raw = finding->raw,
                                        .message = finding->message}};
    seen->fields = count ? arena_take(arena, CORRELATION_FIELDS_MAX * sizeof *seen->fields) : NULL;
    if (!seen->fields)
        return;
    grant_all(&grants, need, finding);
    seen->field_count = hand_out(&grants, need, count, finding->fields, seen->fields);
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
