#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "watch/prefilter_priv.h"
#include "watch/ruleset_priv.h"
#include "wire/decode.h"

enum { ROUNDS = 60, RULES_A_ROUND = 70, EVENTS_A_ROUND = 24, PICK_MAX = 24 };

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

static const char *const sources[] = {"product: x",
                                      "product: hashicorp",
                                      "product: linux",
                                      "product: linux, service: sshd",
                                      "service: auth",
                                      "product: cyberark, service: vault",
                                      "product: kubernetes, service: audit",
                                      "product: windows, category: process_creation",
                                      "category: x",
                                      NULL};
static const char *const names[] = {"a", "b", "c", "user.name", NULL};
static const char *const derived_names[] = {"event.action",
                                            "event.outcome",
                                            "event.code",
                                            "process.command_line",
                                            "log.syslog.facility.name",
                                            "pam.service",
                                            "sshd.invalid_user",
                                            "comm",
                                            "Image",
                                            NULL};
static const char *const keys[] = {
    "",    "",     "|contains", "|startswith",     "|endswith", "|contains|all",
    "|re", "|neq", "|cased",    "|contains|cased", "|exists",   NULL};
static const char *const values[] = {"root",       "ROOT",
                                     "ro*t",       "*oo?",
                                     "r",          "",
                                     "tab\\\\x",   "a\\*b",
                                     "Sorry",      "\xc3\xa4rger",
                                     "sudo",       "c:\\dir",
                                     "'\"q\"'",    "so sorry indeed, and much longer than that",
                                     "ssh_login",  "failure",
                                     "su",         "authpriv",
                                     "true",       "session_opened",
                                     "295",        "ls -l",
                                     "kqxService", NULL};
static const char *const expressions[] = {"o+t",        "^root",      "ro?t",    "(?i)ROOT", "[rx]oot$",
                                          "(so|su)rry", "so|su",      "r..t",    "a\\*b",    "c:\\\\dir",
                                          "su(d)?o",    "ro{2}t|xyz", "\\Aroot", NULL};
static const char *const conditions[] = {
    "s",           "s and t",   "s or t",         "not s",        "s and not t",  "1 of them",
    "all of them", "2 of them", "s or (t and u)", "not (s or t)", "1 of s* or u", NULL};

static void put_item(struct buf *text, struct dice *dice, size_t nth)
{
    const char *key = pick(dice, keys);
    const char *name = roll(dice, 4) ? names[(nth + roll(dice, 2)) % 4 == 3 ? 3 : nth]
                                     : derived_names[nth * 3 + roll(dice, 3)];
    buf_printf(text, "        %s%s: ", name, key);
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
    buf_printf(text, "---\ntitle: t\nid: r%zu\nlogsource: {%s}\ndetection:\n", number, pick(dice, sources));
    put_selection(text, dice, "s");
    put_selection(text, dice, "t");
    put_selection(text, dice, "u");
    buf_printf(text, "    condition: %s\n", pick(dice, conditions));
}

/* A JSON object with escapes, of the same few words. */
static void put_json(struct buf *text, struct dice *dice)
{
    static const char *const words[] = {"root",         "ROOT",       "rot",        "xoot",
                                        "tab\\\\x",     "a*b",        "so Sorry!",  "\\u00e4rger",
                                        "\xc3\x84rger", "\\u0072oot", "sudo",       "c:\\\\dir\\\\y",
                                        "\\\"q\\\"",    "r",          "",           "295",
                                        "ls\\/x -l",    "failure",    "kqxService", "KQXsERVICE",
                                        "kqxServant",   NULL};
    buf_put(text, SV("{"));
    size_t n = roll(dice, 5);
    for (size_t i = 0; i < n; i++)
        buf_printf(text, "%s\"%s\": \"%s%s\"", i ? ", " : "", names[i % 4], pick(dice, words),
                   pick(dice, words));
    buf_put(text, SV("}"));
}

