#include "watch/prefilter.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>

#include "base/bits.h"

#define WORK_BYTES_MAX ((size_t)1 << 30)

enum { SCORE_LENGTH_MAX = 12 };

/* Literals one of which must be there; none at all says that nothing is known. */
struct need {
    sv *literals;
    size_t count;
};

/* One literal of the database and the rules that need it: a run of prefilter.rules. */
struct literal {
    sv text;
    uint32_t first, count;
};

struct prefilter {
    hs_database_t *database;
    struct literal *literals;
    size_t literal_count;
    uint32_t *rules;
    bool *always;
    size_t rule_count;
    struct arena *arena;
};

struct prefilter_scan {
    const struct prefilter *prefilter;
    hs_scratch_t *scratch;
    uint64_t *set; /* of the call under way */
};

/* Which rule needs which literal, before the two are sorted. */
struct use {
    sv text;
    uint32_t rule;
};

struct builder {
    struct arena *arena;
    struct use *uses;
    size_t count, cap;
};

static const struct need nothing = {NULL, 0};

static struct need one(struct arena *arena, sv text)
{
    sv *literal = arena_alloc(arena, sizeof *literal);
    if (!literal || text.n < PREFILTER_LITERAL_BYTES_MIN)
        return nothing;
    char *copy = arena_cstr(arena, sv_first(text, PREFILTER_LITERAL_BYTES_MAX));
    *literal = (sv){copy, text.n < PREFILTER_LITERAL_BYTES_MAX ? text.n : PREFILTER_LITERAL_BYTES_MAX};
    sigma_fold(copy, copy, copy ? literal->n : 0);
    return copy ? (struct need){literal, 1} : nothing;
}

static size_t shortest(struct need need)
{
    size_t n = SCORE_LENGTH_MAX;
    for (size_t i = 0; i < need.count; i++)
        if (need.literals[i].n < n)
            n = need.literals[i].n;
    return need.count ? n : 0;
}

/* Both must hold: the one that tells more is enough. */
static struct need better(struct need a, struct need b)
{
    size_t a_score = shortest(a), b_score = shortest(b);
    if (a_score != b_score)
        return a_score > b_score ? a : b;
    return a.count <= b.count ? a : b;
}

/* One of them holds: what is known of both together. */
static struct need either(struct arena *arena, struct need a, struct need b)
{
    if (a.count == 0 || b.count == 0 || a.count + b.count > PREFILTER_LITERALS_MAX)
        return nothing;
    sv *literals = arena_alloc(arena, (a.count + b.count) * sizeof *literals);
    if (!literals)
        return nothing;
    memcpy(literals, a.literals, a.count * sizeof *literals);
    memcpy(literals + a.count, b.literals, b.count * sizeof *literals);
    return (struct need){literals, a.count + b.count};
}

/* The longest run of bytes in a pattern with wildcards. */
static struct need longest_run(struct arena *arena, const struct sigma_value *value)
{
    char run[PREFILTER_LITERAL_BYTES_MAX];
    size_t best = 0, best_n = 0, n = 0;
    for (size_t i = 0; i <= value->pattern_count; i++) {
        if (i < value->pattern_count && value->pattern[i] <= UINT8_MAX) {
            n++;
            continue;
        }
        if (n > best_n) {
            best = i - n;
            best_n = n;
        }
        n = 0;
    }
    if (best_n > sizeof run)
        best_n = sizeof run;
    for (size_t i = 0; i < best_n; i++)
        run[i] = (char)value->pattern[best + i];
    return one(arena, (sv){run, best_n});
}

static struct need of_value(struct arena *arena, const struct sigma_value *value)
{
    switch (value->kind) {
    case SIGMA_EXACT:
    case SIGMA_PREFIX:
    case SIGMA_SUFFIX:
    case SIGMA_CONTAINS:
    case SIGMA_REGEX:
        return one(arena, value->text);
    case SIGMA_GLOB:
        return longest_run(arena, value);
    case SIGMA_ANYTHING:
    case SIGMA_NUMBER:
    case SIGMA_NULL:
    case SIGMA_CIDR:
    case SIGMA_LESS:
    case SIGMA_LESS_EQUAL:
    case SIGMA_GREATER:
    case SIGMA_GREATER_EQUAL:
    case SIGMA_EXISTS:
        return nothing;
    }
    return nothing;
}

