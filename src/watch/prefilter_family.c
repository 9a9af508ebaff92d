#include "watch/prefilter_family.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>

#include "watch/database_cache.h"
#include "watch/need_weight.h"
#include "wire/derived.h"

enum {
    FURTHER_LITERALS_MAX = 8, /* to be looked for in a clause that opens nothing: with more it says little */
    NAME_BYTES_MIN = 3,       /* of a field's name that tells something */
};

/* How well a clause tells which of the family's records could match. */
enum rank {
    RANK_NOTHING, /* nearly every record has it */
    RANK_LITTLE,  /* many have */
    RANK_WELL,
    RANK_NAME, /* a field that such records do not have */
};

#define NONE UINT32_MAX

struct choice {
    const struct need_table *table;
    const struct source_family *about;
    uint8_t *ranks;    /* by literal: enum rank */
    bool *seen, *sure; /* by rule: whether it sees such records; whether nearly all have what it needs */
    uint32_t *openers; /* by branch: the clause that opens it, or NONE */
    uint32_t *counts;  /* by literal: the branches that it opens; then its number, or 0 */
};

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    assert(memory);
    return memory;
}

/* Gives back what stayed empty of it. */
static void *fitted(void *memory, size_t count, size_t size)
{
    void *fitted = realloc(memory, (count + 1) * size);
    assert(fitted);
    return fitted;
}

static enum rank rank_of_literal(const struct choice *choice, const struct need_literal *literal)
{
    if (literal->flags & NEED_FRAME)
        return RANK_WELL;
    if (source_family_has(choice->about, literal->text))
        return RANK_NOTHING;
    return source_family_often_has(choice->about, literal->text) ? RANK_LITTLE
           : literal->text.n < NAME_BYTES_MIN                    ? RANK_WELL
                                                                 : RANK_NAME;
}

/* Where it is told what many records of the family have, it is known which fields they have not. */
static enum rank rank_of(const struct choice *choice, const struct table_clause *clause)
{
    enum rank rank = clause->is_name && choice->about->often.n ? RANK_NAME : RANK_WELL;
    for (uint32_t i = 0; i < clause->literals.count; i++) {
        enum rank own = choice->ranks[choice->table->numbers[clause->literals.first + i]];
        rank = own < rank ? own : rank;
    }
    return rank;
}

/* The clause that tells best, the heaviest of equals. */
static uint32_t opener_of(const struct choice *choice, const struct table_branch *branch)
{
    enum rank best = RANK_NOTHING;
    uint32_t opener = NONE;
    for (uint32_t i = 0; i < branch->clauses.count; i++) {
        enum rank rank = rank_of(choice, &choice->table->clauses[branch->clauses.first + i]);
        if (rank <= best)
            continue;
        best = rank;
        opener = branch->clauses.first + i;
    }
    return opener;
}

static void choose(struct choice *choice, const struct sigma_rule *rules, size_t rule_count)
{
    const struct need_table *table = choice->table;
    for (size_t i = 0; i < rule_count; i++)
        choice->seen[i] = rule_source_agrees(&rules[i].about.source, &choice->about->source);
    for (size_t i = 0; i < table->literal_count; i++)
        choice->ranks[i] = (uint8_t)rank_of_literal(choice, &table->literals[i]);
    for (size_t i = 0; i < table->branch_count; i++) {
        const struct table_branch *branch = &table->branches[i];
        choice->openers[i] = choice->seen[branch->rule] ? opener_of(choice, branch) : NONE;
        choice->sure[branch->rule] |= choice->seen[branch->rule] && choice->openers[i] == NONE;
    }
}

/* Whether a literal opens the branch: not of a rule that is tried anyway. */
static bool is_opened(const struct choice *choice, size_t branch)
{
    return choice->openers[branch] != NONE && !choice->sure[choice->table->branches[branch].rule];
}

/* The numbers of the literals that open the branch. */
static const uint32_t *opening_literals(const struct choice *choice, size_t branch, uint32_t *ret_count)
{
    *ret_count = 0;
    if (!is_opened(choice, branch))
        return NULL;
    const struct span *literals = &choice->table->clauses[choice->openers[branch]].literals;
    *ret_count = literals->count;
    return choice->table->numbers + literals->first;
}

static void make_sure(struct family *family, const struct choice *choice, size_t rule_count)
{
    family->sure = zeroed(rule_count, sizeof *family->sure);
    for (size_t i = 0; i < rule_count; i++)
        if (choice->sure[i])
            family->sure[family->sure_count++] = (uint32_t)i;
    family->sure = fitted(family->sure, family->sure_count, sizeof *family->sure);
}

/* Whether the clause is worth looking for: but for a few, its literals are in the database anyway. */
static bool is_further(const struct choice *choice, const struct table_clause *clause)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < clause->literals.count; i++)
        count += choice->counts[choice->table->numbers[clause->literals.first + i]] == 0;
    return count <= FURTHER_LITERALS_MAX && rank_of(choice, clause) > RANK_NOTHING;
}

static struct span put_numbers(struct family *family, const struct choice *choice,
                               const struct span *literals)
{
    struct span span = {(uint32_t)family->number_count, literals->count};
    for (uint32_t i = 0; i < literals->count; i++) {
        uint32_t number = choice->table->numbers[literals->first + i], own = choice->counts[number];
        family->numbers[family->number_count++] = own ? own : (uint32_t)family->literal_count + number;
    }
    return span;
}