/* Records of the formats in which much is derived or hidden. */
static const char *const records[] = {
    "<86>Nov 24 08:00:00 h sshd[7]: Failed password for invalid user root from 192.0.2.1 port 5 ssh2",
    "<86>Nov 24 08:00:00 h sshd[7]: Accepted publickey for alice from 192.0.2.1 port 5 ssh2",
    "<86>1 2026-11-24T08:00:00Z h su 7 - - FAILED SU (to root) alice on pts/0",
    "su: (to ROOT) alice on pts/0",
    "<85>Nov 24 08:00:00 h sudo:    alice : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls -l",
    "Nov 24 08:00:00 h su[7]: pam_unix(su:session): session opened for user root(uid=0) by alice(uid=1)",
    "type=EXECVE msg=audit(1700000000.123:45): argc=2 a0=\"ls\" a1=2D6C",
    "type=SYSCALL msg=audit(1700000000.123:45): success=no comm=726F6F74 exe=\"/bin/ls\"",
    "type=PATH msg=audit(1700000000.123:46): name=\"/root/a*b\" comm=\"ls\" res=failed",
    "CEF:0|Cyber-Ark|Vault|1|295|Retrieve password|7|suser=root fname=a\\=b cs1Label=a cs1=ro\\\\t",
    "CEF:0|v|p|1|22|a failure|7|a=root b=so Sorry! c=x\\|y",
    "LEEF:1.0|v|p|1|295|a=ROOT\tb=sudo",
    "{\"Event\": {\"System\": {\"EventID\": 295, \"Channel\": \"Security\"}, \"EventData\": {\"Image\": "
    "\"root\"}}}",
    "{\"winlog\": {\"channel\": \"Security\", \"event_id\": 295.0, \"event_data\": {\"NewProcessName\": "
    "\"ROOT\"}}}",
    "{\"MESSAGE\": \"FAILED SU (to root) alice on pts/0\", \"SYSLOG_IDENTIFIER\": \"su\"}",
    "{\"a\": \"\\u0072oot\", \"b\": 295, \"c\": [\"sudo\", \"x\"]}",
    "{\"auditCode\": \"PAM00295\", \"auditType\": \"Failure\", \"username\": \"ROOT\", \"command\": \"ls "
    "-l\"}",
    "{\"auditCode\": \"PAM10295\", \"auditType\": \"Info\", \"action\": \"failure\", \"userId\": \"root\"}",
    "{\"apiVersion\": \"audit.k8s.io/v1\", \"auditID\": \"x\", \"verb\": \"sudo\", \"user\": {\"username\": "
    "\"root\"}, "
    "\"responseStatus\": {\"code\": 403}}",
    "{\"type\": \"request\", \"auth\": {\"display_name\": \"root\"}, \"request\": {\"operation\": \"sudo\", "
    "\"path\": \"a*b\"}, \"a\": \"ro\\u006ft\"}",
    "{\"type\": \"request\", \"request\": {\"operation\": \"sudo\", \"path\": \"x\"}, \"a\": \"so Sorry!\"}",
    "<audit_record><MessageID>295</MessageID><Issuer>r&#111;ot</Issuer><Severity>Error</Severity></"
    "audit_record>",
    NULL};

static void put_record(struct buf *text, struct dice *dice)
{
    if (roll(dice, 2))
        put_json(text, dice);
    else
        buf_printf(text, "%s", pick(dice, records));
}

static struct ruleset *random_rules(struct dice *dice)
{
    struct buf text = BUF_INIT(1 << 20);
    struct ruleset *ruleset = ruleset_new();
    for (size_t i = 0; i < RULES_A_ROUND; i++)
        put_rule(&text, dice, i);
    ruleset_load_text(ruleset, "random.yml", buf_view(&text), NULL, NULL);
    buf_free(&text);
    ruleset_seal(ruleset, NULL, NULL);
    return ruleset;
}

/* One record, as in a file: among others, one line each. */
struct lines {
    struct buf text;
    sv records[EVENTS_A_ROUND];
    struct ruleset_screened screened;
};

static void put_lines(struct lines *lines, struct dice *dice)
{
    size_t ends[EVENTS_A_ROUND], from = 0;
    lines->text = BUF_INIT(1 << 20);
    for (size_t i = 0; i < EVENTS_A_ROUND; i++) {
        put_record(&lines->text, dice);
        ends[i] = buf_view(&lines->text).n;
        buf_put(&lines->text, SV("\n"));
    }
    for (size_t i = 0; i < EVENTS_A_ROUND; from = ends[i++] + 1)
        lines->records[i] = sv_first(sv_from(buf_view(&lines->text), from), ends[i] - from);
}

