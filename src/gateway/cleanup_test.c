/* What appliances leave out of a header is added, what they should not have put in is dropped, and no other
 * byte is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/cleanup.h"

enum { OUT_MAX = 64 * 1024 };

#define DATE "Date: Mon, 1 Jun 2026 08:00:00 +0000\r\n"
#define ID   "Message-ID: <q1@gw.example.org>\r\n"
#define FROM "From: <vault@example.org>\r\n"

static struct cleanup repair(void)
{
    return (struct cleanup){.repair = true,
                            .sender = SV("vault@example.org"),
                            .id = SV("q1"),
                            .our_name = SV("gw.example.org"),
                            .now = 1780300800 * NANOS_PER_SECOND};
}

static void expect(const char *promise, const char *header, const struct cleanup *cleanup, const char *wanted)
{
    struct buf out = BUF_INIT(OUT_MAX), again = BUF_INIT(OUT_MAX);
    assert_int_equal(cleanup_write(&out, sv_of(header), cleanup), 0);
    if (!sv_eq(buf_view(&out), sv_of(wanted)))
        fail_msg("%s: %.*s", promise, SV_ARG(buf_view(&out)));
    struct cleanup second = *cleanup;
    second.tag = SV_NONE;
    size_t empty = sv_find(buf_view(&out), SV("\r\n\r\n"));
    sv head = empty == SV_NPOS ? buf_view(&out) : sv_first(buf_view(&out), empty + 2);
    assert_int_equal(cleanup_write(&again, head, &second), 0);
    if (!sv_eq(buf_view(&again), head))
        fail_msg("%s, again: %.*s", promise, SV_ARG(buf_view(&again)));
    buf_free(&out);
    buf_free(&again);
}

static void what_is_missing_is_added_and_what_is_there_is_kept(void **state)
{
    (void)state;
    const struct cleanup cleanup = repair();
    static const struct {
        const char *promise, *header, *wanted;
    } cases[] = {
        {"nothing at all", "", DATE ID FROM},
        {"CyberArk's engine", "Subject: Password expired\r\nTo: soc@example.org\r\n" FROM,
         "Subject: Password expired\r\nTo: soc@example.org\r\n" FROM DATE ID},
        {"a whole one", "date: x\r\nMESSAGE-ID:<1@x>\r\nFrom : a@example.org\r\n",
         "date: x\r\nMESSAGE-ID:<1@x>\r\nFrom : a@example.org\r\n"},
        {"folds and odd spaces", "Subject:\r\n  a\r\n\tb \r\n" DATE ID FROM,
         "Subject:\r\n  a\r\n\tb \r\n" DATE ID FROM},
        {"blind copies", "Bcc: x@y\r\n ,z@y\r\nTo: a@b\r\nresent-bcc: q@y\r\n" DATE ID FROM,
         "To: a@b\r\n" DATE ID FROM},
        {"empty ones count as missing", "Date:\r\nMessage-ID: \r\nFrom:\r\n", DATE ID FROM},
        {"a From that nobody can answer stays unless the sender is rewritten", "From: root@localhost\r\n",
         "From: root@localhost\r\n" DATE ID},
        {"an end within a line", "Subject: x", "Subject: x\r\n" DATE ID FROM},
        {"8-bit bytes", "Subject: \xe4\xff\r\n" DATE ID FROM, "Subject: \xe4\xff\r\n" DATE ID FROM},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(cases[i].promise, cases[i].header, &cleanup, cases[i].wanted);
}

static void a_body_without_a_header_gets_one_and_stays_whole(void **state)
{
    (void)state;
    const struct cleanup cleanup = repair();
    expect("text", "The disk is full\r\nreally\r\n", &cleanup,
           DATE ID FROM "\r\nThe disk is full\r\nreally\r\n");
    expect("text after a field", "Subject: x\r\nno field here\r\nTo: a@b\r\n", &cleanup,
           "Subject: x\r\n" DATE ID FROM "\r\nno field here\r\nTo: a@b\r\n");
    expect("a line of mbox", "From root Mon Jun 1 10:00:00\r\nSubject: x\r\n", &cleanup,
           DATE ID FROM "\r\nFrom root Mon Jun 1 10:00:00\r\nSubject: x\r\n");
}

static void without_repair_nothing_changes(void **state)
{
    (void)state;
    struct cleanup cleanup = repair();
    cleanup.repair = false;
    expect("a header", "Bcc: a@b\r\nSubject: x\r\n", &cleanup, "Bcc: a@b\r\nSubject: x\r\n");
    expect("a body", "no field\r\n", &cleanup, "no field\r\n");
    expect("nothing", "", &cleanup, "");
}

static void a_tag_comes_first(void **state)
{
    (void)state;
    struct cleanup cleanup = repair();
    cleanup.repair = false;
    cleanup.tag = SV("X-Relay: outside hours");
    expect("a header", "Subject: x\r\n", &cleanup, "X-Relay: outside hours\r\nSubject: x\r\n");
}

static void a_rewritten_sender_replaces_a_from_that_nobody_can_answer(void **state)
{
    (void)state;
    struct cleanup cleanup = repair();
    cleanup.repair = false;
    cleanup.new_from = true;
    expect("localhost", "From: root@localhost\r\nSubject: x\r\n", &cleanup, "Subject: x\r\n" FROM);
    expect("a literal", "From: \"P\" <p@[192.0.2.1]>\r\n", &cleanup, FROM);
    expect("a local name", "From: Printer <p@printer.local>\r\n", &cleanup, FROM);
    expect("no address", "From: Printer\r\n", &cleanup, FROM);
    expect("a real one", "From: Ann <ann@example.org>\r\n", &cleanup, "From: Ann <ann@example.org>\r\n");
}

static void no_envelope_can_write_a_header(void **state)
{
    (void)state;
    struct cleanup cleanup = repair();
    cleanup.sender = SV("a@b>\r\nBcc: victim@example.org");
    expect("a broken sender", DATE ID, &cleanup, DATE ID "From: <MAILER-DAEMON@gw.example.org>\r\n");
    cleanup.sender = SV_NONE;
    expect("the null sender", DATE ID, &cleanup, DATE ID "From: <MAILER-DAEMON@gw.example.org>\r\n");
}

static void an_output_that_is_full_is_told(void **state)
{
    (void)state;
    const struct cleanup cleanup = repair();
    struct buf out = BUF_INIT(40);
    assert_int_equal(cleanup_write(&out, SV(""), &cleanup), -1);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_missing_is_added_and_what_is_there_is_kept),
        cmocka_unit_test(a_body_without_a_header_gets_one_and_stays_whole),
        cmocka_unit_test(without_repair_nothing_changes),
        cmocka_unit_test(a_tag_comes_first),
        cmocka_unit_test(a_rewritten_sender_replaces_a_from_that_nobody_can_answer),
        cmocka_unit_test(no_envelope_can_write_a_header),
        cmocka_unit_test(an_output_that_is_full_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
