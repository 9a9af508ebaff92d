#include "watch/prefilter_priv.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>

#include "wire/derived.h"

#define WORK_BYTES_MAX ((size_t)1 << 30)
#define RULE_BYTES_MAX ((size_t)64 << 20)

enum { FURTHER_LITERALS_MAX = 64 /* in a clause that is not the first: with more it says little */ };

/* A literal of a clause, before literals are numbered. */
struct use {
    sv text;
    uint32_t place; /* in clause_literals */
};

/* An array that grows; items are copied into it. */
struct list {
    void *items;
    size_t count, cap, size;
};

struct maker {
    struct prefilter *prefilter;
    struct arena *texts;
    struct list uses, branches, clauses,
        first_clauses; /* first_clauses: of each branch, the one that opens it */
};

static void *list_put(struct list *list, const void *item)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 1024;
        list->items = reallocarray(list->items, list->cap, list->size);
        assert(list->items);
    }
    return memcpy((char *)list->items + list->count++ * list->size, item, list->size);
}

static struct span put_clause(struct maker *maker, const struct need_clause *clause)
{
    struct span span = {(uint32_t)maker->uses.count, (uint32_t)clause->count};
    for (size_t i = 0; i < clause->count; i++) {
        struct use use = {arena_sv(maker->texts, clause->literals[i]), (uint32_t)maker->uses.count};
        assert(use.text.p);
        list_put(&maker->uses, &use);
    }
    return span;
}

static void put_branch(struct maker *maker, size_t rule, const struct need_branch *need)
{
    struct span first = put_clause(maker, &need->clauses[0]);
    struct branch branch = {(uint32_t)rule, {(uint32_t)maker->clauses.count, 0}};
    for (size_t i = 1; i < need->count; i++) {
        if (need->clauses[i].count > FURTHER_LITERALS_MAX)
            continue;
        struct span further = put_clause(maker, &need->clauses[i]);
        list_put(&maker->clauses, &further);
        branch.clauses.count++;
    }
    list_put(&maker->first_clauses, &first);
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

static int by_text(const void *a, const void *b)
{
    return sv_cmp(((const struct use *)a)->text, ((const struct use *)b)->text);
}

/* Numbers the literals behind the veils, each text once. Returns the texts by number. */
static sv *number(struct maker *maker)
{
    struct prefilter *prefilter = maker->prefilter;
    struct use *uses = maker->uses.items;
    sv *texts = calloc(maker->uses.count + derived_veil_count, sizeof *texts);
    prefilter->clause_literals = calloc(maker->uses.count, sizeof *prefilter->clause_literals);
    assert(texts && prefilter->clause_literals);
    size_t count = derived_veil_count;
    for (size_t i = 0; i < count; i++)
        texts[i] = derived_veils[i].mark;
    qsort(uses, maker->uses.count, sizeof *uses, by_text);
    for (size_t i = 0; i < maker->uses.count; i++) {
        if (i == 0 || !sv_eq(uses[i].text, uses[i - 1].text))
            texts[count++] = uses[i].text;
        prefilter->clause_literals[uses[i].place] = (uint32_t)count - 1;
    }
    prefilter->literal_count = count;
    return texts;
}

/* Which branches each literal opens. */
static void open_branches(struct maker *maker)
{
    struct prefilter *prefilter = maker->prefilter;
    const struct span *firsts = maker->first_clauses.items;
    size_t total = 0;
    prefilter->opens = calloc(prefilter->literal_count, sizeof *prefilter->opens);
    assert(prefilter->opens);
    for (size_t i = 0; i < maker->branches.count; i++)
        for (uint32_t j = 0; j < firsts[i].count; j++, total++)
            prefilter->opens[prefilter->clause_literals[firsts[i].first + j]].count++;
    prefilter->open_branches = calloc(total + 1, sizeof *prefilter->open_branches);
    assert(prefilter->open_branches);
    for (size_t i = 1; i < prefilter->literal_count; i++)
        prefilter->opens[i].first = prefilter->opens[i - 1].first + prefilter->opens[i - 1].count;
    for (size_t i = 0; i < prefilter->literal_count; i++)
        prefilter->opens[i].count = 0;
    for (size_t i = 0; i < maker->branches.count; i++)
        for (uint32_t j = 0; j < firsts[i].count; j++) {
            struct span *opens = &prefilter->opens[prefilter->clause_literals[firsts[i].first + j]];
            prefilter->open_branches[opens->first + opens->count++] = (uint32_t)i;
        }
}

static bool compile(struct prefilter *prefilter, const sv *texts)
{
    size_t count = prefilter->literal_count;
    const char **starts = calloc(count, sizeof *starts);
    size_t *sizes = calloc(count, sizeof *sizes);
    unsigned *flags = calloc(count, sizeof *flags), *ids = calloc(count, sizeof *ids);
    hs_compile_error_t *error = NULL;
    assert(starts && sizes && flags && ids);
    for (size_t i = 0; i < count; i++) {
        starts[i] = texts[i].p;
        sizes[i] = texts[i].n;
        flags[i] = i < derived_veil_count ? 0 : HS_FLAG_CASELESS;
        ids[i] = (unsigned)i;
    }
    hs_database_t *database = NULL;
    hs_error_t result = hs_compile_lit_multi(starts, flags, ids, sizes, (unsigned)count, HS_MODE_BLOCK, NULL,
                                             &database, &error);
    hs_free_compile_error(error);
    free(starts);
    free(sizes);
    free(flags);
    free(ids);
    prefilter->database = database;
    return result == HS_SUCCESS;
}

struct prefilter *prefilter_new(const struct sigma_rule *rules, size_t count,
                                const struct sigma_fields *fields)
{
    if (count == 0 || hs_valid_platform() != HS_SUCCESS)
        return NULL;
    struct prefilter *prefilter = calloc(1, sizeof *prefilter);
    assert(prefilter);
    prefilter->rule_count = count;
    prefilter->always = calloc(count, sizeof *prefilter->always);
    assert(prefilter->always);
    struct maker maker = {.prefilter = prefilter,
                          .texts = arena_new(WORK_BYTES_MAX),
                          .uses.size = sizeof(struct use),
                          .branches.size = sizeof(struct branch),
                          .clauses.size = sizeof(struct span),
                          .first_clauses.size = sizeof(struct span)};
    gather(&maker, rules, fields);
    bool useful = maker.uses.count > 0;
    if (useful) {
        sv *texts = number(&maker);
        open_branches(&maker);
        useful = compile(prefilter, texts);
        free(texts);
    }
    prefilter->branches = maker.branches.items;
    prefilter->clauses = maker.clauses.items;
    free(maker.uses.items);
    free(maker.first_clauses.items);
    arena_free(maker.texts);
    if (useful)
        return prefilter;
    prefilter_free(prefilter);
    return NULL;
}

void prefilter_free(struct prefilter *prefilter)
{
    if (!prefilter)
        return;
    hs_free_database(prefilter->database);
    free(prefilter->opens);
    free(prefilter->open_branches);
    free(prefilter->branches);
    free(prefilter->clauses);
    free(prefilter->clause_literals);
    free(prefilter->always);
    free(prefilter);
}

bool prefilter_is_always(const struct prefilter *prefilter, size_t rule)
{
    assert(rule < prefilter->rule_count);
    return prefilter->always[rule];
}

size_t prefilter_literals(const struct prefilter *prefilter, size_t *ret_bytes)
{
    if (hs_database_size(prefilter->database, ret_bytes) != HS_SUCCESS)
        *ret_bytes = 0;
    return prefilter->literal_count;
}