/* Rules that matched. */
struct matches {
    const size_t *rules;
    size_t count;
};

static bool same(const struct matches *a, const struct matches *b)
{
    return a->count == b->count &&
           (!a->count || memcmp(a->rules, b->rules, a->count * sizeof *a->rules) == 0);
}

/* What is compared, and what came of it. */
struct comparison {
    struct ruleset_matcher *filtered, *all;
    struct arena *arena;
    size_t loaded, matched, parted, by_bytes,
        by_event; /* parted: rounds with families of records; the last two: records told otherwise than when
                     all are tried */
    char first[512]; /* of these */
};

static void differs(struct comparison *comparison, size_t *count, sv record)
{
    if (comparison->by_bytes + comparison->by_event == 0)
        snprintf(comparison->first, sizeof comparison->first, "%.*s", SV_ARG(record));
    ++*count;
}

static void compare_record(struct comparison *comparison, const struct lines *lines, size_t record)
{
    struct event event;
    struct matches all, by_event, by_bytes = {0};
    sv raw = lines->records[record];
    arena_reset(comparison->arena);
    decode(&event, raw, DECODE_AUTO, 1, NULL, comparison->arena);
    all.rules = ruleset_match(comparison->all, &event, &all.count);
    if (lines->screened.worth[record])
        by_bytes.rules = ruleset_match_screened(comparison->filtered, record, &event, &by_bytes.count);
    if (!same(&by_bytes, &all))
        differs(comparison, &comparison->by_bytes, raw);
    by_event.rules = ruleset_match(comparison->filtered, &event, &by_event.count);
    if (!same(&by_event, &all))
        differs(comparison, &comparison->by_event, raw);
    comparison->matched += all.count;
}

static void compare_round(struct comparison *comparison, struct dice *dice, bool spoil)
{
    static struct lines lines;
    struct ruleset *ruleset = random_rules(dice);
    comparison->filtered = ruleset_matcher_new(ruleset);
    comparison->all = ruleset_matcher_new(ruleset);
    ruleset_matcher_try_all(comparison->all);
    if (spoil)
        ruleset_matcher_spoil(comparison->filtered);
    comparison->loaded += ruleset_count(ruleset);
    comparison->parted += prefilter_families(ruleset->prefilter) > 1;
    put_lines(&lines, dice);
    ruleset_screen(
        comparison->filtered,
        &(struct ruleset_block){
            .bytes = buf_view(&lines.text), .records = lines.records, .count = EVENTS_A_ROUND, .arrival = 1},
        &lines.screened);
    for (size_t i = 0; i < EVENTS_A_ROUND; i++)
        compare_record(comparison, &lines, i);
    buf_free(&lines.text);
    ruleset_matcher_free(comparison->filtered);
    ruleset_matcher_free(comparison->all);
    ruleset_free(ruleset);
}

static struct comparison compare(bool spoil)
{
    struct dice dice = {0x9e3779b97f4a7c15ULL};
    struct comparison comparison = {.arena = arena_new(1 << 20)};
    for (size_t round = 0; round < ROUNDS; round++)
        compare_round(&comparison, &dice, spoil);
    arena_free(comparison.arena);
    return comparison;
}

static void it_never_hides_a_match(void **state)
{
    (void)state;
    struct comparison comparison = compare(false);
    if (comparison.by_bytes + comparison.by_event)
        fail_msg(
            "%zu by the raw bytes and %zu by the event are told otherwise than when all rules are tried: %s",
            comparison.by_bytes, comparison.by_event, comparison.first);
    /* The comparison would say nothing if hardly any rule loaded or matched. */
    assert_true(comparison.loaded > (size_t)ROUNDS * RULES_A_ROUND * 3 / 4);
    assert_true(comparison.parted > ROUNDS / 4 && comparison.parted < ROUNDS);
    assert_true(comparison.matched > (size_t)ROUNDS * EVENTS_A_ROUND / 2);
}

