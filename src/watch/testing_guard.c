#include "watch/testing_guard.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "watch/ruleset_priv.h"
#include "watch/testing_reference.h"
#include "wire/decode.h"

#define ARENA_BYTES_MAX ((size_t)512 << 20)

enum { TEXT_BYTES_MAX = 1 << 20 };

/* One round: the rules as text and as trees, the records as lines of one block. */
struct round {
    struct guard *guard;
    struct buf rules, records;
    sv record[GUARD_RECORDS];
    struct ruleset_screened screened;
    const struct yaml_node *documents[GUARD_RULES];
    struct ruleset *ruleset;
    struct ruleset_matcher *matcher;
};

struct guard *guard_new(void)
{
    prefilter_families_from = 100; /* so that some of the random sets are parted and some not */
    struct guard *guard = calloc(1, sizeof *guard);
    assert(guard);
    guard->lists = generate_lists();
    guard->arena = arena_new(ARENA_BYTES_MAX);
    guard->work = arena_new(ARENA_BYTES_MAX);
    return guard;
}

void guard_free(struct guard *guard)
{
    sigma_lists_free(guard->lists);
    arena_free(guard->arena);
    arena_free(guard->work);
    free(guard);
}

static void make_records(struct round *round, struct dice *dice)
{
    size_t ends[GUARD_RECORDS], from = 0;
    for (size_t i = 0; i < GUARD_RECORDS; i++) {
        generate_record(dice, &round->records);
        ends[i] = buf_view(&round->records).n;
        buf_put(&round->records, SV("\n"));
    }
    for (size_t i = 0; i < GUARD_RECORDS; from = ends[i++] + 1)
        round->record[i] = sv_first(sv_from(buf_view(&round->records), from), ends[i] - from);
}

static void decode_record(struct round *round, size_t record, struct event *ret)
{
    decode(ret, round->record[record], DECODE_AUTO, 1700000000LL * NANOS_PER_SECOND, NULL,
           round->guard->arena);
}

static void take_error(void *arg, const struct rule_error *error)
{
    struct guard *guard = arg;
    guard->refused++;
    if (!guard->first[0])
        snprintf(guard->first, sizeof guard->first, "%d:%d %s", error->line, error->column, error->message);
}

/* Few rules now and then: with many there is hardly a record that none could match. */
static void make_rules(struct round *round, struct dice *dice)
{
    struct guard *guard = round->guard;
    struct yaml_problem problem;
    struct event event;
    size_t count = dice_roll(dice, 2) ? GUARD_RULES : 1 + dice_roll(dice, 3);
    for (size_t i = 0; i < count; i++) {
        decode_record(round, dice_roll(dice, GUARD_RECORDS), &event);
        generate_rule(dice, &event, i, &round->rules);
    }
    sv text = buf_view(&round->rules);
    round->ruleset = ruleset_new();
    ruleset_lists(round->ruleset, guard->lists);
    guard->rules += ruleset_load_text(round->ruleset, "random.yml", text, take_error, guard);
    ruleset_seal(round->ruleset, take_error, guard);
    struct yaml_reader *reader = yaml_reader_new(text, guard->arena);
    for (size_t i = 0; i < count; i++)
        round->documents[i] = yaml_reader_next(reader, &problem);
    yaml_reader_free(reader);
}

/* The document that the engine's rule was made of, by its id "rN". */
static const struct yaml_node *document_of(const struct round *round, size_t rule)
{
    uint64_t number = 0;
    sv_to_u64(sv_from(ruleset_rule(round->ruleset, rule)->id, 1), &number);
    assert(number < GUARD_RULES && round->documents[number]);
    return round->documents[number];
}

/* The rule's text: what stands between its "---" and the next. */
static sv text_of(const struct round *round, size_t rule)
{
    char head[32];
    snprintf(head, sizeof head, "id: %.*s\n", SV_ARG(ruleset_rule(round->ruleset, rule)->id));
    sv text = buf_view(&round->rules), rest = sv_from(text, sv_find(text, sv_of(head)));
    return sv_first(rest, sv_find(rest, SV("\n---")));
}

