#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "watch/mask.h"
#include "watch/rule_stream.h"
#include "watch/ruleset_fixture.h"
#include "wire/decode.h"

#define HIDDEN "[hidden: it may hold a secret that could not be masked]"

static struct masks *masks;
static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    masks = masks_new();
    masks_seal(masks, NULL);
    arena = arena_new(16 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    masks_free(masks);
    arena_free(arena);
    return 0;
}

static size_t count_of(sv text, sv needle)
{
    size_t count = 0, at;
    for (; (at = sv_find(text, needle)) != SV_NPOS; text = sv_from(text, at + 1))
        count++;
    return count;
}

/* How often the words stand in the event, in any of its parts. */
static size_t stands(const struct event *event, const char *words)
{
    size_t count = count_of(event->raw, sv_of(words)) + count_of(event->message, sv_of(words));
    for (size_t i = 0; i < event->field_count; i++)
        count += count_of(event->fields[i].value, sv_of(words));
    return count;
}

static struct event hidden_of(const char *record)
{
    struct event event;
    decode(&event, sv_of(record), DECODE_AUTO, 1, NULL, arena);
    masks_hide(masks, &event, arena);
    return event;
}

static void a_secret_in_any_format_stands_nowhere_in_the_event(void **state)
{
    (void)state;
    static const struct {
        const char *record, *secret;
    } cases[] = {
        {"<85>Nov 24 08:00:00 h sudo: bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/mysql "
         "-pHunter2x db",
         "Hunter2x"},
        {"{\"process\": {\"command_line\": \"mysql --password=\\\"Hun\\\\\\\"ter\\\" db\"}}", "Hun"},
        {"{\"a\": {\"Password\": \"Hunter2x\"}, \"b\": \"x Hunter2x y\"}", "Hunter2x"},
        {"{\"a\": {\"password\": \"Hunter2x\"}, \"b\": \"\\u0048unter2x\"}", "Hunter2x"},
        {"{\"cmd\": \"curl -u bob:Hunter2x https:\\/\\/h\"}", "Hunter2x"},
        {"CEF:0|Cyber-Ark|Vault|1|295|x|5|suser=bob cs1=net user bob Hunter2x /add msg=Hunter2x", "Hunter2x"},
        {"type=EXECVE msg=audit(1700000000.123:45): argc=3 a0=\"mysql\" a1=\"-pHunter2x\" a2=\"db\"",
         "Hunter2x"},
        {"type=PROCTITLE msg=audit(1700000000.123:45): proctitle=6D7973716C002D7048756E7465723278006462",
         "Hunter2x"},
        {"type=PROCTITLE msg=audit(1700000000.123:45): proctitle=6D7973716C002D7048756E7465723278006462",
         "48756E7465723278"},
        {"something: Authorization: Bearer abcdefgh.Hunter2x", "Hunter2x"},
        /* What parts a program from its option is gone once the other secret is hidden. */
        {"<85>Nov 24 08:00:00 h sudo: bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/mysql "
         "--password=one|two -u root -pHunter2x db",
         "Hunter2x"},
        {"<85>Nov 24 08:00:00 h sudo: bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/usr/bin/mysql "
         "https://bob:one|two@h -pHunter2x db",
         "Hunter2x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        arena_reset(arena);
        struct event event = hidden_of(cases[i].record);
        if (stands(&event, cases[i].secret))
            fail_msg("%s: still there: raw %.*s", cases[i].record, SV_ARG(event.raw));
        if (stands(&event, "***") + stands(&event, HIDDEN) == 0)
            fail_msg("%s: nothing is hidden", cases[i].record);
    }
}

/* Expressions that the seal's pass can tell exactly, only roughly, and not at all. */
static const char own[] = "masks:\n"
                          "- {name: atomic, pattern: '(?>x+)(?<secret>y1)'}\n"
                          "- {name: back, pattern: '(p|q)\\1(?<secret>y2)'}\n"
                          "- {name: behind, pattern: '(?<=k=)(?<secret>y3)(?!z)'}\n"
                          "- {name: cut, pattern: 'w\\K(?<secret>y4)'}\n"
                          "- {name: word, pattern: '(?i)\\btoken[^a](?<secret>y5)$'}\n"
                          "- {name: start, pattern: '^(?<secret>y6)'}\n"
                          "- {name: nothing, pattern: '(?<secret>y7)?'}\n"
                          "- {name: very start, pattern: '\\A(?<secret>z1)'}\n"
                          "- {name: very end, pattern: '(?<secret>z2)\\z'}\n"
                          "- {name: end, pattern: '(?<secret>z3)$'}\n"
                          "- {name: last line, pattern: '(?<secret>z4)\\Z'}\n"
                          "- {name: without lines, pattern: '(?-m)^(?<secret>z5)$'}\n"
                          "- {name: whole, pattern: '^(?<secret>z6)$'}\n"
                          "- {name: not behind, pattern: '(?<!\\s)(?<secret>z7)(?!\\s)'}\n"
                          "- {name: in a word, pattern: '\\B(?<secret>_?z8)'}\n"
                          "- {name: here, pattern: '\\G(?<secret>z9)'}\n"
                          "- {name: class, pattern: '(?<!x)[]^$b](?<secret>v1)[^]a-z]?$'}\n"
                          "- {name: sharp, pattern: '^[#b](?<secret>v2)\\b'}\n";

static const sv texts[] = {SV_INIT("a xxxy1 b"),
                           SV_INIT("ppy2 pqy2 qqy2"),
                           SV_INIT("k=y3 k=y3z y3"),
                           SV_INIT("wy4 y4"),
                           SV_INIT("TOKEN y5\n"),
                           SV_INIT("token\xc3\xa4y5"),
                           SV_INIT("to\xe2\x84\xaa"
                                   "en y5"),
                           SV_INIT("y6 y6"),
                           SV_INIT("y7 y7"),
                           SV_INIT("z1 z1"),
                           SV_INIT("z2 z2"),
                           SV_INIT("z3 z3"),
                           SV_INIT("z3\nz3\n"),
                           SV_INIT("z4 z4\n"),
                           SV_INIT("z5"),
                           SV_INIT("z6"),
                           SV_INIT("z7"),
                           SV_INIT("az8 _z8"),
                           SV_INIT("z9"),
                           SV_INIT("nothing of all this"),
                           SV_INIT("]v1"),
                           SV_INIT("bv1"),
                           SV_INIT("^v1-"),
                           SV_INIT("bv2"),
                           SV_INIT("\xffwy4")};

enum { TEXTS = sizeof texts / sizeof *texts };

/* Masks that are not sealed, with those expressions; they are added to the sealed ones, too. */
static struct masks *load_own(void)
{
    struct told told = {0};
    struct masks *slow = masks_new();
    masks_load_text(slow, "own.yml", sv_of(own), tell, &told);
    masks_load_text(masks, "own.yml", sv_of(own), tell, &told);
    masks_seal(masks, NULL);
    assert_int_equal(told.count, 0);
    return slow;
}

static size_t check_seal(struct masks *slow, struct event event)
{
    struct event quick_event = event, slow_event = event;
    size_t hidden = masks_hide(masks, &quick_event, arena);
    assert_int_equal(masks_hide(slow, &slow_event, arena), hidden);
    if (!sv_eq(quick_event.raw, slow_event.raw))
        fail_msg("'%.*s' becomes '%.*s', not '%.*s'", SV_ARG(event.raw), SV_ARG(quick_event.raw),
                 SV_ARG(slow_event.raw));
    for (size_t i = 0; i < event.field_count; i++)
        if (!sv_eq(quick_event.fields[i].value, slow_event.fields[i].value))
            fail_msg("in '%.*s' '%.*s' becomes '%.*s', not '%.*s'", SV_ARG(event.raw),
                     SV_ARG(event.fields[i].value), SV_ARG(quick_event.fields[i].value),
                     SV_ARG(slow_event.fields[i].value));
    return hidden;
}

static void the_seal_hides_what_would_be_hidden_without_it(void **state)
{
    (void)state;
    struct masks *slow = load_own();
    struct event_field fields[TEXTS];
    size_t hidden = 0;
    for (size_t i = 0; i < TEXTS; i++) {
        hidden += check_seal(slow, (struct event){.raw = texts[i]});
        fields[i] = (struct event_field){SV("name"), texts[i], EVENT_STRING};
    }
    assert_true(hidden >= 20);
    /* One event of all of them: what begins and ends one text is in the midst of others. */
    check_seal(slow, (struct event){.raw = SV("x"), .fields = fields, .field_count = TEXTS});
    masks_free(slow);
}

/* What only a piece's ends make a secret, and what only stands beside it would make none. */
static void the_seal_looks_at_pieces_of_a_record_by_themselves(void **state)
{
    (void)state;
    static const char *const around[][2] = {{"a", "b"}, {" ", " "}, {"k=x", "z"}, {"\n", "\n"}, {"", "-"}};
    struct masks *slow = load_own();
    size_t hidden = 0;
    for (size_t i = 0; i < TEXTS; i++)
        for (size_t j = 0; j < sizeof around / sizeof *around; j++) {
            sv raw = arena_printf(arena, "%s%.*s%s", around[j][0], SV_ARG(texts[i]), around[j][1]);
            struct event_field field = {SV("name"), sv_first(sv_from(raw, strlen(around[j][0])), texts[i].n),
                                        EVENT_STRING};
            hidden += check_seal(slow, (struct event){.raw = raw, .fields = &field, .field_count = 1});
        }
    assert_true(hidden >= 100);
    masks_free(slow);
}

/* Among many that hold nothing, in any part and form. */
static void events_with_a_secret_are_suspected_among_many_without(void **state)
{
    (void)state;
    static const char *const secrets[] = {
        "Oct 11 22:14:15 m sudo:  ann : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/x --password=geheim",
        "{\"password\":\"geheim\"}",
        "{\"a\":\"--password=geh\\u0065im\"}",
        "caf\xc3\xa9 --password=geheim",
        "type=PROCTITLE msg=audit(1.1:1): proctitle=63006D642D2D70617373776F72643D67656865696D",
    };
    enum { EVENTS = 200, EVERY = 31 };
    static struct event events[EVENTS];
    const struct event *list[EVENTS];
    bool suspect[EVENTS];
    size_t needless = 0;
    for (size_t i = 0; i < EVENTS; i++) {
        const char *record = i % EVERY
                                 ? "Oct 11 22:14:15 m sshd[1]: Accepted publickey for ann from 192.0.2.1"
                                 : secrets[i / EVERY % 5];
        decode(&events[i], sv_of(record), DECODE_AUTO, 1, NULL, arena);
        list[i] = &events[i];
    }
    masks_suspect(masks, list, EVENTS, suspect);
    for (size_t i = 0; i < EVENTS; i++) {
        bool hidden = masks_hide(masks, &events[i], arena) > 0;
        assert_true(suspect[i] || !hidden);
        assert_true(hidden || i % EVERY || i / EVERY % 5 == 4);
        needless += suspect[i] && !hidden;
    }
    assert_true(needless < EVENTS / 2 + EVENTS / 10);
}

static void what_is_no_secret_stays(void **state)
{
    (void)state;
    static const char *const records[] = {
        "<86>Nov 24 08:00:00 h sshd[7]: Failed password for invalid user root from 192.0.2.1 port 5 ssh2",
        "<85>Nov 24 08:00:00 h sudo: bob : TTY=pts/0 ; PWD=/root ; USER=root ; COMMAND=/bin/ls -l",
        "CEF:0|Cyber-Ark|Vault|1|295|Retrieve password|5|suser=bob reason=change password",
        "{\"user\": \"root\", \"message\": \"password changed for bob\"}",
        "su[7]: pam_unix(su:auth): authentication failure; logname=bob uid=1 user=root",
    };
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        arena_reset(arena);
        struct event event = hidden_of(records[i]);
        if (!sv_eq(event.raw, sv_of(records[i])))
            fail_msg("%s became %.*s", records[i], SV_ARG(event.raw));
        assert_int_equal(stands(&event, "***"), 0);
    }
}

