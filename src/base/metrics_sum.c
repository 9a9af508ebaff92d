#include "base/metrics_sum.h"

#include "base/arena.h"
#include "base/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

enum { SECOND = 1000000000, DECIMALS = 9, TEXTS_MAX = 64 };

struct sample {
    struct sample *next;
    sv name;       /* with its labels */
    int64_t value; /* of a decimal one, its billionths */
    bool decimal;
};

struct family {
    struct family *next;
    sv name, head; /* its lines "# HELP" and "# TYPE" */
    bool complete;
    struct sample *first, **last;
};

struct metrics_sum {
    struct arena *arena;
    struct family *first, **last;
};

struct metrics_sum *metrics_sum_new(void)
{
    struct metrics_sum *sum = calloc(1, sizeof *sum);
    assert(sum);
    sum->arena = arena_new((size_t)TEXTS_MAX * METRICS_BYTES_MAX);
    sum->last = &sum->first;
    return sum;
}

void metrics_sum_free(struct metrics_sum *sum)
{
    if (!sum)
        return;
    arena_free(sum->arena);
    free(sum);
}

static struct family *family_of(struct metrics_sum *sum, sv name)
{
    struct family *family = sum->first;
    while (family && !sv_eq(family->name, name))
        family = family->next;
    if (family)
        return family;
    family = arena_alloc(sum->arena, sizeof *family);
    if (!family)
        return NULL;
    *family = (struct family){.name = arena_sv(sum->arena, name)};
    family->last = &family->first;
    *sum->last = family;
    sum->last = &family->next;
    return family;
}

static struct sample *sample_of(struct metrics_sum *sum, struct family *family, sv name)
{
    struct sample *sample = family->first;
    while (sample && !sv_eq(sample->name, name))
        sample = sample->next;
    if (sample)
        return sample;
    sample = arena_alloc(sum->arena, sizeof *sample);
    if (!sample)
        return NULL;
    *sample = (struct sample){.name = arena_sv(sum->arena, name)};
    *family->last = sample;
    family->last = &sample->next;
    return sample;
}

/* "-3", or "1.500000000" with all nine decimals. */
static bool read_value(sv text, int64_t *ret_value, bool *ret_decimal)
{
    bool negative = sv_starts(text, SV("-"));
    sv fraction = sv_from(text, negative), whole = sv_split(&fraction, '.');
    int64_t units, billionths = 0;
    if (!sv_to_i64(whole, &units) || units < 0)
        return false;
    if (fraction.p &&
        (fraction.n != DECIMALS || !sv_to_i64(fraction, &billionths) || units > INT64_MAX / SECOND - 1))
        return false;
    *ret_decimal = fraction.p != NULL;
    int64_t value = *ret_decimal ? units * SECOND + billionths : units;
    *ret_value = negative ? -value : value;
    return true;
}

static void add_sample(struct metrics_sum *sum, struct family *family, sv line)
{
    size_t space = line.n;
    int64_t value;
    bool decimal;
    while (space > 0 && line.p[space - 1] != ' ')
        space--;
    if (space < 2 || !read_value(sv_from(line, space), &value, &decimal))
        return;
    struct sample *sample = sample_of(sum, family, sv_first(line, space - 1));
    if (!sample)
        return;
    sample->value += value;
    sample->decimal |= decimal;
}

/* The family that a head's line begins or goes on with. */
static struct family *add_head(struct metrics_sum *sum, sv line, bool begins)
{
    sv rest = sv_from(line, SV("# HELP ").n);
    struct family *family = family_of(sum, sv_split(&rest, ' '));
    if (!family || family->complete || begins == (family->head.n > 0))
        return family;
    family->complete = !begins;
    family->head = begins ? arena_sv(sum->arena, line)
                          : arena_printf(sum->arena, "%.*s\n%.*s", SV_ARG(family->head), SV_ARG(line));
    return family;
}

void metrics_sum_add(struct metrics_sum *sum, sv text)
{
    struct family *family = NULL;
    while (text.p) {
        sv line = sv_split(&text, '\n');
        if (sv_starts(line, SV("# HELP ")))
            family = add_head(sum, line, true);
        else if (sv_starts(line, SV("# TYPE ")))
            family = add_head(sum, line, false);
        else if (family)
            add_sample(sum, family, line);
    }
}

void metrics_sum_write(const struct metrics_sum *sum, struct buf *out)
{
    for (const struct family *family = sum->first; family; family = family->next) {
        buf_printf(out, "%.*s\n", SV_ARG(family->head));
        for (const struct sample *sample = family->first; sample; sample = sample->next) {
            int64_t value = sample->value, size = value < 0 ? -value : value;
            buf_printf(out, "%.*s ", SV_ARG(sample->name));
            if (sample->decimal)
                buf_printf(out, "%s%" PRId64 ".%09" PRId64 "\n", value < 0 ? "-" : "", size / SECOND,
                           size % SECOND);
            else
                buf_printf(out, "%" PRId64 "\n", value);
        }
    }
}
