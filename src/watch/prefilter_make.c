#include "watch/prefilter_family.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>

#define WORK_BYTES_MAX ((size_t)1 << 30)
#define RULE_BYTES_MAX ((size_t)64 << 20)

enum { LATER_LITERALS_MAX = 32 /* in a clause that is not the first: with more it says little */ };

size_t prefilter_families_from = 1000;

/* A literal of a clause, before literals are numbered. */
struct use {
    struct need_literal literal;
    uint32_t place; /* in numbers */
};

/* An array that grows; items are copied into it. */
struct list {
    void *items;
    size_t count, cap, size;
};

struct maker {
    struct prefilter *prefilter;
    struct list uses, clauses, branches;
    uint32_t *numbers; /* of literals, those of one clause together */
};

static void list_put(struct list *list, const void *item)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 1024;
        list->items = reallocarray(list->items, list->cap, list->size);
        assert(list->items);
    }
    memcpy((char *)list->items + list->count++ * list->size, item, list->size);
}

static void put_clause(struct maker *maker, const struct need_clause *need)
{
    struct table_clause clause = {{(uint32_t)maker->uses.count, (uint32_t)need->count}, need->is_name};
    for (size_t i = 0; i < need->count; i++) {
        const struct need_literal *literal = &need->literals[i];
        struct use use = {{arena_sv(maker->prefilter->texts, literal->text), literal->flags},
                          (uint32_t)maker->uses.count};
        assert(use.literal.text.p);
        list_put(&maker->uses, &use);
    }
    list_put(&maker->clauses, &clause);
}

static void put_branch(struct maker *maker, size_t rule, const struct need_branch *need)
{
    struct table_branch branch = {(uint32_t)rule, {(uint32_t)maker->clauses.count, 0}};
    for (size_t i = 0; i < need->count; i++)
        if (i == 0 || need->clauses[i].count <= LATER_LITERALS_MAX)
            put_clause(maker, &need->clauses[i]);
    branch.clauses.count = (uint32_t)maker->clauses.count - branch.clauses.first;
    list_put(&maker->branches, &branch);
}

static void gather(struct maker *maker, const struct sigma_rule *rules, const struct sigma_fields *fields)
{
    struct arena *learnt = arena_new(RULE_BYTES_MAX), *arena = arena_new(RULE_BYTES_MAX);
    const struct needs_known *known = needs_known_new(learnt);
    for (size_t i = 0; i < maker->prefilter->rule_count; i++) {
        struct needs needs;
        arena_reset(arena);
        needs_of_rule(&needs, &rules[i], fields, known, arena);
        maker->prefilter->always[i] = needs_nothing(&needs);
        for (size_t j = 0; !maker->prefilter->always[i] && j < needs.count; j++)
            put_branch(maker, i, &needs.branches[j]);
    }
    arena_free(arena);
    arena_free(learnt);
}

static int compare_literals(const struct need_literal *a, const struct need_literal *b)
{
    int order = sv_cmp(a->text, b->text);
    return order ? order : (a->flags > b->flags) - (a->flags < b->flags);
}

static int by_literal(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    int order = compare_literals(&x->literal, &y->literal);
    return order ? order : (x->place > y->place) - (x->place < y->place);
}

/* Numbers the literals, each once. */
static void number(struct maker *maker)
{
    struct prefilter *prefilter = maker->prefilter;
    struct use *uses = maker->uses.items;
    size_t total = maker->uses.count, count = 0;
    prefilter->literals = calloc(total + 1, sizeof *prefilter->literals);
    maker->numbers = calloc(total + 1, sizeof *maker->numbers);
    assert(prefilter->literals && maker->numbers);
    if (total)
        qsort(uses, total, sizeof *uses, by_literal);
    for (size_t i = 0; i < total; i++) {
        if (i == 0 || compare_literals(&uses[i].literal, &uses[i - 1].literal) != 0)
            prefilter->literals[count++] = uses[i].literal;
        maker->numbers[uses[i].place] = (uint32_t)count - 1;
    }
    prefilter->literal_count = count;
}

/* A family for each log source whose rules have fewer literals, if a quarter have half of all or less: to
 * look at each log source's records by themselves costs more than it saves where most rules see them all. */