static void a_name_that_is_also_a_password_stays_a_name(void **state)
{
    (void)state;
    struct event event = hidden_of("<85>Nov 24 08:00:00 h sudo: alice : TTY=pts/0 ; PWD=/ ; USER=root ; "
                                   "COMMAND=/usr/bin/mysql -palice db");
    assert_true(sv_eq(event_get(&event, SV("user.name")), SV("alice")));
    assert_int_equal(sv_find(event.raw, SV("-palice")), SV_NPOS);
}

static void of_secrets_that_begin_alike_nothing_stays(void **state)
{
    (void)state;
    struct event event =
        hidden_of("{\"a\": {\"password\": \"geheim\"}, \"b\": {\"password\": \"geheim-42\"}, "
                  "\"c\": \"x geheim-42 y\"}");
    assert_int_equal(stands(&event, "geheim") + stands(&event, "-42"), 0);
    assert_true(sv_eq(event_get(&event, SV("c")), SV("x *** y")));
}

static void take_raw(void *arg, const struct finding *finding, uint64_t ordinal)
{
    assert_int_equal(ordinal, 1);
    sv_copy(arg, 200, finding->raw);
}

/* What is learnt is told of later, and compared with what the daemon sees. */
static void events_of_the_past_are_hidden_as_those_of_now(void **state)
{
    (void)state;
    static const sv record = SV_INIT("{\"cmd\": \"mysql --password=geheim42\"}");
    struct told told = {0};
    char raw[200] = "";
    struct ruleset *ruleset = ruleset_new();
    ruleset_hide(ruleset, masks_new());
    ruleset_load_text(
        ruleset, "t.yml",
        SV("title: t\nlogsource: {product: x}\ndetection: {s: {cmd|contains: mysql}, condition: s}\n"), tell,
        &told);
    ruleset_seal(ruleset, tell, &told);
    assert_int_equal(told.count, 0);
    struct rule_stream *stream = rule_stream_new(ruleset, &correlator_limits_usual, take_raw, raw);
    struct event event;
    decode(&event, record, DECODE_AUTO, 1, NULL, arena);
    rule_stream_event(stream, &event);
    assert_string_equal(raw, "{\"cmd\": \"mysql --password=***\"}");
    rule_stream_free(stream);
    ruleset_free(ruleset);
}

