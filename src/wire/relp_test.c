/* RELP: the same transactions however the bytes arrive, in order, and what breaks the protocol ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/relp.h"

enum { MAX = 16 };

#define OPEN      "1 open 30 relp_version=0\ncommands=syslog\n"
#define LONG_TAIL "1234567890abcdefghij"

/* "O" for a session that opened, each record and "|" ("~|" if cut), "C" for its close, "!" and the fault; in
 * the end how many transactions came whole. */
static void feed(sv in, size_t step, struct buf *out)
{
    struct relp relp;
    struct relp_record record;
    struct buf held = BUF_INIT(RELP_HEADER_BYTES_MAX + RELP_OFFERS_BYTES_MAX + 65536);
    enum relp_event event = RELP_NEED_DATA;
    relp_init(&relp, MAX);
    for (size_t at = 0; at < in.n && event == RELP_NEED_DATA; at += step) {
        size_t used = 0;
        assert_int_equal(buf_put(&held, sv_first(sv_from(in, at), step)), 0);
        while ((event = relp_take(&relp, buf_view(&held), &record, &used)) == RELP_RECORD ||
               event == RELP_OPENED) {
            if (event == RELP_OPENED)
                buf_put(out, SV("O"));
            else
                buf_printf(out, "%.*s%s|", SV_ARG(record.text), record.cut ? "~" : "");
            buf_consume(&held, used);
        }
        buf_consume(&held, used);
    }
    if (event == RELP_CLOSED)
        buf_put(out, SV("C"));
    if (event == RELP_INVALID)
        buf_printf(out, "!%s", relp.fault);
    buf_printf(out, " %u", (unsigned)relp.received);
    buf_free(&held);
}

static const struct {
    sv in;
    const char *out;
} cases[] = {
    {SV_INIT(OPEN), "O 1"},
    {SV_INIT(OPEN "2 syslog 4 <1>a\n3 syslog 5 <2>b\n\n4 close 0\n"), "O<1>a|<2>b|C 4"},
    {SV_INIT(OPEN "2 syslog 7 <1>a\nb\r\n3 syslog 6 <2>b\r\n\n"), "O<1>a\nb|<2>b| 3"},
    {SV_INIT("1 open 108 relp_version=1\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\n"
             "hypothetical\ncommands=eventlog,syslog\n2 syslog 1 a\n"),
     "Oa| 2"},
    {SV_INIT("1 open 31 \nrelp_version=2\ncommands=syslog\n2 close 0\n"), "OC 2"},
    /* Nothing in it, or open again: only answered. */
    {SV_INIT(OPEN "2 syslog 0\n3 syslog 2 \n\n\n4 open 30 relp_version=0\ncommands=syslog\n5 syslog 1 a\n"),
     "Oa| 5"},
    /* Longer than is held: counts once its end is there. */
    {SV_INIT(OPEN "2 syslog 20 " LONG_TAIL "\n3 syslog 1 a\n"), "O1234567890abcdef~|a| 3"},
    {SV_INIT(OPEN "2 syslog 20 " LONG_TAIL), "O1234567890abcdef~| 1"},
    {SV_INIT(OPEN "2 syslog 20 " LONG_TAIL "x3 syslog 1 a\n"),
     "O1234567890abcdef~|!its frame does not end where it said 1"},
    /* Hints are let go by. */
    {SV_INIT("0 hello 20 " LONG_TAIL "\n" OPEN "0 hello 0\n2 close 0\n"), "OC 2"},
    {SV_INIT("1 close 0\n"), "C 1"},
    {SV_INIT("1 syslog 1 a\n"), "!it sends events before it has opened a session 0"},
    {SV_INIT(OPEN "3 syslog 1 a\n"), "O!its transaction numbers do not follow one another 1"},
    {SV_INIT(OPEN "2 syslog 1 a\n2 syslog 1 a\n"), "Oa|!its transaction numbers do not follow one another 2"},
    {SV_INIT(OPEN "2 starttls 0\n"), "O!it gives a command that was not offered 1"},
    {SV_INIT(OPEN "2 rsp 0\n"), "O!it gives a command that was not offered 1"},
    {SV_INIT(OPEN "2 syslog 2 a\n"), "O 1"},
    {SV_INIT(OPEN "2 syslog 1 ab\n"), "O!its frame does not end where it said 1"},
    {SV_INIT(OPEN "2 syslog 0 \n"), "O!its frame does not end where it said 1"},
    {SV_INIT(OPEN "2 syslog 16777217 a"), "O!its frame is longer than 16 MiB 1"},
    {SV_INIT("0 hint 16777217 a"), "!its frame is longer than 16 MiB 0"},
    {SV_INIT("1 open 4097 a"), "!its open or close brings more than 4096 bytes 0"},
    {SV_INIT(OPEN "2 close 4097 a"), "O!its open or close brings more than 4096 bytes 1"},
    {SV_INIT("1 open 15 commands=syslog\n"), "!it does not say which version of RELP it speaks 1"},
    {SV_INIT("1 open 28 relp_version\ncommands=syslog\n"),
     "!it does not say which version of RELP it speaks 1"},
    {SV_INIT("1 open 14 relp_version=1\n"), "!it does not offer the command syslog 1"},
    {SV_INIT("1 open 0\n"), "!it does not say which version of RELP it speaks 1"},
    {SV_INIT("<13>Nov 24 03:00:00 host app: a\n"), "!it sends what is no frame 0"},
    {SV_INIT("GET / HTTP/1.1\r\n\r\n"), "!it sends what is no frame 0"},
    {SV_INIT("1234567890 open 0\n"), "!it sends what is no frame 0"},
    {SV_INIT("1 open 1234567890 "), "!it sends what is no frame 0"},
    {SV_INIT("1 abcdefghijklmnopqrstuvwxyzabcdefg 0\n"), "!it sends what is no frame 0"},
    {SV_INIT("1  open 0\n"), "!it sends what is no frame 0"},
    {SV_INIT("1 open -1\n"), "!it sends what is no frame 0"},
    {SV_INIT("1 syslog"), " 0"},
    {SV_INIT(""), " 0"},
};

