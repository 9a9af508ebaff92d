/* Words of an event in a mail: whole characters, nothing that acts, nothing that deceives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "alert/text.h"

#include <gmime/gmime.h>

struct text_case {
    sv in;
    size_t max;
    enum text_place place;
    const char *out;
};

static void every_place_gets_what_it_can_bear(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {SV_INIT("a <b> & \"c\" 'd'"), 99, TEXT_LINE, "a <b> & \"c\" 'd'"},
        {SV_INIT("a <b> & \"c\" 'd'"), 99, TEXT_HTML_LINE, "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;"},
        {SV_INIT("x\r\nBcc: v@evil.example"), 99, TEXT_HEADER, "x Bcc: v@evil.example"},
        {SV_INIT("x\r\nBcc"), 99, TEXT_LINE, "x␍␊Bcc"},
        {SV_INIT("x\r\n\tB"), 99, TEXT_BLOCK, "x␍\n\tB"},
        {SV_INIT("x\ny"), 99, TEXT_HTML_BLOCK, "x<br>\ny"},
        {SV_INIT("a\0b\x7f"), 99, TEXT_LINE, "a␀b␡"},
        {SV_INIT("  a \t  b"), 99, TEXT_HEADER, "a b"},
        {SV_INIT("\xff\xfe\xc3"), 99, TEXT_LINE, "\ufffd\ufffd\ufffd"},
        {SV_INIT("\xc0\xaf\xed\xa0\x80"), 99, TEXT_LINE, "\ufffd\ufffd\ufffd\ufffd\ufffd"},
        {SV_INIT("exe.\xe2\x80\xaegpj"), 99, TEXT_LINE, "exe.\ufffdgpj"},
        {SV_INIT("a\xc2\x85z\xe2\x80\xa8y"), 99, TEXT_HTML_BLOCK, "a\ufffdz\ufffdy"},
        {SV_INIT("Zoë €5 😀"), 99, TEXT_HEADER, "Zoë €5 😀"},
        {SV_INIT("Zoë"), 3, TEXT_LINE, "Zo…"},
        {SV_INIT("Zoë"), 4, TEXT_LINE, "Zoë"},
        {SV_INIT("abcdef"), 5, TEXT_LINE, "abcde…"},
        {SV_INIT("abcdef"), 6, TEXT_LINE, "abcdef"},
        {SV_INIT("<<<"), 2, TEXT_HTML_LINE, "&lt;&lt;…"},
        {SV_INIT("a"), 0, TEXT_LINE, "…"},
        {SV_INIT(""), 0, TEXT_LINE, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out = BUF_INIT(1000);
        text_put(&out, cases[i].in, cases[i].max, cases[i].place);
        buf_put_char(&out, '\0');
        assert_string_equal(buf_view(&out).p, cases[i].out);
        buf_free(&out);
    }
}

/* Every line within RFC 5322's and RFC 2047's lengths, folded by a space, no control but CRLF, ASCII. */
static void check_lines(sv header)
{
    assert_true(sv_ends(header, SV("\r\n")));
    header = sv_first(header, header.n - 2);
    for (bool first = true; header.p; first = false) {
        size_t at = sv_find(header, SV("\r\n"));
        sv line = sv_first(header, at);
        header = at == SV_NPOS ? SV_NONE : sv_from(header, at + 2);
        assert_true(sv_printable(line));
        for (size_t i = 0; i < line.n; i++)
            assert_true((unsigned char)line.p[i] < 0x80);
        if (!first) {
            assert_true(line.p[0] == ' ');
            assert_true(sv_trim(line).n > 0);
        }
        if (sv_find(line, SV("=?")) != SV_NPOS)
            assert_true(line.n <= 76);
        for (sv rest = line, word; (word = sv_word(&rest)).n;)
            assert_true(!sv_starts(word, SV("=?")) || (word.n <= 75 && sv_ends(word, SV("?="))));
    }
}

static void headers_come_back_as_they_went_in(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "plain words",
        "[HIGH] Privileged account used outside its hours by somebody from somewhere: "
        "alice@vault01.example.org "
        "(alert 17)",
        "Zoë",
        "Ünïcödé and a rather long text that must be folded more than once because it is longer than a line "
        "— yes",
        "管理者アカウントが深夜に使用されました。すぐに確認してください。連絡先は手順書にあります。",
        "😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
        "=?utf-8?B?DQpCY2M6IHZAZXZpbC5leGFtcGxl?=",
        "a =?utf-8?Q?=0D=0ABcc:_v@evil.example?= b",
        "=? ?= =?=?",
        "tail_with_underscore=3D é",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        "aaaaaaaaaaa",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf out = BUF_INIT(8 * 1024);
        text_put_header(&out, "Subject", sv_of(texts[i]));
        check_lines(buf_view(&out));
        buf_put_char(&out, '\0');
        char *decoded = g_mime_utils_header_decode_text(NULL, buf_view(&out).p + strlen("Subject: "));
        g_strchomp(decoded);
        char *unfolded = g_mime_utils_header_unfold(decoded);
        assert_string_equal(g_strchug(unfolded), texts[i]);
        g_free(unfolded);
        g_free(decoded);
        buf_free(&out);
    }
}

static void mailboxes_come_back_as_they_went_in(void **state)
{
    (void)state;
    static const struct {
        const char *mailbox, *name, *address;
    } cases[] = {
        {"soc@example.org", NULL, "soc@example.org"},
        {"On Call <oncall@example.org>", "On Call", "oncall@example.org"},
        {"\"Vedette, on watch\" <v@example.org>", "Vedette, on watch", "v@example.org"},
        {"Zoë Çelik <z@example.org>", "Zoë Çelik", "z@example.org"},
        {"監視 <w@example.org>", "監視", "w@example.org"},
        {"=?utf-8?Q?a?= <e@example.org>", "=?utf-8?Q?a?=", "e@example.org"},
        {"A very long name that goes on and on and would not stand on one line of a mail at all "
         "<l@example.org>",
         "A very long name that goes on and on and would not stand on one line of a mail at all",
         "l@example.org"},
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    const char *mailboxes[COUNT];
    struct buf out = BUF_INIT(8 * 1024);
    for (int i = 0; i < COUNT; i++)
        mailboxes[i] = cases[i].mailbox;
    text_put_mailboxes(&out, "To", mailboxes, COUNT);
    check_lines(buf_view(&out));
    buf_put_char(&out, '\0');
    InternetAddressList *list = internet_address_list_parse(NULL, buf_view(&out).p + strlen("To:"));
    assert_int_equal(internet_address_list_length(list), COUNT);
    for (int i = 0; i < COUNT; i++) {
        InternetAddress *address = internet_address_list_get_address(list, i);
        const char *name = internet_address_get_name(address);
        assert_string_equal(name ? name : "", cases[i].name ? cases[i].name : "");
        assert_string_equal(internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(address)),
                            cases[i].address);
    }
    g_object_unref(list);
    buf_free(&out);
}

int main(void)
{
    g_mime_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_gets_what_it_can_bear),
        cmocka_unit_test(headers_come_back_as_they_went_in),
        cmocka_unit_test(mailboxes_come_back_as_they_went_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
