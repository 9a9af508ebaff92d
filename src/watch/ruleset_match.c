#include "watch/audience.h"
#include "watch/match_event.h"
#include "watch/prefilter_priv.h"
#include "watch/rule_cost.h"
#include "watch/ruleset_priv.h"

#include <assert.h>
#include <stdlib.h>

#include "base/bits.h"

enum {
    LIST_VALUES_MIN = 2,                 /* for which a field's grams are made */
    OUTSIDE_BYTES_MAX = EVENT_BYTES_MAX, /* values that do not lie in the record, gathered for one scan */
};

struct ruleset_matcher {
    const struct ruleset *ruleset;
    struct sigma_scratch *scratch;
    struct rule_costs *costs;
    uint64_t given_up; /* sigma_scratch_limits when a rule was last tried */
    struct match_event *event;
    bool raw_asked, raw_is_all; /* whether it is known if every value stands in raw as it is */
    struct audiences *audiences;
    size_t *found;
    struct prefilter_scan *scan;   /* NULL: every rule is tried */
    size_t words;                  /* of each set of rules; see base/bits.h */
    uint64_t *always, *marked;     /* rules to try on every event, and on this one */
    uint64_t *some_always, *some;  /* which words of these two are not empty */
    bool any_always, source_given; /* the latter: of the block that was screened */
    char *outside;
    size_t outside_n;
};

/* What sigma_condition_holds asks about. */
struct question {
    struct ruleset_matcher *matcher;
    const struct sigma_rule *rule;
};

static void *must(void *memory)
{
    assert(memory);
    return memory;
}

static void make_sets(struct ruleset_matcher *matcher)
{
    const struct ruleset *ruleset = matcher->ruleset;
    matcher->words = bits_words(ruleset->count) + 1;
    matcher->always = must(calloc(matcher->words, sizeof *matcher->always));
    matcher->marked = must(calloc(matcher->words, sizeof *matcher->marked));
    matcher->some_always = must(calloc(bits_words(matcher->words), sizeof *matcher->some_always));
    matcher->some = must(calloc(bits_words(matcher->words), sizeof *matcher->some));
    for (size_t i = 0; i < ruleset->count; i++) {
        if (ruleset->prefilter && !prefilter_is_always(ruleset->prefilter, i))
            continue;
        bits_add(matcher->always, i);
        bits_add(matcher->some_always, i / BITS_PER_WORD);
        matcher->any_always = true;
    }
    matcher->audiences = audiences_new(ruleset, matcher->always);
}

struct ruleset_matcher *ruleset_matcher_new(const struct ruleset *ruleset)
{
    assert(ruleset->sealed);
    struct ruleset_matcher *matcher = must(calloc(1, sizeof *matcher));
    size_t count = ruleset->count + 1;
    matcher->ruleset = ruleset;
    matcher->scratch = sigma_scratch_new();
    matcher->costs = rule_costs_new(ruleset);
    matcher->event = match_event_new(ruleset->fields);
    matcher->found = must(calloc(count, sizeof *matcher->found));
    make_sets(matcher);
    matcher->scan = ruleset->prefilter ? prefilter_scan_new(ruleset->prefilter) : NULL;
    matcher->outside = must(malloc(OUTSIDE_BYTES_MAX));
    return matcher;
}

void ruleset_matcher_free(struct ruleset_matcher *matcher)
{
    if (!matcher)
        return;
    sigma_scratch_free(matcher->scratch);
    rule_costs_free(matcher->costs);
    match_event_free(matcher->event);
    free(matcher->found);
    audiences_free(matcher->audiences);
    free(matcher->always);
    free(matcher->marked);
    free(matcher->some_always);
    free(matcher->some);
    prefilter_scan_free(matcher->scan);
    free(matcher->outside);
    free(matcher);
}

void ruleset_matcher_try_all(struct ruleset_matcher *matcher)
{
    prefilter_scan_free(matcher->scan);
    matcher->scan = NULL;
    for (size_t i = 0; i < matcher->words; i++) {
        matcher->always[i] = UINT64_MAX;
        bits_add(matcher->some_always, i);
    }
}

void ruleset_matcher_spoil(struct ruleset_matcher *matcher)
{
    if (matcher->scan)
        prefilter_scan_spoil(matcher->scan);
}

struct rule_costs *ruleset_costs(struct ruleset_matcher *matcher)
{
    return matcher->costs;
}

static void begin(struct ruleset_matcher *matcher, const struct event *event)
{
    match_event_begin(matcher->event, event);
    matcher->given_up = sigma_scratch_limits(matcher->scratch);
    matcher->raw_asked = false;
}

