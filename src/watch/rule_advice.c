#include "watch/rule_advice.h"

#include "watch/correlation.h"
#include "watch/ruleset_priv.h"

#include <stdio.h>

enum { WHY_BYTES_MAX = 400, PRINTABLE_FIRST = ' ', PRINTABLE_LAST = '~' };

/* Text without which the expression is not even tried: one of each of its sets. */
static size_t put_needed(char *to, size_t room, const struct text_set *sets, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        sv text = sets[i].texts[0];
        if (text.n > room - n)
            break;
        memcpy(to + n, text.p, text.n);
        n += text.n;
    }
    return n;
}

/* A value that an expression which repeats a repetition may run away on: `before` of what it needs, many
 * times the pump, then what hardly any expression goes on with; behind that the rest of what it needs, and
 * one of each character, for an expression is not tried either where one is missing that it ends with. */
static sv pumped(char text[static RULE_ADVICE_VALUE_BYTES], char pump, const struct sigma_value *value,
                 size_t before)
{
    enum { TAIL = PRINTABLE_LAST - PRINTABLE_FIRST + 2, PART = (RULE_ADVICE_VALUE_BYTES - TAIL) / 4 };
    size_t n = put_needed(text, PART, value->sets, before);
    memset(text + n, pump, 2 * PART);
    n += 2 * PART;
    text[n++] = '\1';
    if (before < value->set_count)
        n += put_needed(text + n, PART, value->sets + before, value->set_count - before);
    for (int c = PRINTABLE_FIRST; c <= PRINTABLE_LAST; c++)
        text[n++] = (char)c;
    return sv_make(text, n);
}

static bool gives_up(const struct sigma_value *value, sv text, struct sigma_scratch *scratch)
{
    uint64_t limits = sigma_scratch_limits(scratch);
    const struct sigma_subject subject = {.text = text};
    sigma_value_match(value, &subject, scratch);
    return sigma_scratch_limits(scratch) > limits;
}

/* The same without regard to what the expression took on other values. */
static bool gives_up_at_once(const struct sigma_value *value, sv text)
{
    struct sigma_scratch *fresh = sigma_scratch_new();
    bool given_up = gives_up(value, text, fresh);
    sigma_scratch_free(fresh);
    return given_up;
}

/* The character that the expression is given up on, or 0. */
static char stumbles_over(const struct sigma_value *value, struct sigma_scratch *scratch)
{
    char bytes[RULE_ADVICE_VALUE_BYTES];
    if (value->kind != SIGMA_REGEX)
        return 0;
    for (int pump = PRINTABLE_FIRST; pump <= PRINTABLE_LAST; pump++)
        for (size_t before = 0; before <= value->set_count; before++) {
            sv text = pumped(bytes, (char)pump, value, before);
            if (gives_up(value, text, scratch) && gives_up_at_once(value, text))
                return (char)pump;
        }
    return 0;
}

static char values_stumble(const struct sigma_value *values, size_t count, struct sigma_scratch *scratch)
{
    char found = 0;
    for (size_t i = 0; i < count && !found; i++) {
        found = stumbles_over(&values[i], scratch);
        for (size_t j = 0; j < values[i].alternative_count && !found; j++)
            found = stumbles_over(&values[i].alternatives[j], scratch);
    }
    return found;
}

static char rule_stumbles(const struct sigma_rule *rule, struct sigma_scratch *scratch)
{
    char found = 0;
    for (size_t i = 0; i < rule->selection_count - rule->borrowed_count && !found; i++) {
        const struct sigma_selection *selection = &rule->selections[i];
        for (size_t j = 0; j < selection->group_count && !found; j++)
            for (size_t k = 0; k < selection->groups[j].item_count && !found; k++) {
                const struct sigma_item *item = &selection->groups[j].items[k];
                found = values_stumble(item->values, item->value_count, scratch);
            }
    }
    return found;
}

/* Where a correlation wants every event of a log source, that is the price of it. */
static bool is_tried_on_all(const struct ruleset *ruleset, size_t rule)
{
    return (!ruleset->prefilter || prefilter_is_always(ruleset->prefilter, rule)) &&
           !correlation_silences(ruleset, rule);
}

size_t rule_advice(const struct ruleset *ruleset, rule_advice_fn *fn, void *arg)
{
    struct sigma_scratch *scratch = sigma_scratch_new();
    size_t told = 0;
    for (size_t i = 0; i < ruleset_count(ruleset); i++) {
        const struct rule *about = ruleset_rule(ruleset, i);
        char why[WHY_BYTES_MAX], pump = rule_stumbles(&ruleset->rules[i], scratch);
        if (is_tried_on_all(ruleset, i)) {
            fn(arg, about,
               "every event of its log source is decoded for it, because it asks for no text that must stand "
               "in one; add a field with a value that must be there");
            told++;
        }
        if (pump) {
            snprintf(why, sizeof why,
                     "an expression of it takes too long on a value of less than %d characters, mostly "
                     "\"%c\", and then counts as not matching; let no repetition stand in a repetition",
                     RULE_ADVICE_VALUE_BYTES, pump);
            fn(arg, about, why);
            told++;
        }
    }
    sigma_scratch_free(scratch);
    return told;
}
