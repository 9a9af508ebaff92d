/* Content through DATA: what is stuffed is unstuffed, one byte sequence ends it, and no other one does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"
#include "wire/smtp_data.h"

static void write_all(sv content, size_t cap, struct buf *ret, size_t *ret_last_piece)
{
    struct smtp_data_writer writer;
    smtp_data_writer_open(&writer, content);
    char piece[4096];
    size_t n;
    while ((n = smtp_data_write(&writer, piece, cap)) > 0) {
        assert_true(n <= cap);
        assert_int_equal(buf_put(ret, (sv){piece, n}), 0);
        *ret_last_piece = n;
    }
    assert_true(smtp_data_writer_done(&writer));
}

/* Feeds `in` in steps of at most `step` bytes; returns how many bytes were used up to the END, SV_NPOS if
 * none came. */
static size_t read_all(sv in, size_t step, struct buf *ret_text, unsigned *ret_faults)
{
    struct smtp_data_reader reader;
    smtp_data_reader_open(&reader);
    size_t at = 0, used, ended = SV_NPOS;
    while (at < in.n && ended == SV_NPOS) {
        sv chunk = sv_first(sv_from(in, at), step), text;
        while (ended == SV_NPOS) {
            enum smtp_data_event event = smtp_data_read(&reader, chunk, &used, &text);
            at += used;
            chunk = sv_from(chunk, used);
            assert_int_equal(buf_put(ret_text, text), 0);
            if (event == SMTP_DATA_END)
                ended = at;
            if (event == SMTP_DATA_NEED_DATA)
                break;
        }
    }
    *ret_faults = reader.faults;
    return ended;
}

static void what_is_put_in_front_comes_first_and_is_stuffed_too(void **state)
{
    (void)state;
    for (size_t cap = SMTP_DATA_PIECE_MIN; cap < 40; cap++) {
        struct smtp_data_writer writer;
        struct buf out = BUF_INIT(4096);
        char piece[64];
        smtp_data_writer_open(&writer, SV(".body\r\nno end"));
        smtp_data_writer_front(&writer, SV("Front: 1\r\n.odd\r\n"));
        for (size_t n; (n = smtp_data_write(&writer, piece, cap)) > 0;)
            buf_put(&out, (sv){piece, n});
        assert_true(sv_eq(buf_view(&out), SV("Front: 1\r\n..odd\r\n..body\r\nno end\r\n.\r\n")));
        buf_free(&out);
    }
}

static const sv contents[] = {
    SV_INIT(""),
    SV_INIT("a\r\n"),
    SV_INIT(".\r\n"),
    SV_INIT("..\r\n.\r\n...\r\n"),
    SV_INIT("Subject: x\r\n\r\n.hidden\r\nplain\r\n.\r\n"),
    SV_INIT("\r\n\r\n.\r\n\r\n"),
    SV_INIT(".a\r\n.b\r\n.c\r\n.d\r\n.e\r\n.f\r\n.g\r\n.h\r\n"),
    SV_INIT("0123456789012345678901234567890123456789\r\n.\r\n0123456789\r\n"),
};

static void what_is_stuffed_comes_out_again_however_it_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        for (size_t cap = SMTP_DATA_PIECE_MIN; cap < 64; cap++) {
            struct buf sent = BUF_INIT(4096), got = BUF_INIT(4096);
            size_t last;
            unsigned faults;
            write_all(contents[i], cap, &sent, &last);
            sv wire = buf_view(&sent);
            assert_int_equal(read_all(wire, 1 + cap % 7, &got, &faults), wire.n);
            assert_int_equal(faults, 0);
            assert_true(sv_eq(buf_view(&got), contents[i]));
            buf_free(&sent);
            buf_free(&got);
        }
    }
}