static void masks_of_ones_own_join_those_built_in(void **state)
{
    (void)state;
    struct told told = {0};
    assert_int_equal(masks_load_text(masks, "own.yml",
                                     SV("masks:\n- name: own\n  pattern: 'pin (?<secret>\\d+)'\n"
                                        "  examples: [{text: my pin 1234, masked: my pin ***}]\n"
                                        "- {name: names, fields: [ssn]}\n"),
                                     tell, &told),
                     2);
    assert_int_equal(told.count, 0);
    struct event event =
        hidden_of("{\"a\": \"pin 987654\", \"x\": {\"SSN\": \"078-05-1120\"}, \"password\": \"geheim\"}");
    assert_int_equal(stands(&event, "987654") + stands(&event, "078-05-1120") + stands(&event, "geheim"), 0);
}

static void fields_are_hidden_by_the_last_part_of_their_names_however_short(void **state)
{
    (void)state;
    struct told told = {0};
    static const char *const hidden[] = {"x",      "a.x",   "bc.a.X", "pw",    "b.PW",
                                         "a.b.pw", "a.pin", "Pin",    "token", "a.b.token"},
                             *const shown[] = {"xx",   "ax",    "x.a", "a.pwx", "apw",
                                               "spin", "pin.s", "a.b", "",      "."};
    struct event_field fields[20];
    assert_int_equal(
        masks_load_text(masks, "own.yml", SV("masks:\n- {name: names, fields: [x, pw, pin]}\n"), tell, &told),
        1);
    masks_seal(masks, NULL);
    for (size_t i = 0; i < 10; i++) {
        fields[i] = (struct event_field){sv_of(hidden[i]), SV("1"), EVENT_STRING};
        fields[10 + i] = (struct event_field){sv_of(shown[i]), SV("1"), EVENT_STRING};
    }
    struct event event = {.raw = SV("r"), .fields = fields, .field_count = 20};
    assert_int_equal(masks_hide(masks, &event, arena), 10);
    for (size_t i = 0; i < 10; i++)
        assert_true(sv_eq(event.fields[i].value, SV("***")) && sv_eq(event.fields[10 + i].value, SV("1")));
}

