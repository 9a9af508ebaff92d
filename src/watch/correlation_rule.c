#include "watch/correlation_rule.h"

#include <assert.h>
#include <stdlib.h>

#include "base/hash.h"
#include "watch/ruleset_priv.h"

enum { KEPT_BYTES_MAX = 64 * 1024 * 1024, AT_FIRST = 16 };

struct correlation_rules *correlation_rules_new(void)
{
    struct correlation_rules *rules = calloc(1, sizeof *rules);
    assert(rules);
    rules->arena = arena_new(KEPT_BYTES_MAX);
    return rules;
}

void correlation_rules_free(struct correlation_rules *rules)
{
    if (!rules)
        return;
    free(rules->items);
    arena_free(rules->arena);
    free(rules);
}

bool correlation_condition_holds(const struct correlation_condition *condition, double value)
{
    const double *than = condition->than;
    const bool *has = condition->has;
    return (!has[CORRELATION_GT] || value > than[CORRELATION_GT]) &&
           (!has[CORRELATION_GTE] || value >= than[CORRELATION_GTE]) &&
           (!has[CORRELATION_LT] || value < than[CORRELATION_LT]) &&
           (!has[CORRELATION_LTE] || value <= than[CORRELATION_LTE]) &&
           (!has[CORRELATION_EQ] || !(value < than[CORRELATION_EQ] || value > than[CORRELATION_EQ])) &&
           (!has[CORRELATION_NEQ] || value < than[CORRELATION_NEQ] || value > than[CORRELATION_NEQ]);
}

bool correlation_condition_waits(const struct correlation_condition *condition)
{
    const bool *has = condition->has;
    return (has[CORRELATION_LT] || has[CORRELATION_LTE] || has[CORRELATION_NEQ]) && !has[CORRELATION_GT] &&
           !has[CORRELATION_GTE] && !has[CORRELATION_EQ];
}

static struct correlation *find(const struct correlation_rules *rules, sv named)
{
    for (size_t i = 0; i < rules->count; i++)
        if (sv_ieq(rules->items[i].about.id, named))
            return &rules->items[i];
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].about.name.n && sv_eq(rules->items[i].about.name, named))
            return &rules->items[i];
    return NULL;
}

bool correlation_rule_load(struct correlation_rules *rules, const struct yaml_node *document,
                           struct sigma_workshop *shop)
{
    struct correlation correlation = {0};
    size_t before = shop->errors->count;
    const struct yaml_node *generate = yaml_get(document, "generate");
    sigma_about_load(&correlation.about, document, shop);
    correlation_load(&correlation, yaml_get(document, "correlation"), shop);
    if (generate && generate->kind == YAML_SCALAR && sv_ieq(generate->text, SV("true")))
        correlation.generate = true;
    for (size_t i = 0; i < rules->count && shop->errors->count == before; i++)
        if (sv_ieq(rules->items[i].about.id, correlation.about.id))
            sigma_error(shop->errors, document->line, document->column,
                        "the correlation in %s:%d has the same id (or, without one, the same title)",
                        rules->items[i].about.file, rules->items[i].about.line);
    if (shop->errors->count != before)
        return false;
    if (rules->count == rules->cap) {
        rules->cap = rules->cap ? rules->cap * 2 : AT_FIRST;
        rules->items = reallocarray(rules->items, rules->cap, sizeof *rules->items);
        assert(rules->items);
    }
    rules->items[rules->count++] = correlation;
    return true;
}

/* --- Resolving --- */

struct resolving {
    struct correlation_rules *rules;
    const struct ruleset *ruleset;
    rule_error_fn *fn;
    void *arg;
};

static bool refuse(const struct resolving *resolving, const struct correlation *correlation, int line,
                   int column, const char *message, sv what)
{
    struct sigma_errors errors = {
        .file = correlation->about.file, .fn = resolving->fn, .arg = resolving->arg};
    sigma_error(&errors, line, column, "%s '%.*s'", message, SV_ARG(sv_first(what, 100)));
    return false;
}

static bool find_source(const struct resolving *resolving, struct correlation *correlation,
                        struct correlation_source *source)
{
    source->index = ruleset_find(resolving->ruleset, source->named);
    if (source->index != SIZE_MAX)
        return true;
    const struct correlation *other = find(resolving->rules, source->named);
    if (!other)
        return refuse(resolving, correlation, source->line, source->column,
                      "there is no rule with the id or name", source->named);
    source->is_correlation = true;
    source->index = (size_t)(other - resolving->rules->items);
    return true;
}

static const struct rule *about_source(const struct resolving *resolving,
                                       const struct correlation_source *source)
{
    return source->is_correlation ? &resolving->rules->items[source->index].about
                                  : ruleset_rule(resolving->ruleset, source->index);
}