static void the_last_of_the_content_and_the_dot_are_one_piece(void **state)
{
    (void)state;
    char content[200];
    for (size_t n = 1; n < sizeof content; n++) {
        memset(content, 'x', n);
        struct buf sent = BUF_INIT(4096);
        size_t last;
        write_all((sv){content, n}, SMTP_DATA_PIECE_MIN, &sent, &last);
        assert_true(last > strlen("\r\n.\r\n"));
        assert_true(sv_ends(buf_view(&sent), SV("x\r\n.\r\n")));
        buf_free(&sent);
    }
}

static void a_last_line_without_an_end_gets_one(void **state)
{
    (void)state;
    struct buf sent = BUF_INIT(64);
    size_t last;
    write_all(SV("a\r\n.b"), 64, &sent, &last);
    assert_true(sv_eq(buf_view(&sent), SV("a\r\n..b\r\n.\r\n")));
    buf_free(&sent);
}

static const struct {
    sv content;
    unsigned faults;
    size_t line;
} faulty[] = {
    {SV_INIT("a\r\nb\r\n"), 0, 0},
    {SV_INIT("a\nb"), SMTP_DATA_BARE_LF, 1},
    {SV_INIT("a\r\nb\rc"), SMTP_DATA_BARE_CR, 2},
    {SV_INIT("a\r"), SMTP_DATA_BARE_CR, 1},
    {SV_INIT("a\r\r\n"), SMTP_DATA_BARE_CR, 1},
    {SV_INIT("a\r\n\0b\r\n"), SMTP_DATA_NUL, 2},
    {SV_INIT("\r\n.\n\r\n"), SMTP_DATA_BARE_LF, 2},
    {SV_INIT("\n.\n"), SMTP_DATA_BARE_LF, 1},
};

static void content_that_peers_would_read_differently_is_a_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof faulty / sizeof *faulty; i++) {
        struct smtp_data_facts facts;
        smtp_data_check(faulty[i].content, &facts);
        assert_int_equal(facts.faults, faulty[i].faults);
        assert_int_equal(facts.fault_line, faulty[i].line);
        assert_false(facts.eight_bit);
    }
    struct smtp_data_facts facts;
    smtp_data_check(SV("caf\xc3\xa9\r\n"), &facts);
    assert_true(facts.eight_bit);
    char text[64];
    smtp_data_check(SV("a\r\nb\nc"), &facts);
    assert_string_equal(smtp_data_fault_text(&facts, text, sizeof text),
                        "line 2 has an LF without a CR before it");
}

static void a_line_of_998_octets_passes_and_one_of_999_does_not(void **state)
{
    (void)state;
    char line[1005];
    memset(line, 'x', sizeof line);
    struct smtp_data_facts facts;
    for (size_t n = 998; n <= 999; n++) {
        line[n] = '\r';
        line[n + 1] = '\n';
        unsigned expected = n == 998 ? 0 : SMTP_DATA_LONG_LINE, faults;
        smtp_data_check((sv){line, n + 2}, &facts);
        assert_int_equal(facts.faults, expected);
        struct buf text = BUF_INIT(4096);
        read_all((sv){line, n + 2}, 100, &text, &faults);
        assert_int_equal(faults, expected);
        assert_int_equal(buf_view(&text).n, n + 2);
        buf_free(&text);
        line[n] = 'x';
    }
}

/* A byte at a time, as the rules are told. */
static struct smtp_data_facts slow_check(sv content)
{
    struct smtp_data_facts facts = {0};
    size_t line = 1, octets = 0;
    for (size_t i = 0; i < content.n; i++) {
        unsigned fault = 0;
        char c = content.p[i], before = i ? content.p[i - 1] : '\0';
        if (c == '\n' && before == '\r') {
            line++;
            octets = 0;
            continue;
        }
        facts.eight_bit |= (unsigned char)c >= 0x80;
        fault |= c == '\0' ? SMTP_DATA_NUL : 0;
        fault |= c == '\n' ? SMTP_DATA_BARE_LF : 0;
        fault |= c == '\r' && (i + 1 == content.n || content.p[i + 1] != '\n') ? SMTP_DATA_BARE_CR : 0;
        fault |= c != '\r' && octets == SMTP_DATA_LINE_MAX ? SMTP_DATA_LONG_LINE : 0;
        octets++;
        if (fault && !facts.faults)
            facts.fault_line = line;
        facts.faults |= fault;
    }
    return facts;
}