/* What no expression could match for want of bytes is not looked at; what one just could is. */
static void a_value_as_short_as_a_secret_may_be_is_hidden(void **state)
{
    (void)state;
    struct told told = {0};
    struct event_field fields[] = {{SV("a"), SV("pwd=x"), EVENT_STRING}, {SV("b"), SV("Z1"), EVENT_STRING}};
    struct event event = {.raw = SV("r"), .fields = fields, .field_count = 1};
    assert_int_equal(masks_hide(masks, &event, arena), 1);
    assert_true(sv_eq(event.fields[0].value, SV("pwd=***")));
    assert_int_equal(masks_load_text(masks, "own.yml",
                                     SV("masks:\n- {name: own, pattern: 'Z(?<secret>\\d)'}\n"), tell, &told),
                     1);
    masks_seal(masks, NULL);
    event.fields = fields;
    event.field_count = 2;
    assert_int_equal(masks_hide(masks, &event, arena), 2);
    assert_true(sv_eq(event.fields[1].value, SV("Z***")));
}

static void mistakes_in_masks_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"masks:\n- {name: a, pattern: '('}\n", "2:23 this regular expression is wrong at character 2"},
        {"masks:\n- {name: a, pattern: 'x'}\n", "2:23 the expression has no group (?<secret>"},
        {"masks:\n- {name: a}\n", "2:3 a mask has either pattern or fields"},
        {"masks:\n- {name: a, fields: []}\n", "2:21 fields is a list of names"},
        {"masks:\n- {name: a, fields: [b], words: x}\n", "2:26 a mask has name, about, pattern"},
        {"masks:\n- {name: a, pattern: 'q(?<secret>z)', examples: [{text: qz, masked: qz}]}\n",
         "the example becomes 'q***'"},
        {"mask: []\n", "1:1 a file of masks has the key masks"},
        {"masks: [\n", "this is not YAML"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct told told = {0};
        masks_load_text(masks, "own.yml", sv_of(cases[i].text), tell, &told);
        if (told.count != 1 || !strstr(told.text, cases[i].expected))
            fail_msg("case %zu: expected \"%s\", told: %s", i, cases[i].expected, told.text);
    }
}

