#include "watch/mask_sieve.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "watch/database_cache.h"

/* Approximated where Vectorscan cannot match exactly, told once, and also for the empty text. */
enum { FLAGS = HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY };

struct mask_sieve {
    hs_database_t *database;
    hs_scratch_t *scratch;
    uint64_t *always; /* what Vectorscan has no form for */
    size_t words;
};

/* The expressions that are still to be compiled. */
struct batch {
    char **texts;
    unsigned *flags, *ids;
    size_t count;
};

static struct batch batch_of(struct mask_sieve *sieve, const sv *expressions, size_t count)
{
    struct batch batch = {.texts = calloc(count, sizeof *batch.texts),
                          .flags = calloc(count, sizeof *batch.flags),
                          .ids = calloc(count, sizeof *batch.ids)};
    assert(batch.texts && batch.flags && batch.ids);
    for (size_t i = 0; i < count; i++) {
        if (sv_find_char(expressions[i], '\0') != SV_NPOS) {
            bits_add(sieve->always, i);
            continue;
        }
        batch.texts[batch.count] = strndup(expressions[i].p, expressions[i].n);
        assert(batch.texts[batch.count]);
        batch.flags[batch.count] = FLAGS;
        batch.ids[batch.count++] = (unsigned)i;
    }
    return batch;
}

static void batch_drop(struct batch *batch, size_t at)
{
    free(batch->texts[at]);
    batch->count--;
    batch->texts[at] = batch->texts[batch->count];
    batch->ids[at] = batch->ids[batch->count];
}

static void batch_free(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->texts[i]);
    free(batch->texts);
    free(batch->flags);
    free(batch->ids);
}

/* Leaves out, and tries always, what Vectorscan refuses one after the other. */
static bool compile(struct mask_sieve *sieve, struct batch *batch, struct database_cache *cache)
{
    while (batch->count) {
        int refused;
        sieve->database = database_make(cache,
                                        &(struct database_source){.texts = (const char *const *)batch->texts,
                                                                  .flags = batch->flags,
                                                                  .ids = batch->ids,
                                                                  .count = batch->count},
                                        &refused);
        if (sieve->database)
            return hs_alloc_scratch(sieve->database, &sieve->scratch) == HS_SUCCESS;
        if (refused < 0 || (size_t)refused >= batch->count)
            return false;
        bits_add(sieve->always, batch->ids[refused]);
        batch_drop(batch, (size_t)refused);
    }
    return false;
}

struct mask_sieve *mask_sieve_new(const sv *expressions, size_t count, struct database_cache *cache)
{
    if (count == 0 || hs_valid_platform() != HS_SUCCESS)
        return NULL;
    struct mask_sieve *sieve = calloc(1, sizeof *sieve);
    assert(sieve);
    sieve->words = bits_words(count);
    sieve->always = calloc(sieve->words, sizeof *sieve->always);
    assert(sieve->always);
    struct batch batch = batch_of(sieve, expressions, count);
    bool useful = compile(sieve, &batch, cache);
    batch_free(&batch);
    if (useful)
        return sieve;
    mask_sieve_free(sieve);
    return NULL;
}

void mask_sieve_free(struct mask_sieve *sieve)
{
    if (!sieve)
        return;
    hs_free_scratch(sieve->scratch);
    hs_free_database(sieve->database);
    free(sieve->always);
    free(sieve);
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *set)
{
    (void)from, (void)to, (void)flags;
    bits_add(set, id);
    return 0;
}

/* Beyond ASCII the two may fold case and count characters in different ways. */
static bool is_ascii(sv text)
{
    unsigned char any = 0;
    for (size_t i = 0; i < text.n; i++)
        any |= (unsigned char)text.p[i];
    return any < 0x80;
}

bool mask_sieve_mark(struct mask_sieve *sieve, sv text, uint64_t *set)
{
    if (text.n == 0 || text.n > UINT32_MAX || !is_ascii(text))
        return false;
    for (size_t i = 0; i < sieve->words; i++)
        set[i] |= sieve->always[i];
    return hs_scan(sieve->database, text.p, (unsigned)text.n, 0, sieve->scratch, on_match, set) == HS_SUCCESS;
}