static bool holds(const size_t *rules, size_t count, size_t rule)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i] == rule)
            return true;
    return false;
}

static void count_modifiers(struct guard *guard, sv rule)
{
    char name[32];
    for (enum sigma_modifier m = 0; m < SIGMA_MODIFIER_COUNT; m++) {
        size_t n = (size_t)snprintf(name, sizeof name, "|%.*s", SV_ARG(sigma_modifier_name(m))), at;
        for (sv rest = rule; (at = sv_find(rest, sv_of(name))) != SV_NPOS; rest = sv_from(rest, at + 1)) {
            char end = at + n < rest.n ? rest.p[at + n] : 0;
            if (end != '|' && end != '"' && end != '\'')
                continue;
            guard->matched_with[m]++;
            break;
        }
    }
}

static void differs(struct round *round, size_t record, size_t rule, const char *way, bool expected)
{
    struct guard *guard = round->guard;
    if (guard->differences++ == 0)
        snprintf(guard->first, sizeof guard->first, "%s: the reference says %s:\n%.*s\n%.*s", way,
                 expected ? "it matches" : "it does not match", SV_ARG(text_of(round, rule)),
                 SV_ARG(round->record[record]));
}

/* What the engine says of a record, asked both ways. */
struct answers {
    size_t by_event[GUARD_RULES], by_bytes[GUARD_RULES];
    size_t event_count, bytes_count;
};

static size_t keep(size_t *dst, const size_t *rules, size_t count)
{
    assert(count <= GUARD_RULES);
    for (size_t i = 0; i < count; i++)
        dst[i] = rules[i];
    return count;
}

static void ask(struct round *round, size_t record, const struct event *event, struct answers *ret)
{
    size_t count = 0;
    const size_t *rules =
        round->screened.worth[record] ? ruleset_match_screened(round->matcher, record, event, &count) : NULL;
    ret->bytes_count = keep(ret->by_bytes, rules, count);
    rules = ruleset_match(round->matcher, event, &count);
    ret->event_count = keep(ret->by_event, rules, count);
}

static void compare_record(struct round *round, size_t record)
{
    struct guard *guard = round->guard;
    struct event event;
    struct answers answers;
    decode_record(round, record, &event);
    ask(round, record, &event, &answers);
    for (size_t rule = 0; rule < ruleset_count(round->ruleset); rule++) {
        arena_reset(guard->work);
        bool expected = reference_matches(document_of(round, rule), &event, guard->lists, guard->work);
        guard->compared++;
        guard->matched += expected;
        if (expected)
            count_modifiers(guard, text_of(round, rule));
        if (holds(answers.by_bytes, answers.bytes_count, rule) != expected)
            differs(round, record, rule, "by the raw bytes", expected);
        if (holds(answers.by_event, answers.event_count, rule) != expected)
            differs(round, record, rule, "by the event", expected);
    }
}

void guard_round(struct guard *guard, struct dice *dice, bool spoil)
{
    struct round round = {
        .guard = guard, .rules = BUF_INIT(TEXT_BYTES_MAX), .records = BUF_INIT(TEXT_BYTES_MAX)};
    arena_reset(guard->arena);
    make_records(&round, dice);
    make_rules(&round, dice);
    round.matcher = ruleset_matcher_new(round.ruleset);
    if (spoil)
        ruleset_matcher_spoil(round.matcher);
    ruleset_screen(
        round.matcher,
        &(struct ruleset_block){
            .bytes = buf_view(&round.records), .records = round.record, .count = GUARD_RECORDS, .arrival = 1},
        &round.screened);
    for (size_t i = 0; i < GUARD_RECORDS; i++) {
        guard->skipped += !round.screened.worth[i];
        compare_record(&round, i);
    }
    ruleset_matcher_free(round.matcher);
    ruleset_free(round.ruleset);
    buf_free(&round.rules);
    buf_free(&round.records);
}
