#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "watch/ruleset_priv.h"
#include "wire/decode.h"

enum { ROUNDS = 100, RULES_A_ROUND = 70, EVENTS_A_ROUND = 24, PICK_MAX = 24 };

/* xorshift: the same rules and events in every run. */
struct dice {
    uint64_t state;
};

static size_t roll(struct dice *dice, size_t sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (size_t)(dice->state >> 11) % sides;
}

static const char *pick(struct dice *dice, const char *const *list)
{
    size_t n = 0;
    while (n < PICK_MAX && list[n])
        n++;
    return list[roll(dice, n)];
}

static const char *const names[] = {"a", "b", "c", "user.name", NULL};
static const char *const keys[] = {
    "",    "",     "|contains", "|startswith",     "|endswith", "|contains|all",
    "|re", "|neq", "|cased",    "|contains|cased", "|exists",   NULL};
static const char *const values[] = {"root",     "ROOT",
                                     "ro*t",     "*oo?",
                                     "r",        "",
                                     "tab\\\\x", "a\\*b",
                                     "Sorry",    "\xc3\xa4rger",
                                     "sudo",     "c:\\dir",
                                     "'\"q\"'",  "so sorry indeed, and much longer than that",
                                     NULL};
static const char *const expressions[] = {"o+t",        "^root",      "ro?t",    "(?i)ROOT", "[rx]oot$",
                                          "(so|su)rry", "so|su",      "r..t",    "a\\*b",    "c:\\\\dir",
                                          "su(d)?o",    "ro{2}t|xyz", "\\Aroot", NULL};
static const char *const conditions[] = {
    "s",           "s and t",   "s or t",         "not s",        "s and not t",  "1 of them",
    "all of them", "2 of them", "s or (t and u)", "not (s or t)", "1 of s* or u", NULL};

static void put_item(struct buf *text, struct dice *dice, size_t nth)
{
    const char *key = pick(dice, keys);
    buf_printf(text, "        %s%s: ", names[(nth + roll(dice, 2)) % 4 == 3 ? 3 : nth], key);
    if (strcmp(key, "|exists") == 0) {
        buf_printf(text, "%s\n", roll(dice, 2) ? "true" : "false");
        return;
    }
    size_t n = 1 + roll(dice, 3);
    buf_put(text, SV("["));
    for (size_t i = 0; i < n; i++) {
        const char *value = pick(dice, values);
        bool expression = strcmp(key, "|re") == 0;
        buf_printf(text, "%s'%s'", i ? ", " : "",
                   expression         ? pick(dice, expressions)
                   : value[0] == '\'' ? "\"q\""
                                      : value);
    }
    buf_put(text, SV("]\n"));
}

static void put_selection(struct buf *text, struct dice *dice, const char *name)
{
    buf_printf(text, "    %s:\n", name);
    if (roll(dice, 4) == 0) {
        buf_printf(text, "        - '%s'\n        - 'x%s'\n", "sorry", pick(dice, names));
        return;
    }
    size_t n = 1 + roll(dice, 3);
    for (size_t i = 0; i < n; i++)
        put_item(text, dice, i);
}

static void put_rule(struct buf *text, struct dice *dice, size_t number)
{
    buf_printf(text, "---\ntitle: t\nid: r%zu\nlogsource: {product: x}\ndetection:\n", number);
    put_selection(text, dice, "s");
    put_selection(text, dice, "t");
    put_selection(text, dice, "u");
    buf_printf(text, "    condition: %s\n", pick(dice, conditions));
}

/* A JSON object with escapes, of the same few words. */
static void put_record(struct buf *text, struct dice *dice)
{
    static const char *const words[] = {"root",         "ROOT",       "rot",       "xoot",
                                        "tab\\\\x",     "a*b",        "so Sorry!", "\\u00e4rger",
                                        "\xc3\x84rger", "\\u0072oot", "sudo",      "c:\\\\dir\\\\y",
                                        "\\\"q\\\"",    "r",          "",          NULL};
    buf_put(text, SV("{"));
    size_t n = roll(dice, 5);
    for (size_t i = 0; i < n; i++)
        buf_printf(text, "%s\"%s\": \"%s%s\"", i ? ", " : "", names[i % 4], pick(dice, words),
                   pick(dice, words));
    buf_put(text, SV("}"));
}

static struct ruleset *random_rules(struct dice *dice)
{
    struct buf text = BUF_INIT(1 << 20);
    struct ruleset *ruleset = ruleset_new();
    for (size_t i = 0; i < RULES_A_ROUND; i++)
        put_rule(&text, dice, i);
    ruleset_load_text(ruleset, "random.yml", buf_view(&text), NULL, NULL);
    buf_free(&text);
    assert_int_equal(ruleset_seal(ruleset, NULL, NULL, NULL), 0);
    return ruleset;
}