/* The clauses that are looked for when the branch is open. */
static struct span put_clauses(struct family *family, const struct choice *choice, size_t branch)
{
    const struct span *clauses = &choice->table->branches[branch].clauses;
    struct span span = {(uint32_t)family->clause_count, 0};
    for (uint32_t i = clauses->first; i < clauses->first + clauses->count; i++) {
        const struct table_clause *clause = &choice->table->clauses[i];
        if (i == choice->openers[branch] || !is_further(choice, clause))
            continue;
        family->clauses[family->clause_count++] = put_numbers(family, choice, &clause->literals);
        span.count++;
    }
    return span;
}

/* Numbers the literals that open branches behind the veils, in place of their counts. */
static void number_literals(struct family *family, const struct choice *choice)
{
    size_t count = derived_veil_count, total = 0;
    for (size_t i = 0; i < choice->table->literal_count; i++)
        count += choice->counts[i] > 0;
    family->literals = zeroed(count, sizeof *family->literals);
    family->opens = zeroed(count, sizeof *family->opens);
    for (; family->literal_count < derived_veil_count; family->literal_count++)
        family->literals[family->literal_count] =
            (struct need_literal){derived_veils[family->literal_count].mark, NEED_CASED};
    for (size_t i = 0; i < choice->table->literal_count; i++) {
        if (choice->counts[i] == 0)
            continue;
        family->literals[family->literal_count] = choice->table->literals[i];
        family->opens[family->literal_count].first = (uint32_t)total;
        total += choice->counts[i];
        choice->counts[i] = (uint32_t)family->literal_count++;
    }
    family->openings = zeroed(total, sizeof *family->openings);
}

static void make_openings(struct family *family, const struct choice *choice)
{
    const struct need_table *table = choice->table;
    uint32_t count;
    for (size_t i = 0; i < table->branch_count; i++) {
        const uint32_t *literals = opening_literals(choice, i, &count);
        for (uint32_t j = 0; j < count; j++)
            choice->counts[literals[j]]++;
    }
    number_literals(family, choice);
    family->clauses = zeroed(table->clause_count, sizeof *family->clauses);
    family->numbers = zeroed(table->number_count, sizeof *family->numbers);
    for (size_t i = 0; i < table->branch_count; i++) {
        const uint32_t *literals = opening_literals(choice, i, &count);
        if (count == 0)
            continue;
        struct opening opening = {table->branches[i].rule, put_clauses(family, choice, i)};
        for (uint32_t j = 0; j < count; j++) {
            struct span *opens = &family->opens[choice->counts[literals[j]]];
            family->openings[opens->first + opens->count++] = opening;
        }
    }
    family->clauses = fitted(family->clauses, family->clause_count, sizeof *family->clauses);
    family->numbers = fitted(family->numbers, family->number_count, sizeof *family->numbers);
}

void family_make(struct family *ret, const struct source_family *about, const struct need_table *table,
                 const struct sigma_rule *rules, size_t rule_count)
{
    struct choice choice = {.table = table,
                            .about = about,
                            .ranks = zeroed(table->literal_count, sizeof *choice.ranks),
                            .seen = zeroed(rule_count, sizeof *choice.seen),
                            .sure = zeroed(rule_count, sizeof *choice.sure),
                            .openers = zeroed(table->branch_count, sizeof *choice.openers),
                            .counts = zeroed(table->literal_count, sizeof *choice.counts)};
    *ret = (struct family){.about = about};
    choose(&choice, rules, rule_count);
    make_sure(ret, &choice, rule_count);
    make_openings(ret, &choice);
    free(choice.ranks);
    free(choice.seen);
    free(choice.sure);
    free(choice.openers);
    free(choice.counts);
}

bool family_compile(struct family *family, struct database_cache *cache)
{
    size_t count = family->literal_count;
    family->fronts = zeroed(count, sizeof *family->fronts);
    const char **starts = zeroed(count, sizeof *starts);
    size_t *sizes = zeroed(count, sizeof *sizes);
    unsigned *flags = zeroed(count, sizeof *flags), *ids = zeroed(count, sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        sv text = family->literals[i].text;
        starts[i] = text.p;
        sizes[i] = family->fronts[i] =
            (uint16_t)(i < derived_veil_count ? text.n : need_front(text, family->about));
        flags[i] = family->literals[i].flags & NEED_CASED ? 0 : HS_FLAG_CASELESS;
        ids[i] = (unsigned)i;
    }
    int refused;
    family->database =
        database_make(cache,
                      &(struct database_source){
                          .texts = starts, .sizes = sizes, .flags = flags, .ids = ids, .count = count},
                      &refused);
    free(starts);
    free(sizes);
    free(flags);
    free(ids);
    return family->database != NULL;
}

void family_clear(struct family *family)
{
    hs_free_database(family->database);
    free(family->literals);
    free(family->fronts);
    free(family->opens);
    free(family->openings);
    free(family->clauses);
    free(family->numbers);
    free(family->sure);
    *family = (struct family){0};
}