static void an_unsound_one_is_caught(void **state)
{
    (void)state;
    struct comparison comparison = compare(true);
    assert_true(comparison.by_bytes > 0);
    assert_int_equal(comparison.by_event, 0);
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
    ruleset_seal(ruleset, NULL, NULL);
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
        {"s: {a: 309}, condition: s", false},
        {"s: {a: 3}, condition: s", true},
        {"s: {a: 0.5}, condition: s", true},
        {"s: {Image: 3}, condition: s", false},
        {"s: {Image|cidr: 192.0.2.0/24}, condition: s", false},
        {"s: {Image|gt: 3}, condition: s", false},
        {"s: {Image|exists: true}, condition: s", false},
        {"s: {Image|exists: false}, condition: s", true},
        {"s: {Image: [3, null]}, condition: s", true},
        {"s: {user.name: 3}, condition: s", true},
        {"s: {event.code: 3}, condition: s", false},
        {"s: {event.action: ssh_login}, condition: s", false},
        {"s: {log.syslog.facility.name: authpriv}, condition: s", true},
        {"s: {a: '\"\\x'}, condition: s", true},
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

static void a_name_is_not_taken_for_a_value(void **state)
{
    (void)state;
    static const sv rule = SV_INIT("title: t\nid: r\nlogsource: {product: linux, service: auditd}\n"
                                   "detection: {s: {type: [TTY, USER_TTY]}, condition: s}\n"),
                    block = SV_INIT("type=CWD msg=audit(1.2:3): tty=pts1 cwd=\"/\"\n"
                                    "type=TTY msg=audit(1.2:3): pid=1 data=ls\n");
    struct ruleset *ruleset = ruleset_new();
    ruleset_load_text(ruleset, "rule.yml", rule, NULL, NULL);
    ruleset_seal(ruleset, NULL, NULL);
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    sv rest = block, lines[] = {sv_split(&rest, '\n'), sv_split(&rest, '\n')};
    struct ruleset_screened screened;
    ruleset_screen(matcher,
                   &(struct ruleset_block){.bytes = block, .records = lines, .count = 2, .arrival = 1},
                   &screened);
    assert_false(screened.worth[0]);
    assert_true(screened.worth[1]);
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
}

static bool looks_for(const struct family *family, const char *text)
{
    for (size_t i = 0; i < family->literal_count; i++)
        if (sv_eq(family->literals[i].text, sv_of(text)))
            return true;
    return false;
}

static void each_log_source_is_looked_at_for_what_tells_most_there(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    struct ruleset *ruleset = ruleset_new();
    buf_printf(&text, "title: t\nid: r\nlogsource: {product: linux, category: process_creation}\n"
                      "detection: {s: {Image|endswith: /xylophone, User: root}, condition: s}\n");
    for (size_t i = 0; i < prefilter_families_from; i++)
        buf_printf(&text,
                   "---\ntitle: t\nid: r%zu\nlogsource: {product: windows}\n"
                   "detection: {s: {a: glockenspiel%zu}, condition: s}\n",
                   i, i);
    ruleset_load_text(ruleset, "rules.yml", buf_view(&text), NULL, NULL);
    ruleset_seal(ruleset, NULL, NULL);
    const struct prefilter *prefilter = ruleset->prefilter;
    const struct family *all = &prefilter->families[PREFILTER_ALL],
                        *sudo = &prefilter->families[prefilter_family(
                            prefilter, &(struct logsource){.product = SV("linux"), .service = SV("sudo")})];
    assert_ptr_not_equal(sudo, all);
    assert_true(looks_for(all, "/xylophone") && !looks_for(all, "image"));
    assert_true(looks_for(sudo, "image") && !looks_for(sudo, "/xylophone"));
    assert_true(looks_for(all, "glockenspiel7") && !looks_for(sudo, "glockenspiel7"));
    buf_free(&text);
    ruleset_free(ruleset);
}

int main(void)
{
    prefilter_families_from = 100; /* so that some of the random sets are parted and some not */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_never_hides_a_match),
        cmocka_unit_test(an_unsound_one_is_caught),
        cmocka_unit_test(only_positive_text_is_necessary),
        cmocka_unit_test(a_name_is_not_taken_for_a_value),
        cmocka_unit_test(each_log_source_is_looked_at_for_what_tells_most_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