/* How many rules matched: the same by both, and the same ones. */
static size_t compare(struct ruleset_matcher *filtered, struct ruleset_matcher *all,
                      const struct event *event)
{
    size_t a_count, b_count;
    const size_t *a = ruleset_match(filtered, event, &a_count), *b = ruleset_match(all, event, &b_count);
    if (a_count != b_count || memcmp(a, b, a_count * sizeof *a) != 0)
        fail_msg("with the prefilter %zu rules match, without it %zu: %.*s", a_count, b_count,
                 SV_ARG(event->raw));
    return a_count;
}

static void it_never_hides_a_match(void **state)
{
    (void)state;
    struct dice dice = {0x9e3779b97f4a7c15ULL};
    struct arena *arena = arena_new(1 << 20);
    size_t loaded = 0, matched = 0;
    for (size_t round = 0; round < ROUNDS; round++) {
        struct ruleset *ruleset = random_rules(&dice);
        struct ruleset_matcher *filtered = ruleset_matcher_new(ruleset), *all = ruleset_matcher_new(ruleset);
        ruleset_matcher_try_all(all);
        loaded += ruleset_count(ruleset);
        for (size_t i = 0; i < EVENTS_A_ROUND; i++) {
            struct buf record = BUF_INIT(1 << 16);
            struct event event;
            put_record(&record, &dice);
            arena_reset(arena);
            decode(&event, buf_view(&record), DECODE_AUTO, 1, 0, arena);
            matched += compare(filtered, all, &event);
            buf_free(&record);
        }
        ruleset_matcher_free(filtered);
        ruleset_matcher_free(all);
        ruleset_free(ruleset);
    }
    arena_free(arena);
    /* The comparison would say nothing if hardly any rule loaded or matched. */
    assert_true(loaded > (size_t)ROUNDS * RULES_A_ROUND / 2);
    assert_true(matched > (size_t)ROUNDS * EVENTS_A_ROUND / 2);
}

static void check_always(const char *detection, bool expected)
{
    struct buf text = BUF_INIT(1 << 16);
    struct ruleset *ruleset = ruleset_new();
    buf_printf(&text, "title: t\nid: 1\nlogsource: {product: x}\ndetection: {%s}\n", detection);
    /* A second rule, so that there is a literal at all. */
    buf_put(
        &text,
        SV("---\ntitle: t\nid: 2\nlogsource: {product: x}\ndetection: {s: {a: literal}, condition: s}\n"));
    assert_int_equal(ruleset_load_text(ruleset, "t.yml", buf_view(&text), NULL, NULL), 2);
    assert_int_equal(ruleset_seal(ruleset, NULL, NULL, NULL), 0);
    if (ruleset->prefilter && prefilter_is_always(ruleset->prefilter, 0) != expected)
        fail_msg("%s: expected %s", detection, expected ? "always" : "by its literals");
    buf_free(&text);
    ruleset_free(ruleset);
}

static void only_positive_text_is_necessary(void **state)
{
    (void)state;
    static const struct {
        const char *detection;
        bool always;
    } cases[] = {
        {"s: {a: root}, condition: s", false},
        {"s: {a: r}, condition: s", true},
        {"s: {a: [root, r]}, condition: s", true},
        {"s: {a|contains|all: [root, r]}, condition: s", false},
        {"s: {a|neq: root}, condition: s", true},
        {"s: {a: 309}, condition: s", true},
        {"s: {a: null}, condition: s", true},
        {"s: {a|cidr: 192.0.2.0/24}, condition: s", true},
        {"s: {a|re: root}, condition: s", false},
        {"s: {a|re: 'r.o'}, condition: s", true},
        {"s: {a|re: 'r.o', b: root}, condition: s", false},
        {"s: {a|re: [root, 'r.o']}, condition: s", true},
        {"s: {a|exists: true}, condition: s", true},
        {"s: {a: root}, condition: not s", true},
        {"s: {a: root}, t: {b: 1}, condition: s and t", false},
        {"s: {a: root}, t: {b: 1}, condition: s or t", true},
        {"s: {a: root}, t: {b: 1}, condition: 1 of them", true},
        {"s: {a: root}, t: {b: 1}, condition: all of them", false},
        {"s: {a: root}, t: {b: 1}, condition: [s, t]", true},
        {"s: [sorry], condition: s", false},
        {"s: [{a: root}, {b: 1}], condition: s", true},
        {"s: {a: 'r*x?y*t'}, condition: s", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_always(cases[i].detection, cases[i].always);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_never_hides_a_match),
        cmocka_unit_test(only_positive_text_is_necessary),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