/* fieldref: any value of the other field will do. */
static bool compare_field(struct match_event *event, const struct sigma_value *value,
                          const struct sigma_subject *subject)
{
    for (uint16_t i = match_event_first(event, value->slot); i != MATCH_NO_FIELD; i = event->next[i])
        if (sigma_value_match_field(value, subject, &event->subjects[i]))
            return true;
    return false;
}

static bool compare(struct ruleset_matcher *matcher, const struct sigma_value *value,
                    struct sigma_subject *subject)
{
    if (value->kind == SIGMA_FIELD)
        return compare_field(matcher->event, value, subject);
    if ((value->kind == SIGMA_CONTAINS && !value->cased) || value->kind == SIGMA_ANY_OF ||
        value->kind == SIGMA_REGEX)
        match_event_fold(matcher->event, subject);
    return sigma_value_match(value, subject, matcher->scratch);
}

static bool raw_is_all(struct ruleset_matcher *matcher)
{
    sv raw = matcher->event->raw.text;
    if (!matcher->raw_asked)
        matcher->raw_is_all = raw.n && sv_find_char(raw, '\\') == SV_NPOS;
    matcher->raw_asked = true;
    return matcher->raw_is_all;
}

/* Keywords are looked for in the record as it came; where that writes characters by escapes, also in what
 * the fields say. */
static bool search(struct ruleset_matcher *matcher, const struct sigma_value *value)
{
    struct match_event *event = matcher->event;
    if (compare(matcher, value, &event->raw) || compare(matcher, value, &event->message))
        return true;
    if (raw_is_all(matcher))
        return false;
    for (size_t i = 0; i < event->count; i++)
        if (event->event->fields[i].type != EVENT_NULL && !needs_is_header(event->event->fields[i].name) &&
            compare(matcher, value, match_event_subject(event, i)))
            return true;
    return false;
}

static bool value_matches(struct ruleset_matcher *matcher, uint32_t slot, const struct sigma_value *value)
{
    struct match_event *event = matcher->event;
    if (slot == SIGMA_NO_SLOT)
        return search(matcher, value);
    uint16_t field = match_event_first(event, slot);
    if (field == MATCH_NO_FIELD)
        return value->kind == SIGMA_NULL || (value->kind == SIGMA_EXISTS && value->number == 0);
    for (; field != MATCH_NO_FIELD; field = event->next[field])
        if (compare(matcher, value, &event->subjects[field]))
            return true;
    return false;
}

static const struct gram_set *grams_of(struct match_event *event, const struct sigma_item *item,
                                       uint16_t field)
{
    struct sigma_subject *subject = &event->subjects[field];
    if (item->value_count >= LIST_VALUES_MIN)
        match_event_grams(event, subject);
    return subject->grams ? subject->grams : &gram_set_full;
}

/* Whether one of the values matches the field's. */
static bool any_matches(struct ruleset_matcher *matcher, const struct sigma_item *item, uint16_t field)
{
    const struct gram_set *grams = grams_of(matcher->event, item, field);
    for (size_t i = 0; i < item->value_count; i++)
        if (gram_set_has(grams, item->grams[i]) &&
            compare(matcher, &item->values[i], &matcher->event->subjects[field]))
            return true;
    return false;
}

static bool all_match(struct ruleset_matcher *matcher, const struct sigma_item *item, uint16_t first)
{
    bool single = matcher->event->next[first] == MATCH_NO_FIELD;
    const struct gram_set *grams = single ? grams_of(matcher->event, item, first) : &gram_set_full;
    for (size_t i = 0; i < item->value_count; i++)
        if (!gram_set_has(grams, item->grams[i]) || !value_matches(matcher, item->slot, &item->values[i]))
            return false;
    return true;
}

/* Of an item whose field is in the event, and whose values' grams are known. */
static bool list_matches(struct ruleset_matcher *matcher, const struct sigma_item *item, uint16_t first)
{
    if (item->all)
        return all_match(matcher, item, first);
    for (uint16_t field = first; field != MATCH_NO_FIELD; field = matcher->event->next[field])
        if (any_matches(matcher, item, field))
            return true;
    return false;
}

static bool item_matches(struct ruleset_matcher *matcher, const struct sigma_item *item)
{
    uint16_t field =
        item->slot == SIGMA_NO_SLOT ? MATCH_NO_FIELD : match_event_first(matcher->event, item->slot);
    if (field != MATCH_NO_FIELD && item->grams)
        return list_matches(matcher, item, field) != item->negated;
    for (size_t i = 0; i < item->value_count; i++)
        if (value_matches(matcher, item->slot, &item->values[i]) != item->all)
            return !item->all != item->negated;
    return item->all != item->negated;
}

static bool group_matches(struct ruleset_matcher *matcher, const struct sigma_group *group)
{
    for (size_t i = 0; i < group->item_count; i++)
        if (!item_matches(matcher, &group->items[i]))
            return false;
    return true;
}