static void whole_runs_are_judged_as_their_bytes_are(void **state)
{
    (void)state;
    static const char strange[] = "\r\n\r\n\n\0\t\x80\xff \x0e\x0d";
    uint64_t random = 7;
    for (int round = 0; round < 20000; round++) {
        char text[1100];
        memset(text, 'x', sizeof text);
        for (int i = 0; i < round % 12; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            size_t at = (random >> 33) % sizeof text;
            text[at] = strange[(random >> 20) % (sizeof strange - 1)];
            if (text[at] == '\r' && at + 1 < sizeof text && random % 2)
                text[at + 1] = '\n';
        }
        sv content = sv_make(text, 900 + (random >> 40) % 201);
        struct smtp_data_facts facts, expected = slow_check(content);
        smtp_data_check(content, &facts);
        assert_int_equal(facts.faults, expected.faults);
        assert_int_equal(facts.eight_bit, expected.eight_bit);
        assert_int_equal(facts.fault_line, expected.fault_line);
    }
}

/* Each stands between "a" and "b\r\n.\r\n"; none may end the content early, each must be told. */
static const struct {
    sv bytes;
    unsigned fault;
} smuggled[] = {
    {SV_INIT("\n.\n"), SMTP_DATA_BARE_LF},       {SV_INIT("\n.\r\n"), SMTP_DATA_BARE_LF},
    {SV_INIT("\r.\r\n"), SMTP_DATA_BARE_CR},     {SV_INIT("\r.\r"), SMTP_DATA_BARE_CR},
    {SV_INIT("\r\n.\n"), SMTP_DATA_BARE_LF},     {SV_INIT("\r\n.\r"), SMTP_DATA_BARE_CR},
    {SV_INIT("\r\n\0.\r\n"), SMTP_DATA_NUL},     {SV_INIT("\r\n.\0\r\n"), SMTP_DATA_NUL},
    {SV_INIT("\r\n.\r\r\n"), SMTP_DATA_BARE_CR},
};

static void no_false_end_ends_the_content_and_each_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof smuggled / sizeof *smuggled; i++) {
        char wire[64];
        sv bytes = smuggled[i].bytes;
        wire[0] = 'a';
        memcpy(wire + 1, bytes.p, bytes.n);
        memcpy(wire + 1 + bytes.n, "b\r\n.\r\nQUIT\r\n", 12);
        struct buf whole = BUF_INIT(64);
        for (size_t step = sizeof wire; step > 0; step--) {
            struct buf text = BUF_INIT(64);
            unsigned faults;
            size_t used = read_all((sv){wire, 13 + bytes.n}, step, &text, &faults);
            assert_int_equal(used, 1 + bytes.n + 6);
            assert_int_equal(faults, smuggled[i].fault);
            if (step == sizeof wire)
                buf_put(&whole, buf_view(&text));
            assert_true(sv_eq(buf_view(&text), buf_view(&whole)));
            buf_free(&text);
        }
        buf_free(&whole);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_in_front_comes_first_and_is_stuffed_too),
        cmocka_unit_test(what_is_stuffed_comes_out_again_however_it_is_cut),
        cmocka_unit_test(the_last_of_the_content_and_the_dot_are_one_piece),
        cmocka_unit_test(a_last_line_without_an_end_gets_one),
        cmocka_unit_test(content_that_peers_would_read_differently_is_a_fault),
        cmocka_unit_test(whole_runs_are_judged_as_their_bytes_are),
        cmocka_unit_test(a_line_of_998_octets_passes_and_one_of_999_does_not),
        cmocka_unit_test(no_false_end_ends_the_content_and_each_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