/* Any of many: gathered in one array, not one by one, which would take room for the square of them. */
static struct need of_any_value(struct arena *arena, const struct sigma_item *item)
{
    if (item->value_count > PREFILTER_LITERALS_MAX)
        return nothing;
    sv *literals = arena_alloc(arena, item->value_count * sizeof *literals);
    for (size_t i = 0; literals && i < item->value_count; i++) {
        struct need need = of_value(arena, &item->values[i]);
        if (need.count == 0)
            return nothing;
        literals[i] = need.literals[0];
    }
    return literals ? (struct need){literals, item->value_count} : nothing;
}

static struct need of_item(struct arena *arena, const struct sigma_item *item)
{
    struct need need = nothing;
    if (item->negated)
        return nothing;
    if (!item->all)
        return of_any_value(arena, item);
    for (size_t i = 0; i < item->value_count; i++)
        need = better(need, of_value(arena, &item->values[i]));
    return need;
}

static struct need of_group(struct arena *arena, const struct sigma_group *group)
{
    struct need need = nothing;
    for (size_t i = 0; i < group->item_count; i++)
        need = better(need, of_item(arena, &group->items[i]));
    return need;
}

static struct need of_selection(struct arena *arena, const struct sigma_selection *selection)
{
    struct need need = nothing;
    for (size_t i = 0; i < selection->group_count; i++) {
        struct need next = of_group(arena, &selection->groups[i]);
        need = i ? either(arena, need, next) : next;
        if (need.count == 0)
            return nothing;
    }
    return need;
}

static struct need of_at_least(struct arena *arena, const struct sigma_rule *rule,
                               const struct sigma_node *node)
{
    bool all = node->needed == node->selection_count;
    struct need need = nothing;
    for (size_t i = 0; i < node->selection_count; i++) {
        struct need next = of_selection(arena, &rule->selections[node->selections[i]]);
        need = i == 0 ? next : all ? better(need, next) : either(arena, need, next);
    }
    return need;
}

/* Recursion is bounded by SIGMA_CONDITION_DEPTH_MAX. NOLINTNEXTLINE(misc-no-recursion) */
static struct need of_node(struct arena *arena, const struct sigma_rule *rule, const struct sigma_node *node)
{
    struct need need = nothing;
    switch (node->kind) {
    case SIGMA_SELECTION:
        return of_selection(arena, &rule->selections[node->selection]);
    case SIGMA_NOT:
        return nothing;
    case SIGMA_AND:
        for (const struct sigma_node *child = node->first; child; child = child->next)
            need = better(need, of_node(arena, rule, child));
        return need;
    case SIGMA_OR:
        for (const struct sigma_node *child = node->first; child; child = child->next) {
            struct need next = of_node(arena, rule, child);
            need = child == node->first ? next : either(arena, need, next);
        }
        return need;
    case SIGMA_AT_LEAST:
        return of_at_least(arena, rule, node);
    }
    return nothing;
}

static struct need of_rule(struct arena *arena, const struct sigma_rule *rule)
{
    struct need need = nothing;
    for (size_t i = 0; i < rule->condition_count; i++) {
        struct need next = of_node(arena, rule, rule->conditions[i]);
        need = i ? either(arena, need, next) : next;
    }
    return need;
}

static void put_use(struct builder *builder, sv text, size_t rule)
{
    if (builder->count == builder->cap) {
        builder->cap = builder->cap ? builder->cap * 2 : 1024;
        builder->uses = reallocarray(builder->uses, builder->cap, sizeof *builder->uses);
        assert(builder->uses);
    }
    builder->uses[builder->count++] = (struct use){text, (uint32_t)rule};
}