static bool selection_matches(void *arg, size_t index)
{
    const struct question *question = arg;
    const struct sigma_selection *selection = &question->rule->selections[index];
    for (size_t i = 0; i < selection->group_count; i++)
        if (group_matches(question->matcher, &selection->groups[i]))
            return true;
    return false;
}

static bool rule_matches(struct ruleset_matcher *matcher, const struct sigma_rule *rule)
{
    struct question question = {matcher, rule};
    for (size_t i = 0; i < rule->condition_count; i++)
        if (sigma_condition_holds(rule->conditions[i], selection_matches, &question))
            return true;
    return false;
}

/* Tries a rule, and keeps account of it. */
static bool try_rule(struct ruleset_matcher *matcher, size_t rule)
{
    struct rule_cost *cost = &matcher->costs->of[rule];
    nanos start;
    uint64_t weight = rule_cost_begin(cost, &start);
    bool matched = rule_matches(matcher, &matcher->ruleset->rules[rule]);
    rule_cost_end(cost, start, weight, matcher->costs->clock_takes);
    cost->matched += matched;
    uint64_t given_up = sigma_scratch_limits(matcher->scratch);
    cost->given_up += given_up > matcher->given_up;
    matcher->given_up = given_up;
    return matched;
}

void ruleset_matcher_begin(struct ruleset_matcher *matcher, const struct event *event)
{
    begin(matcher, event);
}

bool ruleset_matcher_value(struct ruleset_matcher *matcher, uint32_t slot, const struct sigma_value *value)
{
    return value_matches(matcher, slot, value);
}

bool ruleset_matcher_condition(struct ruleset_matcher *matcher, const struct sigma_rule *rule,
                               const struct sigma_node *condition)
{
    struct question question = {matcher, rule};
    return sigma_condition_holds(condition, selection_matches, &question);
}

/* Adds a name or value to the next look. The line ends between them let no literal be found that is in none,
 * for literals have none. */
static void add_outside(struct ruleset_matcher *matcher, sv text, sv raw)
{
    if (text.n == 0 || sv_lies_in(text, raw))
        return;
    if (text.n >= OUTSIDE_BYTES_MAX - matcher->outside_n) {
        prefilter_event_look(matcher->scan, text);
        return;
    }
    memcpy(matcher->outside + matcher->outside_n, text.p, text.n);
    matcher->outside_n += text.n;
    matcher->outside[matcher->outside_n++] = '\n';
}

/* The rules that have in the event what they cannot match without. */
static struct candidates look_at(struct ruleset_matcher *matcher, const struct event *event)
{
    matcher->outside_n = 0;
    prefilter_event_begin(matcher->scan, audience_of(matcher->audiences, &event->source)->family);
    prefilter_event_look(matcher->scan, event->raw);
    add_outside(matcher, event->message, event->raw);
    for (size_t i = 0; i < event->field_count && i < EVENT_FIELDS_MAX; i++) {
        add_outside(matcher, event->fields[i].name, event->raw);
        add_outside(matcher, event->fields[i].value, event->raw);
    }
    prefilter_event_look(matcher->scan, sv_make(matcher->outside, matcher->outside_n));
    return prefilter_event_end(matcher->scan);
}

/* Marks those of a word of rules that are in the audience; false if there is none. */
static bool mark(struct ruleset_matcher *matcher, const uint64_t *audience, size_t word, uint64_t rules)
{
    rules &= audience[word];
    matcher->marked[word] |= rules;
    if (rules)
        bits_add(matcher->some, word);
    return rules != 0;
}

/* Marks the rules of the event's log source among the candidates; false if there is none. */
static bool mark_all(struct ruleset_matcher *matcher, const struct event *event, struct candidates candidates)
{
    bool any = false;
    const uint64_t *audience = audience_of(matcher->audiences, &event->source)->rules;
    for (size_t i = 0; candidates.unknown && i < matcher->words; i++)
        any |= mark(matcher, audience, i, UINT64_MAX);
    for (size_t i = 0; !candidates.unknown && i < candidates.count; i++) {
        uint32_t rule = candidates.rules[i];
        any |= mark(matcher, audience, rule / BITS_PER_WORD, UINT64_C(1) << rule % BITS_PER_WORD);
    }
    for (size_t i = 0; i < bits_words(matcher->words); i++)
        for (uint64_t some = matcher->some_always[i]; some;) {
            size_t word = i * BITS_PER_WORD + bits_take(&some);
            any |= mark(matcher, audience, word, matcher->always[word]);
        }
    return any;
}

/* Tries a word's marked rules, and takes the marks away. */
static size_t try_marked(struct ruleset_matcher *matcher, size_t word, size_t *ret_found)
{
    size_t count = 0;
    for (uint64_t *rules = &matcher->marked[word]; *rules;) {
        size_t rule = word * BITS_PER_WORD + bits_take(rules);
        if (try_rule(matcher, rule))
            ret_found[count++] = rule;
    }
    return count;
}

