/* What the watch promises of records that come together: they are judged log source by log source, and what
 * is found leaves in their own order. */
#include "watch/watch_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/ascii.h"
#include "base/buf.h"
#include "watch/ruleset_priv.h"

enum { RECORDS = 300, LONG_NAME_BYTES = 900, FIELDS = 450, WORDS = 50 };

/* A rule for a log source; enough words that it is worth a database of its own. */
static void load_rule(struct ruleset *ruleset, const char *source, const char *program)
{
    struct buf text = BUF_INIT(1 << 16);
    buf_printf(&text,
               "title: t\nid: of-%s\nlevel: high\nlogsource: {%s}\n"
               "detection:\n  condition: words\n  words:\n    - needle of %s\n",
               program, source, program);
    for (int i = 0; i < WORDS; i++)
        buf_printf(&text, "    - %s's %d\n", program, i);
    assert_int_equal(ruleset_load_text(ruleset, "rule.yml", buf_view(&text), NULL, NULL), 1);
    buf_free(&text);
}

static struct ruleset *rules_by_source(void)
{
    struct ruleset *ruleset = ruleset_new();
    prefilter_families_from = 1;
    load_rule(ruleset, "product: linux, service: sshd", "sshd");
    load_rule(ruleset, "product: linux, service: sudo", "sudo");
    load_rule(ruleset, "product: linux, service: cron", "cron");
    load_rule(ruleset, "product: windows", "windows");
    ruleset_seal(ruleset, NULL, NULL);
    assert_true(ruleset->prefilter && prefilter_families(ruleset->prefilter) > 3);
    return ruleset;
}

static void put_line(struct buf *lines, int number)
{
    static const char *const programs[] = {"sshd", "sudo", "cron", "sshd", "su"};
    const char *program = programs[number % 5];
    buf_printf(lines, "Nov 30 10:00:00 host %s[1]: %s of %s number %d\n", program,
               number % 7 == 6 ? "hay" : "needle", program, number);
}

/* Its fields' names take a hundred times the room that it takes itself. */
static void put_wide_line(struct buf *lines, int number)
{
    char name[LONG_NAME_BYTES];
    memset(name, 'n', sizeof name);
    buf_printf(lines,
               "{\"EventID\":1,\"Channel\":\"Security\",\"number %d\":\"needle of windows\",\"%.*s\":{",
               number, (int)sizeof name, name);
    for (int i = 0; i < FIELDS; i++)
        buf_printf(lines, "%s\"a%d\":\"v\"", i ? "," : "", i);
    buf_put(lines, SV("}}\n"));
}

static void send_all(struct fixture *fixture, struct buf *lines, size_t findings)
{
    FILE *file = tmpfile();
    sv text = buf_view(lines);
    assert_non_null(file);
    assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
    assert_int_equal(fflush(file), 0);
    rewind(file);
    watch_socket(fixture->watch, "stdin", dup(fileno(file)));
    fixture_start(fixture, NULL);
    fixture_await(fixture, findings);
    fclose(file);
    buf_free(lines);
}

static uint64_t number_of(const char *raw)
{
    sv text = sv_of(raw);
    uint64_t number = RECORDS;
    size_t at = sv_find(text, SV("number ")) + strlen("number "), n = 0;
    while (ascii_digit(raw[at + n]))
        n++;
    assert_true(sv_to_u64(sv_first(sv_from(text, at), n), &number) && number < RECORDS);
    return number;
}

static void findings_leave_in_the_order_of_their_records(void **state)
{
    struct fixture *fixture = *state;
    struct buf lines = BUF_INIT(1 << 20);
    size_t expected = 0;
    fixture_configure_rules(fixture, "- stdin: {}", rules_by_source());
    for (int i = 0; i < RECORDS; i++) {
        put_line(&lines, i);
        expected += i % 7 != 6 && i % 5 != 4; /* no rule sees su */
    }
    send_all(fixture, &lines, expected);
    for (size_t i = 1; i < fixture->count; i++)
        assert_true(number_of(fixture->raw[i - 1]) < number_of(fixture->raw[i]));
}

static void nothing_is_lost_beside_events_that_take_much_room(void **state)
{
    struct fixture *fixture = *state;
    struct buf lines = BUF_INIT(1 << 20);
    bool seen[RECORDS] = {false};
    size_t expected = 0;
    fixture_configure_rules(fixture, "- stdin: {}", rules_by_source());
    for (int i = 0; i < RECORDS; i++) {
        bool wide = i % 3 == 0;
        wide ? put_wide_line(&lines, i) : put_line(&lines, i);
        expected += wide || (i % 7 != 6 && i % 5 != 4);
    }
    send_all(fixture, &lines, expected);
    for (size_t i = 0; i < fixture->count; i++) {
        uint64_t number = number_of(fixture->raw[i]);
        assert_false(seen[number]);
        seen[number] = true;
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(findings_leave_in_the_order_of_their_records),
        TEST(nothing_is_lost_beside_events_that_take_much_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
