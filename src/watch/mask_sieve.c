#include "watch/mask_sieve.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"
#include "watch/database_cache.h"

/* Approximated where Vectorscan cannot match exactly, told once, also for the empty text; and each line
 * begins and ends as a text of its own does. */
enum { FLAGS = HS_FLAG_PREFILTER | HS_FLAG_SINGLEMATCH | HS_FLAG_ALLOWEMPTY | HS_FLAG_MULTILINE };

enum {
    TEXTS_BYTES_MAX = 256 * 1024, /* longer texts, and those that were left no room for, are tried with all */
    ADDED_MAX = 16,               /* of an event's texts that are known again by their place */
};

struct mask_sieve {
    hs_database_t *database;
    hs_scratch_t *scratch;
    uint64_t *always; /* what Vectorscan has no form for, or would not find in the midst of other texts */
    uint64_t *found;  /* in many events */
    size_t words;
    bool loose;      /* what may match a piece of a text is marked by the text, too */
    size_t shortest; /* bytes that anything matches at least */
    char *texts;     /* each ends with a newline */
    size_t texts_n;
    sv whole;            /* the first of them, whose pieces are not needed; empty: they are */
    sv added[ADDED_MAX]; /* of this event */
    size_t added_count;
    bool crowded; /* one was left out for want of room */
    bool strange; /* … because nothing could be told of it */
};

/* The expressions that are still to be compiled. */
struct batch {
    char **texts;
    unsigned *flags, *ids;
    size_t count;
};

/* Whether it may ask for the very beginning or end of its text, where lines are of no help: it has \A, \G, \z
 * or \Z, or takes options back. What only looks so is tried in vain, no more. */
static bool asks_for_ends(sv expression)
{
    for (size_t i = 0; i + 1 < expression.n; i++) {
        const char *at = expression.p + i;
        if (at[0] == '\\' && strchr("AGzZ", at[1]))
            return true;
        if (at[0] != '(' || at[1] != '?')
            continue;
        size_t end = i + 2;
        while (end < expression.n && strchr("imsxnJU-^", expression.p[end])) {
            if (expression.p[end] == '-' || expression.p[end] == '^')
                return true;
            end++;
        }
    }
    return false;
}

static size_t escape_of(sv rest)
{
    return rest.n < 2 || strchr("QcpP", rest.p[1]) ? 0 : 2;
}

static size_t class_of(sv rest)
{
    size_t n = 1 + (rest.n > 1 && rest.p[1] == '^');
    n += rest.n > n && rest.p[n] == ']';
    while (n < rest.n && rest.p[n] != ']') {
        size_t one = rest.p[n] == '\\' ? escape_of(sv_from(rest, n)) : rest.p[n] != '[';
        if (one == 0)
            return 0;
        n += one;
    }
    return n < rest.n ? n + 1 : 0;
}

/* How many characters of an expression belong together: an escape, a class, or one. 0 where that is hard to
 * say: quotations, comments, properties, classes in classes. */
static size_t piece_of(sv rest)
{
    return rest.p[0] == '\\' ? escape_of(rest) : rest.p[0] == '[' ? class_of(rest) : rest.p[0] != '#';
}

/* Asks where a text, a line or a word begins or ends. */
static bool is_border(sv piece)
{
    return piece.n == 1 ? piece.p[0] == '^' || piece.p[0] == '$'
                        : piece.p[0] == '\\' && (piece.p[1] == 'b' || piece.p[1] == 'B');
}

/* The expression without its borders, which so matches a text where it matches a piece of it: what must not
 * stand beside a match ((?!…), (?<!…)) Vectorscan leaves out. NULL if that is hard to say. */
static char *loosened(sv expression)
{
    static const sv nothing = SV_INIT("(?:)");
    char *text = malloc(expression.n * nothing.n + 1), *to = text;
    assert(text);
    for (sv rest = expression; rest.n;) {
        sv piece = sv_first(rest, piece_of(rest));
        sv put = piece.n && is_border(piece) ? nothing : piece;
        if (!piece.n) {
            free(text);
            return NULL;
        }
        to = (char *)mempcpy(to, put.p, put.n);
        rest = sv_from(rest, piece.n);
    }
    *to = '\0';
    return text;
}

/* How many bytes a match has at least; 0 if that is hard to say. */
static size_t shortest_of(const char *expression)
{
    hs_expr_info_t *info = NULL;
    hs_compile_error_t *error = NULL;
    size_t n = hs_expression_info(expression, FLAGS, &info, &error) == HS_SUCCESS ? info->min_width : 0;
    hs_free_compile_error(error);
    free(info);
    return n;
}

/* As a piece may match that the whole does not, where one of them is not loosened all texts are looked at. */
static char *form_of(struct mask_sieve *sieve, sv expression)
{
    char *text = loosened(expression);
    sieve->loose &= text != NULL;
    return text ? text : strndup(expression.p, expression.n);
}