static bool make_families(struct prefilter *prefilter, const struct need_table *table,
                          const struct sigma_rule *rules, struct database_cache *cache)
{
    struct family made[PREFILTER_FAMILIES_MAX];
    size_t all = prefilter->families[PREFILTER_ALL].literal_count, spared = 0;
    bool good = true;
    assert(rule_source_family_count < PREFILTER_FAMILIES_MAX);
    for (size_t i = 0; i < rule_source_family_count; i++) {
        family_make(&made[i], &rule_source_families[i], table, rules, prefilter->rule_count);
        spared += made[i].literal_count <= all / 2;
    }
    for (size_t i = 0; i < rule_source_family_count; i++)
        if (good && spared > rule_source_family_count / 4 && made[i].literal_count < all) {
            good = family_compile(&made[i], cache);
            prefilter->families[prefilter->family_count++] = made[i];
        } else {
            family_clear(&made[i]);
        }
    return good;
}

static bool compile(struct maker *maker, const struct sigma_rule *rules, struct database_cache *cache)
{
    static const struct source_family any = {.usual = SV_NONE};
    struct prefilter *prefilter = maker->prefilter;
    struct need_table table = {.literals = prefilter->literals,
                               .literal_count = prefilter->literal_count,
                               .numbers = maker->numbers,
                               .number_count = maker->uses.count,
                               .clauses = maker->clauses.items,
                               .clause_count = maker->clauses.count,
                               .branches = maker->branches.items,
                               .branch_count = maker->branches.count};
    struct family *all = &prefilter->families[prefilter->family_count++];
    family_make(all, &any, &table, rules, prefilter->rule_count);
    return family_compile(all, cache) &&
           (all->literal_count < prefilter_families_from || make_families(prefilter, &table, rules, cache));
}

struct prefilter *prefilter_new(const struct sigma_rule *rules, size_t count,
                                const struct sigma_fields *fields, struct database_cache *cache)
{
    if (count == 0 || hs_valid_platform() != HS_SUCCESS)
        return NULL;
    struct prefilter *prefilter = calloc(1, sizeof *prefilter);
    assert(prefilter);
    prefilter->rule_count = count;
    prefilter->always = calloc(count, sizeof *prefilter->always);
    assert(prefilter->always);
    prefilter->texts = arena_new(WORK_BYTES_MAX);
    struct maker maker = {.prefilter = prefilter,
                          .uses.size = sizeof(struct use),
                          .clauses.size = sizeof(struct table_clause),
                          .branches.size = sizeof(struct table_branch)};
    gather(&maker, rules, fields);
    number(&maker);
    bool useful = maker.uses.count > 0 && compile(&maker, rules, cache);
    free(maker.uses.items);
    free(maker.numbers);
    free(maker.clauses.items);
    free(maker.branches.items);
    if (useful)
        return prefilter;
    prefilter_free(prefilter);
    return NULL;
}

void prefilter_free(struct prefilter *prefilter)
{
    if (!prefilter)
        return;
    for (size_t i = 0; i < prefilter->family_count; i++)
        family_clear(&prefilter->families[i]);
    free(prefilter->literals);
    arena_free(prefilter->texts);
    free(prefilter->always);
    free(prefilter);
}

size_t prefilter_families(const struct prefilter *prefilter)
{
    return prefilter->family_count;
}

size_t prefilter_family(const struct prefilter *prefilter, const struct logsource *source)
{
    for (size_t i = 1; i < prefilter->family_count; i++)
        if (source_family_includes(prefilter->families[i].about, source))
            return i;
    return PREFILTER_ALL;
}

bool prefilter_is_always(const struct prefilter *prefilter, size_t rule)
{
    assert(rule < prefilter->rule_count);
    return prefilter->always[rule];
}

size_t prefilter_literals(const struct prefilter *prefilter, size_t *ret_bytes)
{
    *ret_bytes = 0;
    for (size_t i = 0, bytes; i < prefilter->family_count; i++)
        if (hs_database_size(prefilter->families[i].database, &bytes) == HS_SUCCESS)
            *ret_bytes += bytes;
    return prefilter->families[PREFILTER_ALL].literal_count;
}
