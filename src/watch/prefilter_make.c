#include "watch/prefilter_priv.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>

#include "watch/database_cache.h"
#include "watch/rule_source.h"
#include "wire/derived.h"

#define WORK_BYTES_MAX ((size_t)1 << 30)
#define RULE_BYTES_MAX ((size_t)64 << 20)

enum { FURTHER_LITERALS_MAX = 8 /* in a clause that is not the first: with more it says little */ };

size_t prefilter_families_from = 1000;

/* A literal that opens a branch, before literals are numbered. */
struct use {
    struct need_literal literal;
    uint32_t branch;
};

/* An array that grows; items are copied into it. */
struct list {
    void *items;
    size_t count, cap, size;
};

struct maker {
    struct prefilter *prefilter;
    struct list uses, branches, clauses, further;
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

static struct need_literal kept(const struct maker *maker, const struct need_literal *literal)
{
    struct need_literal copy = {arena_sv(maker->prefilter->texts, literal->text), literal->flags};
    assert(copy.text.p);
    return copy;
}

static void put_further(struct maker *maker, const struct need_clause *clause, struct branch *branch)
{
    struct span span = {(uint32_t)maker->further.count, (uint32_t)clause->count};
    if (clause->count > FURTHER_LITERALS_MAX)
        return;
    for (size_t i = 0; i < clause->count; i++) {
        struct use use = {kept(maker, &clause->literals[i]), (uint32_t)maker->further.count};
        list_put(&maker->further, &use);
    }
    list_put(&maker->clauses, &span);
    branch->clauses.count++;
}

static void put_branch(struct maker *maker, size_t rule, const struct need_branch *need)
{
    struct branch branch = {(uint32_t)rule, {(uint32_t)maker->clauses.count, 0}};
    for (size_t i = 0; i < need->clauses[0].count; i++) {
        struct use use = {kept(maker, &need->clauses[0].literals[i]), (uint32_t)maker->branches.count};
        list_put(&maker->uses, &use);
    }
    for (size_t i = 1; i < need->count; i++)
        put_further(maker, &need->clauses[i], &branch);
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

/* `branch` is the branch that the literal opens, or its place in clause_literals. */
static int by_literal(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    int order = compare_literals(&x->literal, &y->literal);
    return order ? order : (x->branch > y->branch) - (x->branch < y->branch);
}

/* Numbers the literals of the clauses that open nothing, each once. */
static void number_further(struct maker *maker)
{
    struct prefilter *prefilter = maker->prefilter;
    struct use *uses = maker->further.items;
    size_t total = maker->further.count, count = 0;
    prefilter->further = calloc(total + 1, sizeof *prefilter->further);
    prefilter->further_usual = calloc(total + 1, sizeof *prefilter->further_usual);
    prefilter->clause_literals = calloc(total + 1, sizeof *prefilter->clause_literals);
    assert(prefilter->further && prefilter->further_usual && prefilter->clause_literals);
    if (total)
        qsort(uses, total, sizeof *uses, by_literal);
    for (size_t i = 0; i < total; i++) {
        if (i == 0 || compare_literals(&uses[i].literal, &uses[i - 1].literal) != 0)
            prefilter->further[count++] = uses[i].literal;
        prefilter->clause_literals[uses[i].branch] = (uint32_t)count - 1;
    }
    prefilter->further_count = count;
}

/* Numbers the literals behind the veils, each once, with the branches that it opens. */
static void number(struct maker *maker)
{
    struct prefilter *prefilter = maker->prefilter;
    struct use *uses = maker->uses.items;
    size_t count = derived_veil_count;
    prefilter->literals = calloc(maker->uses.count + count, sizeof *prefilter->literals);
    prefilter->opens = calloc(maker->uses.count + count, sizeof *prefilter->opens);
    prefilter->open_branches = calloc(maker->uses.count, sizeof *prefilter->open_branches);
    assert(prefilter->literals && prefilter->opens && prefilter->open_branches);
    for (size_t i = 0; i < count; i++)
        prefilter->literals[i] = (struct need_literal){derived_veils[i].mark, NEED_CASED};
    qsort(uses, maker->uses.count, sizeof *uses, by_literal);
    for (size_t i = 0; i < maker->uses.count; i++) {
        const struct need_literal *literal = &uses[i].literal;
        if (i == 0 || compare_literals(literal, &uses[i - 1].literal) != 0) {
            prefilter->literals[count] = *literal;
            prefilter->opens[count++].first = (uint32_t)i;
        }
        prefilter->open_branches[i] = uses[i].branch;
        prefilter->opens[count - 1].count++;
    }
    prefilter->literal_count = count;
}

/* A database of those literals, of `count` all in all. */
static bool compile(struct prefilter *prefilter, const bool *wanted, size_t count,
                    struct database_cache *cache, void **ret)
{
    assert(count > 0); /* the veils at least */
    const char **starts = calloc(count, sizeof *starts);
    size_t *sizes = calloc(count, sizeof *sizes), n = 0;
    unsigned *flags = calloc(count, sizeof *flags), *ids = calloc(count, sizeof *ids);
    assert(starts && sizes && flags && ids);
    for (size_t i = 0; i < prefilter->literal_count; i++) {
        if (!wanted[i])
            continue;
        starts[n] = prefilter->literals[i].text.p;
        sizes[n] = prefilter->literals[i].text.n;
        flags[n] = prefilter->literals[i].flags & NEED_CASED ? 0 : HS_FLAG_CASELESS;
        ids[n++] = (unsigned)i;
    }
    int refused;
    *ret = database_make(cache,
                         &(struct database_source){
                             .texts = starts, .sizes = sizes, .flags = flags, .ids = ids, .count = count},
                         &refused);
    free(starts);
    free(sizes);
    free(flags);
    free(ids);
    return *ret != NULL;
}

/* Whether the literal opens a branch of a rule that sees events of the source. */
static bool is_for(const struct prefilter *prefilter, const struct sigma_rule *rules, size_t literal,
                   const struct logsource *source)
{
    const struct span *opens = &prefilter->opens[literal];
    for (uint32_t i = 0; i < opens->count; i++) {
        uint32_t branch = prefilter->open_branches[opens->first + i];
        if (rule_source_agrees(&rules[prefilter->branches[branch].rule].about.source, source))
            return true;
    }
    return false;
}

static bool is_usual(const struct need_literal *literal, const struct source_family *family)
{
    return !(literal->flags & NEED_FRAME) && source_family_has(family, literal->text);
}

/* Marks the literals to look for in records of the family, veils among them. Returns how many. */
static size_t want(const struct prefilter *prefilter, const struct sigma_rule *rules,
                   const struct source_family *family, bool *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < prefilter->literal_count; i++) {
        ret[i] = i < derived_veil_count ||
                 (is_for(prefilter, rules, i, &family->source) && !is_usual(&prefilter->literals[i], family));
        count += ret[i];
    }
    return count;
}

/* Whether nearly every record of the family has what the branch needs, beside what opens it. */
static bool is_usually_whole(const struct prefilter *prefilter, const struct branch *branch, size_t family)
{
    for (uint32_t i = 0; i < branch->clauses.count; i++) {
        const struct span *clause = &prefilter->clauses[branch->clauses.first + i];
        uint16_t usual = 0;
        for (uint32_t j = 0; j < clause->count; j++)
            usual |= prefilter->further_usual[prefilter->clause_literals[clause->first + j]];
        if (!(usual >> family & 1))
            return false;
    }
    return true;
}

/* Opens for the family's records what usual literals open, each branch and rule once. */
static void open_usual(struct prefilter *prefilter, const struct sigma_rule *rules, size_t number)
{
    struct family *family = &prefilter->families[number];
    bool *seen = calloc(prefilter->branch_count, sizeof *seen),
         *sure = calloc(prefilter->rule_count, sizeof *sure);
    struct list open = {.size = sizeof(uint32_t)}, certain = {.size = sizeof(uint32_t)};
    assert(seen && sure);
    for (size_t i = derived_veil_count; i < prefilter->literal_count; i++) {
        const struct span *opens = &prefilter->opens[i];
        for (uint32_t j = 0; is_usual(&prefilter->literals[i], family->about) && j < opens->count; j++)
            seen[prefilter->open_branches[opens->first + j]] = true;
    }
    for (uint32_t i = 0; i < prefilter->branch_count; i++) {
        uint32_t rule = prefilter->branches[i].rule;
        seen[i] &= rule_source_agrees(&rules[rule].about.source, &family->about->source);
        if (!seen[i] || sure[rule] || !is_usually_whole(prefilter, &prefilter->branches[i], number))
            continue;
        sure[rule] = true;
        list_put(&certain, &rule);
    }
    for (uint32_t i = 0; i < prefilter->branch_count; i++)
        if (seen[i] && !sure[prefilter->branches[i].rule])
            list_put(&open, &i);
    family->sure = certain.items;
    family->sure_count = certain.count;
    family->open = open.items;
    family->open_count = open.count;
    free(seen);
    free(sure);
}

static bool add_family(struct prefilter *prefilter, const struct sigma_rule *rules,
                       const struct source_family *about, const bool *wanted, size_t count,
                       struct database_cache *cache)
{
    struct family *family = &prefilter->families[prefilter->family_count];
    assert(prefilter->family_count < PREFILTER_FAMILIES_MAX);
    family->about = about;
    for (size_t i = 0; i < prefilter->further_count; i++)
        prefilter->further_usual[i] |=
            (uint16_t)(is_usual(&prefilter->further[i], about) << prefilter->family_count);
    open_usual(prefilter, rules, prefilter->family_count++);
    return compile(prefilter, wanted, count, cache, &family->database);
}

/* A database for each log source whose rules have fewer literals, if a quarter have half of all or less: to
 * look at each log source's records by themselves costs more than it saves where most rules see them all. */
static bool compile_families(struct prefilter *prefilter, const struct sigma_rule *rules, size_t all,
                             struct database_cache *cache)
{
    size_t literals = prefilter->literal_count, counts[PREFILTER_FAMILIES_MAX], spared = 0;
    bool *wanted = calloc(literals * rule_source_family_count, sizeof *wanted), good = true;
    assert(wanted && rule_source_family_count < PREFILTER_FAMILIES_MAX);
    for (size_t i = 0; i < rule_source_family_count; i++) {
        counts[i] = want(prefilter, rules, &rule_source_families[i], wanted + literals * i);
        spared += counts[i] <= all / 2;
    }
    for (size_t i = 0; good && spared > rule_source_family_count / 4 && i < rule_source_family_count; i++)
        if (counts[i] < all)
            good = add_family(prefilter, rules, &rule_source_families[i], wanted + literals * i, counts[i],
                              cache);
    free(wanted);
    return good;
}

static bool compile_all(struct prefilter *prefilter, const struct sigma_rule *rules,
                        struct database_cache *cache)
{
    static const struct source_family any = {.usual = SV_NONE};
    bool *wanted = calloc(prefilter->literal_count, sizeof *wanted);
    assert(wanted);
    size_t all = want(prefilter, rules, &any, wanted);
    bool good = add_family(prefilter, rules, &any, wanted, all, cache);
    free(wanted);
    return good && (all < prefilter_families_from || compile_families(prefilter, rules, all, cache));
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
                          .branches.size = sizeof(struct branch),
                          .clauses.size = sizeof(struct span),
                          .further.size = sizeof(struct use)};
    gather(&maker, rules, fields);
    prefilter->branches = maker.branches.items;
    prefilter->branch_count = maker.branches.count;
    prefilter->clauses = maker.clauses.items;
    number_further(&maker);
    free(maker.further.items);
    bool useful = maker.uses.count > 0;
    if (useful) {
        number(&maker);
        useful = compile_all(prefilter, rules, cache);
    }
    free(maker.uses.items);
    if (useful)
        return prefilter;
    prefilter_free(prefilter);
    return NULL;
}

void prefilter_free(struct prefilter *prefilter)
{
    if (!prefilter)
        return;
    for (size_t i = 0; i < PREFILTER_FAMILIES_MAX; i++) {
        hs_free_database(prefilter->families[i].database);
        free(prefilter->families[i].sure);
        free(prefilter->families[i].open);
    }
    free(prefilter->opens);
    free(prefilter->open_branches);
    free(prefilter->branches);
    free(prefilter->clauses);
    free(prefilter->further);
    free(prefilter->further_usual);
    free(prefilter->clause_literals);
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
    return prefilter->literal_count;
}