static struct batch batch_of(struct mask_sieve *sieve, const sv *expressions, size_t count)
{
    sieve->loose = true;
    sieve->shortest = SIZE_MAX;
    struct batch batch = {.texts = calloc(count, sizeof *batch.texts),
                          .flags = calloc(count, sizeof *batch.flags),
                          .ids = calloc(count, sizeof *batch.ids)};
    assert(batch.texts && batch.flags && batch.ids);
    for (size_t i = 0; i < count; i++) {
        if (sv_find_char(expressions[i], '\0') != SV_NPOS || asks_for_ends(expressions[i])) {
            bits_add(sieve->always, i);
            sieve->shortest = 0;
            continue;
        }
        char *text = batch.texts[batch.count] = form_of(sieve, expressions[i]);
        assert(text);
        size_t n = shortest_of(text);
        sieve->shortest = n < sieve->shortest ? n : sieve->shortest;
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
        sieve->shortest = 0;
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
    sieve->texts = malloc(TEXTS_BYTES_MAX);
    sieve->always = calloc(sieve->words, sizeof *sieve->always);
    sieve->found = calloc(sieve->words, sizeof *sieve->found);
    assert(sieve->always && sieve->found && sieve->texts);
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
    free(sieve->found);
    free(sieve->texts);
    free(sieve);
}

static int on_match(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *set)
{
    (void)from, (void)to, (void)flags;
    bits_add(set, id);
    return 0;
}

/* Beyond ASCII the two may fold case and count characters in different ways. */
bool mask_sieve_tells(sv text)
{
    return sv_ascii(text);
}

static void add_text(struct mask_sieve *sieve, sv text)
{
    if (text.n >= TEXTS_BYTES_MAX - sieve->texts_n) {
        sieve->crowded = true;
        return;
    }
    char *to = mempcpy(sieve->texts + sieve->texts_n, text.p, text.n);
    *to = '\n';
    sieve->texts_n += text.n + 1;
    if (sieve->loose && !sieve->whole.n)
        sieve->whole = text;
}

/* Decoders give one value several names. */
static bool is_added(struct mask_sieve *sieve, sv text)
{
    for (size_t i = 0; i < sieve->added_count; i++)
        if (sieve->added[i].p == text.p && sieve->added[i].n == text.n)
            return true;
    if (sieve->added_count < ADDED_MAX)
        sieve->added[sieve->added_count++] = text;
    return false;
}

/* all: also what nothing can be told of. */
static void add(struct mask_sieve *sieve, sv text, bool all)
{
    if (!text.n || text.n < sieve->shortest || sv_lies_in(text, sieve->whole) || is_added(sieve, text))
        return;
    if (all || mask_sieve_tells(text))
        add_text(sieve, text);
    else
        sieve->strange = true;
}

static void begin(struct mask_sieve *sieve)
{
    sieve->texts_n = 0;
    sieve->crowded = sieve->strange = false;
}

/* Most of an event's texts are pieces of the first. */
static void add_event(struct mask_sieve *sieve, const struct event *event, bool all)
{
    sieve->whole = SV_NONE;
    sieve->added_count = 0;
    add(sieve, event->raw, all);
    add(sieve, event->message, all);
    for (size_t i = 0; i < event->field_count; i++)
        add(sieve, event->fields[i].value, all);
}

/* Puts what may match into the set. False: nothing is told. */
static bool scan(struct mask_sieve *sieve, uint64_t *set)
{
    sv texts = sv_make(sieve->texts, sieve->texts_n);
    memcpy(set, sieve->always, sieve->words * sizeof *set);
    return !sieve->crowded && (texts.n == 0 || hs_scan(sieve->database, texts.p, (unsigned)texts.n, 0,
                                                       sieve->scratch, on_match, set) == HS_SUCCESS);
}

static bool is_empty(const struct mask_sieve *sieve, const uint64_t *set)
{
    for (size_t i = 0; i < sieve->words; i++)
        if (set[i])
            return false;
    return true;
}

enum mask_sieve_word mask_sieve_mark(struct mask_sieve *sieve, const struct event *event, uint64_t *set)
{
    begin(sieve);
    add_event(sieve, event, false);
    if (!scan(sieve, set))
        return MASK_SIEVE_UNTOLD;
    return sieve->strange || !is_empty(sieve, set) ? MASK_SIEVE_SOME : MASK_SIEVE_NONE;
}

bool mask_sieve_clears(struct mask_sieve *sieve, const struct event *const *events, size_t count)
{
    begin(sieve);
    for (size_t i = 0; i < count; i++)
        add_event(sieve, events[i], true);
    return mask_sieve_tells(sv_make(sieve->texts, sieve->texts_n)) && scan(sieve, sieve->found) &&
           is_empty(sieve, sieve->found);
}