/* What the field is called in the events of that source. */
static sv field_in(const struct resolving *resolving, struct correlation *correlation, sv name,
                   const struct correlation_source *source)
{
    const struct rule *about = about_source(resolving, source);
    sv field = name;
    for (size_t i = 0; i < correlation->alias_count; i++) {
        struct correlation_alias *alias = &correlation->aliases[i];
        if (!sv_eq(alias->alias, name))
            continue;
        if (!sv_eq(alias->source, source->named) && !sv_eq(alias->source, about->name) &&
            !sv_ieq(alias->source, about->id)) {
            field = sv_eq(field, name) ? SV_NONE : field;
            continue;
        }
        alias->used = true;
        return alias->field;
    }
    return field;
}

static bool place_field(const struct resolving *resolving, struct correlation *correlation,
                        struct correlation_field *field)
{
    struct arena *arena = resolving->rules->arena;
    field->fields = arena_alloc(arena, correlation->source_count * sizeof *field->fields);
    if (!field->fields)
        return refuse(resolving, correlation, correlation->about.line, 1, "there is no more room for",
                      correlation->about.title);
    for (size_t i = 0; i < correlation->source_count; i++) {
        field->fields[i] = field_in(resolving, correlation, field->name, &correlation->sources[i]);
        if (!field->fields[i].n)
            return refuse(resolving, correlation, correlation->about.line, 1,
                          "an alias must say its field for every rule: one does not for",
                          correlation->sources[i].named);
    }
    return true;
}

static bool place_fields(const struct resolving *resolving, struct correlation *correlation)
{
    for (size_t i = 0; i < correlation->group_count; i++)
        if (!place_field(resolving, correlation, &correlation->group[i]))
            return false;
    if (correlation->field.name.n && !place_field(resolving, correlation, &correlation->field))
        return false;
    for (size_t i = 0; i < correlation->alias_count; i++) {
        const struct correlation_alias *alias = &correlation->aliases[i];
        bool grouped = correlation->field.name.n && sv_eq(alias->alias, correlation->field.name);
        for (size_t j = 0; j < correlation->group_count; j++)
            grouped |= sv_eq(alias->alias, correlation->group[j].name);
        if (grouped && !alias->used)
            return refuse(resolving, correlation, alias->line, alias->column,
                          "of the rules none is the one that an alias is for,", alias->source);
    }
    return true;
}

/* State that was kept under other terms must not be taken for this correlation's. */
static uint64_t key_of(const struct correlation *correlation)
{
    uint64_t key = hash_sv_fold(correlation->about.id);
    key ^= ((uint64_t)correlation->type + 1) * 0x9e3779b97f4a7c15ULL;
    for (size_t i = 0; i < correlation->group_count; i++)
        key = key * 31 + hash_sv(correlation->group[i].name);
    const struct correlation_habit *habit = &correlation->habit;
    if (correlation->type == CORRELATION_SPIKE)
        key = key * 31 + (uint64_t)correlation->timespan; /* periods are numbered by it */
    if (habit->zone.n)
        key = key * 31 + hash_sv(habit->zone);
    if (habit->prefix_v4 || habit->prefix_v6)
        key = key * 31 + (uint64_t)(habit->prefix_v4 * 256 + habit->prefix_v6);
    return key * 31 + hash_sv(correlation->field.name) + correlation->source_count;
}

static bool resolve_one(const struct resolving *resolving, struct correlation *correlation)
{
    for (size_t i = 0; i < correlation->source_count; i++)
        if (!find_source(resolving, correlation, &correlation->sources[i]))
            return false;
    correlation->key = key_of(correlation);
    return place_fields(resolving, correlation);
}

static void take_out(struct correlation_rules *rules, size_t index)
{
    rules->count--;
    memmove(&rules->items[index], &rules->items[index + 1], (rules->count - index) * sizeof *rules->items);
}

/* Whoever names a correlation that was left out is left out, too: so until none is any more. */
static size_t resolve_sources(const struct resolving *resolving)
{
    struct correlation_rules *rules = resolving->rules;
    size_t failed = 0, before;
    do {
        before = rules->count;
        for (size_t i = 0; i < rules->count; i++) {
            struct correlation *correlation = &rules->items[i];
            for (size_t j = 0; j < correlation->source_count; j++)
                correlation->sources[j].is_correlation = false;
            if (resolve_one(resolving, correlation))
                continue;
            take_out(rules, i);
            failed++;
            break;
        }
    } while (rules->count != before);
    return failed;
}