static void transactions_are_the_same_however_the_bytes_arrive(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t step = 1; step <= 160; step++) {
            buf_clear(&out);
            feed(cases[i].in, step, &out);
            if (!sv_eq(buf_view(&out), sv_of(cases[i].out)))
                fail_msg("case %zu by %zu: got %.*s, expected %s", i, step, SV_ARG(buf_view(&out)),
                         cases[i].out);
        }
    buf_free(&out);
}

static void the_open_is_answered_with_the_lesser_version(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } offers[] = {
        {"1 open 30 relp_version=0\ncommands=syslog\n",
         "1 rsp 59 200 OK\nrelp_version=0\nrelp_software=vedette\ncommands=syslog\n"},
        {"1 open 30 relp_version=7\ncommands=syslog\n",
         "1 rsp 59 200 OK\nrelp_version=1\nrelp_software=vedette\ncommands=syslog\n"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct relp relp;
        struct relp_record record;
        size_t used;
        char out[RELP_WORDS_BYTES_MAX];
        relp_init(&relp, MAX);
        assert_int_equal(relp_take(&relp, sv_of(offers[i].in), &record, &used), RELP_OPENED);
        assert_true(sv_eq(sv_make(out, relp_write_offers(&relp, out)), sv_of(offers[i].out)));
        assert_true(sv_eq(sv_make(out, relp_write_end(&relp, out)), SV("0 serverclose 0\n")));
    }
}

static void a_refused_open_hears_why_before_the_end(void **state)
{
    (void)state;
    struct relp relp;
    struct relp_record record;
    size_t used;
    char out[RELP_WORDS_BYTES_MAX];
    relp_init(&relp, MAX);
    assert_int_equal(relp_take(&relp, SV("1 open 14 relp_version=1\n"), &record, &used), RELP_INVALID);
    assert_true(sv_eq(sv_make(out, relp_write_end(&relp, out)),
                      SV("1 rsp 40 500 it does not offer the command syslog\n0 serverclose 0\n")));
}

/* Every number that a transaction may bear, those around the largest with care. */
static void after_the_largest_number_comes_1_again(void **state)
{
    (void)state;
    static const struct {
        uint64_t transaction;
        const char *out;
    } ends[] = {{1, "1 rsp 6 200 OK\n"},
                {10, "10 rsp 6 200 OK\n"},
                {999999999, "999999999 rsp 6 200 OK\n"},
                {1000000000, "1 rsp 6 200 OK\n"},
                {2000000001, "3 rsp 6 200 OK\n"}};
    char out[RELP_OK_BYTES_MAX];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        assert_true(sv_eq(sv_make(out, relp_write_ok(ends[i].transaction, out)), sv_of(ends[i].out)));
    struct relp relp;
    struct relp_record record;
    size_t used;
    relp_init(&relp, MAX);
    relp.opened = true;
    relp.received = 999999998;
    assert_int_equal(relp_take(&relp, SV("999999999 syslog 1 a\n"), &record, &used), RELP_RECORD);
    assert_int_equal(relp_take(&relp, SV("1 syslog 1 b\n"), &record, &used), RELP_RECORD);
    assert_int_equal(relp_take(&relp, SV("3 syslog 1 c\n"), &record, &used), RELP_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_are_the_same_however_the_bytes_arrive),
        cmocka_unit_test(the_open_is_answered_with_the_lesser_version),
        cmocka_unit_test(a_refused_open_hears_why_before_the_end),
        cmocka_unit_test(after_the_largest_number_comes_1_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