static int by_text_and_rule(const void *a, const void *b)
{
    const struct use *x = a, *y = b;
    int order = sv_cmp(x->text, y->text);
    return order ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

/* Each literal once, with the rules that need it. */
static void join(struct prefilter *prefilter, struct builder *builder)
{
    qsort(builder->uses, builder->count, sizeof *builder->uses, by_text_and_rule);
    prefilter->literals = calloc(builder->count, sizeof *prefilter->literals);
    prefilter->rules = calloc(builder->count, sizeof *prefilter->rules);
    assert(prefilter->literals && prefilter->rules);
    struct literal *last = NULL;
    for (size_t i = 0; i < builder->count; i++) {
        const struct use *use = &builder->uses[i];
        if (!last || !sv_eq(last->text, use->text)) {
            last = &prefilter->literals[prefilter->literal_count++];
            *last = (struct literal){use->text, (uint32_t)i, 0};
        }
        prefilter->rules[last->first + last->count++] = use->rule;
    }
}

static bool compile(struct prefilter *prefilter)
{
    size_t count = prefilter->literal_count;
    const char **texts = calloc(count, sizeof *texts);
    size_t *sizes = calloc(count, sizeof *sizes);
    unsigned *flags = calloc(count, sizeof *flags), *ids = calloc(count, sizeof *ids);
    hs_compile_error_t *error = NULL;
    assert(texts && sizes && flags && ids);
    for (size_t i = 0; i < count; i++) {
        texts[i] = prefilter->literals[i].text.p;
        sizes[i] = prefilter->literals[i].text.n;
        flags[i] = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH;
        ids[i] = (unsigned)i;
    }
    hs_error_t result = hs_compile_lit_multi(texts, flags, ids, sizes, (unsigned)count, HS_MODE_BLOCK, NULL,
                                             &prefilter->database, &error);
    hs_free_compile_error(error);
    /* The database has its own copies, and the arena that held these is about to go. */
    for (size_t i = 0; i < count; i++)
        prefilter->literals[i].text = SV_NONE;
    free(texts);
    free(sizes);
    free(flags);
    free(ids);
    return result == HS_SUCCESS;
}

static void gather(struct prefilter *prefilter, struct builder *builder, const struct sigma_rule *rules)
{
    for (size_t i = 0; i < prefilter->rule_count; i++) {
        struct need need = of_rule(prefilter->arena, &rules[i]);
        prefilter->always[i] = need.count == 0;
        for (size_t j = 0; j < need.count; j++)
            put_use(builder, need.literals[j], i);
    }
}

struct prefilter *prefilter_new(const struct sigma_rule *rules, size_t count)
{
    struct builder builder = {0};
    if (count == 0 || hs_valid_platform() != HS_SUCCESS)
        return NULL;
    struct prefilter *prefilter = calloc(1, sizeof *prefilter);
    assert(prefilter);
    prefilter->arena = arena_new(WORK_BYTES_MAX);
    prefilter->rule_count = count;
    prefilter->always = calloc(count, sizeof *prefilter->always);
    assert(prefilter->always);
    gather(prefilter, &builder, rules);
    bool useful = builder.count > 0;
    if (useful) {
        join(prefilter, &builder);
        useful = compile(prefilter);
    }
    free(builder.uses);
    arena_free(prefilter->arena);
    prefilter->arena = NULL;
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
    free(prefilter->literals);
    free(prefilter->rules);
    free(prefilter->always);
    free(prefilter);
}

bool prefilter_is_always(const struct prefilter *prefilter, size_t rule)
{
    assert(rule < prefilter->rule_count);
    return prefilter->always[rule];
}

struct prefilter_scan *prefilter_scan_new(const struct prefilter *prefilter)
{
    struct prefilter_scan *scan = calloc(1, sizeof *scan);
    assert(scan);
    scan->prefilter = prefilter;
    hs_error_t result = hs_alloc_scratch(prefilter->database, &scan->scratch);
    assert(result == HS_SUCCESS);
    return scan;
}

void prefilter_scan_free(struct prefilter_scan *scan)
{
    if (!scan)
        return;
    hs_free_scratch(scan->scratch);
    free(scan);
}

static int found(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)from, (void)to, (void)flags;
    const struct prefilter_scan *scan = arg;
    const struct literal *literal = &scan->prefilter->literals[id];
    for (uint32_t i = 0; i < literal->count; i++)
        bits_add(scan->set, scan->prefilter->rules[literal->first + i]);
    return 0;
}

bool prefilter_mark(struct prefilter_scan *scan, sv text, uint64_t *set)
{
    if (text.n == 0)
        return true;
    scan->set = set;
    return text.n <= UINT32_MAX && hs_scan(scan->prefilter->database, text.p, (unsigned)text.n, 0,
                                           scan->scratch, found, scan) == HS_SUCCESS;
}