/* How many correlations lie below: rounds of raising, which end unless there is a ring. */
static size_t resolve_depths(const struct resolving *resolving)
{
    struct correlation_rules *rules = resolving->rules;
    size_t failed = 0;
    bool raised = true;
    for (size_t i = 0; i < rules->count; i++)
        rules->items[i].depth = 0;
    while (raised) {
        raised = false;
        for (size_t i = 0; i < rules->count; i++) {
            struct correlation *correlation = &rules->items[i];
            for (size_t j = 0; j < correlation->source_count; j++) {
                const struct correlation_source *source = &correlation->sources[j];
                if (!source->is_correlation || rules->items[source->index].depth < correlation->depth)
                    continue;
                correlation->depth = rules->items[source->index].depth + 1;
                raised = true;
            }
            if (correlation->depth <= CORRELATION_DEPTH_MAX)
                continue;
            refuse(resolving, correlation, correlation->about.line, 1,
                   "correlations build on each other in a ring, or too deep:", correlation->about.title);
            take_out(rules, i);
            failed += 1 + resolve_sources(resolving);
            for (size_t j = 0; j < rules->count; j++)
                rules->items[j].depth = 0;
            raised = true;
            break;
        }
    }
    return failed;
}

/* --- Who uses what --- */

static void *room(struct correlation_rules *rules, size_t n)
{
    void *memory = arena_alloc(rules->arena, n + 1);
    assert(memory);
    return memory;
}

static struct correlation_uses uses_of(struct correlation_rules *rules, size_t index, bool is_correlation)
{
    struct correlation_uses uses = {0};
    struct correlation_use *list = NULL;
    for (int round = 0; round < 2; round++) {
        size_t n = 0;
        for (size_t i = 0; i < rules->count; i++)
            for (size_t j = 0; j < rules->items[i].source_count; j++) {
                const struct correlation_source *source = &rules->items[i].sources[j];
                if (source->is_correlation != is_correlation || source->index != index)
                    continue;
                if (list)
                    list[n] = (struct correlation_use){i, j};
                n++;
            }
        if (n == 0)
            break;
        if (!list)
            list = room(rules, n * sizeof *list);
        uses = (struct correlation_uses){list, n};
    }
    return uses;
}

static bool silenced(const struct correlation_rules *rules, struct correlation_uses uses)
{
    for (size_t i = 0; i < uses.count; i++)
        if (rules->items[uses.list[i].correlation].generate)
            return false;
    return uses.count > 0;
}

/* Returns how many rules' correlations want too much of them. */
static size_t index_uses(const struct resolving *resolving)
{
    struct correlation_rules *rules = resolving->rules;
    size_t failed = 0;
    rules->rule_count = resolving->ruleset->count;
    rules->of_rules = room(rules, rules->rule_count * sizeof *rules->of_rules);
    rules->of_correlations = room(rules, rules->count * sizeof *rules->of_correlations);
    rules->needs = room(rules, rules->rule_count * sizeof *rules->needs);
    for (size_t i = 0; i < rules->count; i++) {
        rules->of_correlations[i] = uses_of(rules, i, true);
        rules->items[i].silent = silenced(rules, rules->of_correlations[i]);
    }
    for (size_t i = 0; i < rules->count; i++)
        for (size_t j = 0; j < rules->items[i].source_count; j++) {
            const struct correlation_source *source = &rules->items[i].sources[j];
            if (source->is_correlation || rules->needs[source->index])
                continue;
            rules->of_rules[source->index] = uses_of(rules, source->index, false);
            struct correlation_need *need = correlation_need_of(
                rules, &resolving->ruleset->rules[source->index], rules->of_rules[source->index]);
            need->silent = silenced(rules, rules->of_rules[source->index]);
            rules->needs[source->index] = need;
            if (!need->left_out.n)
                continue;
            refuse(resolving, &rules->items[i], source->line, source->column,
                   "correlations want more fields of one rule's events than 64; one is left out:",
                   need->left_out);
            failed++;
        }
    return failed;
}

size_t correlation_rules_resolve(struct correlation_rules *rules, const struct ruleset *ruleset,
                                 rule_error_fn *fn, void *arg)
{
    const struct resolving resolving = {rules, ruleset, fn, arg};
    size_t failed = resolve_sources(&resolving);
    failed += resolve_depths(&resolving);
    if (rules->count)
        failed += index_uses(&resolving);
    return failed;
}

struct correlation_uses correlation_rules_of_rule(const struct correlation_rules *rules, size_t rule)
{
    return rule < rules->rule_count ? rules->of_rules[rule] : (struct correlation_uses){0};
}

struct correlation_uses correlation_rules_of_correlation(const struct correlation_rules *rules,
                                                         size_t correlation)
{
    return rules->of_correlations[correlation];
}

/* --- correlation.h --- */

size_t correlation_count(const struct ruleset *ruleset)
{
    return ruleset->correlations->count;
}

const struct rule *correlation_about(const struct ruleset *ruleset, size_t index)
{
    assert(index < ruleset->correlations->count);
    return &ruleset->correlations->items[index].about;
}
