#include "watch/gram_choice.h"

/* How many grams of that number all values have. */
struct tally {
    uint32_t of[1 << GRAM_BITS];
};

typedef void gram_fn(void *arg, uint16_t gram);

static void visit_text(sv text, gram_fn *fn, void *arg)
{
    char lower[GRAM_BYTES];
    for (size_t i = 0; i + GRAM_BYTES <= text.n; i++) {
        sigma_fold(lower, text.p + i, GRAM_BYTES);
        fn(arg, gram_at(lower));
    }
}

/* What stands between wildcards. */
static void visit_glob(const struct sigma_value *value, gram_fn *fn, void *arg)
{
    char bytes[GRAM_BYTES];
    size_t n = 0;
    for (size_t i = 0; i < value->pattern_count; i++) {
        if (value->pattern[i] > UINT8_MAX) {
            n = 0;
            continue;
        }
        if (n == GRAM_BYTES)
            memmove(bytes, bytes + 1, --n);
        bytes[n++] = (char)value->pattern[i];
        if (n == GRAM_BYTES)
            visit_text(sv_make(bytes, n), fn, arg);
    }
}

/* The grams of what must stand in a field's value, ASCII case aside. */
static void visit_value(const struct sigma_value *value, gram_fn *fn, void *arg)
{
    if (value->kind == SIGMA_EXACT || value->kind == SIGMA_PREFIX || value->kind == SIGMA_SUFFIX ||
        value->kind == SIGMA_CONTAINS)
        visit_text(value->text, fn, arg);
    else if (value->kind == SIGMA_GLOB)
        visit_glob(value, fn, arg);
    else if (value->kind == SIGMA_REGEX)
        for (size_t i = 0; i < value->set_count; i++)
            if (value->sets[i].count == 1)
                visit_text(value->sets[i].texts[0], fn, arg);
}

typedef void values_fn(void *arg, struct sigma_value *values, size_t count, uint16_t **grams);

static void visit_item(struct sigma_item *item, values_fn *fn, void *arg)
{
    for (size_t i = 0; i < item->value_count; i++)
        if (item->values[i].kind == SIGMA_ANY_OF)
            fn(arg, item->values[i].alternatives, item->values[i].alternative_count, &item->values[i].grams);
    fn(arg, item->values, item->value_count, &item->grams);
}

static void visit_rules(struct sigma_rule *rules, size_t count, values_fn *fn, void *arg)
{
    for (size_t r = 0; r < count; r++)
        for (size_t s = 0; s < rules[r].selection_count; s++) {
            const struct sigma_selection *selection = &rules[r].selections[s];
            for (size_t g = 0; g < selection->group_count; g++)
                for (size_t i = 0; i < selection->groups[g].item_count; i++)
                    visit_item(&selection->groups[g].items[i], fn, arg);
        }
}

static void count_gram(void *arg, uint16_t gram)
{
    struct tally *tally = arg;
    tally->of[gram]++;
}

static void count_values(void *arg, struct sigma_value *values, size_t count, uint16_t **grams)
{
    (void)grams;
    for (size_t i = 0; i < count; i++)
        visit_value(&values[i], count_gram, arg);
}

struct choice {
    struct tally tally;
    struct arena *arena;
    uint16_t best;
};

static void choose_gram(void *arg, uint16_t gram)
{
    struct choice *choice = arg;
    if (choice->best == GRAM_NONE || choice->tally.of[gram] < choice->tally.of[choice->best])
        choice->best = gram;
}

static void choose_values(void *arg, struct sigma_value *values, size_t count, uint16_t **grams)
{
    struct choice *choice = arg;
    if (*grams)
        return; /* a filter's, which many rules share */
    *grams = arena_alloc(choice->arena, count * sizeof **grams);
    for (size_t i = 0; *grams && i < count; i++) {
        choice->best = GRAM_NONE;
        visit_value(&values[i], choose_gram, choice);
        (*grams)[i] = choice->best;
    }
}

void gram_choice_make(struct sigma_rule *rules, size_t count, struct arena *arena)
{
    struct choice choice = {.arena = arena};
    visit_rules(rules, count, count_values, &choice.tally);
    visit_rules(rules, count, choose_values, &choice);
}