/* Where a bound is reached more is hidden, never less. */
static void what_is_too_much_is_hidden_whole(void **state)
{
    (void)state;
    struct told told = {0};
    char *text = malloc(EVENT_BYTES_MAX);
    size_t n = 0;
    assert_non_null(text);
    for (int i = 0; i < 200; i++)
        n += (size_t)snprintf(text + n, EVENT_BYTES_MAX - n, "x%d --password=geheim%03d ", i, i);
    struct event event = {.raw = sv_make(text, n), .message = sv_make(text, n)};
    masks_hide(masks, &event, arena);
    assert_int_equal(stands(&event, "geheim"), 0);
    /* Masks of which each uncovers the one before it: few are followed to the end, many are not. */
    n = 0;
    for (int i = 0; i < 12; i++)
        n += (size_t)snprintf(text + n, EVENT_BYTES_MAX - n,
                              "%s- {name: m%d, pattern: 'b%d;[^|]*e%d;(?<secret>\\S+)'}\n",
                              i ? "" : "masks:\n", i, i, i);
    masks_load_text(masks, "own.yml", sv_make(text, n), tell, &told);
    assert_int_equal(told.count, 0);
    for (int from = 8; from >= 0; from -= 8) {
        n = 0;
        for (int i = from; i < 12; i++)
            n += (size_t)snprintf(text + n, EVENT_BYTES_MAX - n, "b%d; ", i);
        for (int i = 11; i >= from; i--)
            n += (size_t)snprintf(text + n, EVENT_BYTES_MAX - n, "e%d;one|two ", i);
        event = (struct event){.raw = sv_make(text, n), .message = SV("fine")};
        masks_hide(masks, &event, arena);
        assert_int_equal(stands(&event, "one|two"), 0);
        assert_true(sv_eq(event.raw, SV(HIDDEN)) == (from == 0));
    }
    /* A pattern that runs away. */
    masks_load_text(masks, "own.yml", SV("masks:\n- {name: slow, pattern: '^(a+)+(?<secret>b)$'}\n"), tell,
                    &told);
    assert_int_equal(told.count, 0);
    memset(text, 'a', 60);
    memcpy(text + 60, "!b", 2);
    event = (struct event){.raw = sv_make(text, 62), .message = SV("fine")};
    masks_hide(masks, &event, arena);
    assert_true(sv_eq(event.raw, SV(HIDDEN)));
    assert_true(sv_eq(event.message, SV("fine")));
    free(text);
}

static void without_memory_nothing_is_shown(void **state)
{
    (void)state;
    struct arena *small = arena_new(64);
    struct event_field fields[4] = {{SV("password"), SV("geheim!"), EVENT_STRING}};
    struct event event = {
        .raw = SV("password=geheim!"), .message = SV("geheim!"), .fields = fields, .field_count = 4};
    masks_hide(masks, &event, small);
    assert_int_equal(stands(&event, "geheim"), 0);
    arena_free(small);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_secret_in_any_format_stands_nowhere_in_the_event),
        TEST(the_seal_hides_what_would_be_hidden_without_it),
        TEST(the_seal_looks_at_pieces_of_a_record_by_themselves),
        TEST(events_with_a_secret_are_suspected_among_many_without),
        TEST(what_is_no_secret_stays),
        TEST(a_name_that_is_also_a_password_stays_a_name),
        TEST(of_secrets_that_begin_alike_nothing_stays),
        TEST(events_of_the_past_are_hidden_as_those_of_now),
        TEST(masks_of_ones_own_join_those_built_in),
        TEST(fields_are_hidden_by_the_last_part_of_their_names_however_short),
        TEST(a_value_as_short_as_a_secret_may_be_is_hidden),
        TEST(mistakes_in_masks_are_told),
        TEST(what_is_too_much_is_hidden_whole),
        TEST(without_memory_nothing_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