static const size_t *match(struct ruleset_matcher *matcher, const struct event *event,
                           struct candidates candidates, size_t *ret_count)
{
    size_t count = 0;
    if (mark_all(matcher, event, candidates))
        begin(matcher, event);
    for (size_t i = 0; i < bits_words(matcher->words); i++)
        for (uint64_t *some = &matcher->some[i]; *some;)
            count += try_marked(matcher, i * BITS_PER_WORD + bits_take(some), matcher->found + count);
    *ret_count = count;
    return matcher->found;
}

const size_t *ruleset_match(struct ruleset_matcher *matcher, const struct event *event, size_t *ret_count)
{
    struct candidates candidates = {.unknown = true};
    if (matcher->scan)
        candidates = look_at(matcher, event);
    return match(matcher, event, candidates, ret_count);
}

/* What a block is screened with, and which rules see its records, once that has been asked. */
struct screening {
    struct ruleset_matcher *matcher;
    const struct ruleset_block *block;
    const struct audience *audiences[RULESET_SCREENED_MAX];
    uint64_t asked[RULESET_SCREENED_MAX]; /* 0: not yet; else when, in sources forgotten by then, and 1 */
};

static const struct audience *ask_audience(const struct screening *screening, sv record)
{
    const struct ruleset_block *block = screening->block;
    struct logsource source;
    if (block->source)
        return audience_of(screening->matcher->audiences, block->source);
    if (decode_source(record, block->format, &source))
        return audience_remembered(screening->matcher->audiences, &source);
    return NULL;
}

/* The rules of the record's log source as far as that is sure, else NULL. */
static const struct audience *audience_of_record(struct screening *screening, size_t record)
{
    const struct audiences *audiences = screening->matcher->audiences;
    if (screening->asked[record] != audiences_forgotten(audiences) + 1) {
        screening->audiences[record] = ask_audience(screening, screening->block->records[record]);
        screening->asked[record] = audiences_forgotten(audiences) + 1;
    }
    return screening->audiences[record];
}

static const uint64_t *rules_for(void *arg, size_t record)
{
    const struct audience *audience = audience_of_record(arg, record);
    return audience ? audience->rules : NULL;
}

/* Of a record that rules would be tried on whatever stands in it: whether there is one of its log source. */
static bool is_worth(struct screening *screening, size_t record, bool unknown)
{
    const struct audience *audience = audience_of_record(screening, record);
    return !audience || audience->any_always || (unknown && audience->any);
}

static void scan_block(struct screening *screening, uint16_t *ret_order)
{
    const struct ruleset_block *block = screening->block;
    struct prefilter_scan *scan = screening->matcher->scan;
    uint8_t families[RULESET_SCREENED_MAX];
    bool several = prefilter_families(screening->matcher->ruleset->prefilter) > 1;
    for (size_t i = 0; several && i < block->count; i++) {
        const struct audience *audience = audience_of_record(screening, i);
        families[i] = (uint8_t)(audience ? audience->family : PREFILTER_ALL);
    }
    if (several)
        prefilter_order(families, block->count, ret_order);
    prefilter_block(scan, block->bytes, block->records, block->count, several ? families : NULL, ret_order,
                    rules_for, screening);
}

void ruleset_screen(struct ruleset_matcher *matcher, const struct ruleset_block *block,
                    struct ruleset_screened *ret)
{
    struct screening screening = {.matcher = matcher, .block = block};
    assert(block->count <= RULESET_SCREENED_MAX);
    /* A format that is insisted on may find another form behind the one that the record begins with. */
    matcher->source_given = block->source || block->format != DECODE_AUTO;
    for (size_t i = 0; i < block->count; i++)
        ret->order[i] = (uint16_t)i;
    if (matcher->scan)
        scan_block(&screening, ret->order);
    for (size_t i = 0; i < block->count; i++) {
        struct candidates candidates = {0};
        if (matcher->scan)
            candidates = prefilter_found(matcher->scan, i);
        candidates.unknown |= matcher->source_given && candidates.shaped;
        ret->worth[i] = candidates.count > 0 && !candidates.unknown;
        if (!ret->worth[i] && (matcher->any_always || candidates.unknown))
            ret->worth[i] = is_worth(&screening, i, candidates.unknown);
    }
}

const size_t *ruleset_match_screened(struct ruleset_matcher *matcher, size_t record,
                                     const struct event *event, size_t *ret_count)
{
    struct candidates candidates = {.unknown = true};
    if (matcher->scan)
        candidates = prefilter_found(matcher->scan, record);
    if (candidates.unknown || (candidates.shaped && matcher->source_given))
        return ruleset_match(matcher, event, ret_count);
    return match(matcher, event, candidates, ret_count);
}
