/* What EHLO offers: BDAT, STARTTLS, AUTH, DSN, and old devices that are forgiven. */
#include "wire/smtp_server_fixture.h"

#define FROM SV_INIT("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n")

static const struct dialogue chunks[] = {
    {"one chunk, pipelined with all before it, dots as they are",
     {HELLO,
      SV_INIT("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 8 LAST\r\n.\r\n..b\r\nQUIT\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 221-2.0.0",
     "<a@example.org>.\r\n..b\r\n"},
    {"several chunks, one cut within a CRLF, and the next message",
     {HELLO, FROM, SV_INIT("BDAT 4\r\nab\r"), SV_INIT("\nBDAT 3\r\ncd\rBDAT 3 last\r\n\nef"), FROM,
      SV_INIT("BDAT 0 LAST\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 250-2.0.0 250-2.0.0 250-2.1.0 250-2.1.5 250-2.0.0",
     "<a@example.org>ab\r\ncd\r\nef\r\n<a@example.org>"},
    {"what is within the octets is content, were it QUIT",
     {HELLO, FROM, SV_INIT("BDAT 6\r\nQUIT\r\nBDAT 0 LAST\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 250-2.0.0",
     "<a@example.org>QUIT\r\n"},
    {
        "BDAT 1 and BDAT of a byte that is no number: exact octets (CVE-2017-16943)",
        {HELLO, FROM, SV_INIT("BDAT 1\r\nBDAT \x7f\r\n")},
        "220 250 250-2.1.0 250-2.1.5 250-2.0.0 500-5.5.2",
        "",
    },
    {"BDAT 10 with a dot (CVE-2017-16944): ten octets, whatever they are",
     {HELLO, FROM, SV_INIT("BDAT 10\r\n.\r\n1234567BDAT 0 LAST\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 250-2.0.0",
     "<a@example.org>.\r\n1234567\r\n"},
    {"BDAT -1", {HELLO, FROM, SV_INIT("BDAT -1\r\nRSET\r\n")}, "220 250 250-2.1.0 250-2.1.5 501-5.5.4", ""},
    {"BDAT 2^64",
     {HELLO, FROM, SV_INIT("BDAT 18446744073709551616\r\nRSET\r\n")},
     "220 250 250-2.1.0 250-2.1.5 501-5.5.4",
     ""},
    {"BDAT 2^64 - 1",
     {HELLO, FROM, SV_INIT("BDAT 18446744073709551615\r\nRSET\r\n")},
     "220 250 250-2.1.0 250-2.1.5 552-5.3.4",
     ""},
    {"BDAT without a number",
     {HELLO, FROM, SV_INIT("BDAT\r\n")},
     "220 250 250-2.1.0 250-2.1.5 501-5.5.4",
     ""},
    {"BDAT with another word",
     {HELLO, FROM, SV_INIT("BDAT 5 LAS\r\nRSET\r\n")},
     "220 250 250-2.1.0 250-2.1.5 501-5.5.4",
     ""},
    {"BDAT before MAIL, before a recipient, and in the clear of any greeting: read away and refused",
     {SV_INIT("BDAT 6 LAST\r\nQUIT\r\n"), HELLO, SV_INIT("BDAT 0 LAST\r\nMAIL FROM:<>\r\nBDAT 6\r\nQUIT\r\n"),
      SV_INIT("RCPT TO:<b@example.org>\r\n")},
     "220 503-5.5.1 250 503-5.5.1 250-2.1.0 503-5.5.1 250-2.1.5",
     ""},
    {"nothing but chunks within a message of chunks, until RSET",
     {HELLO, FROM, SV_INIT("BDAT 3\r\nabc"), SV_INIT("DATA\r\n"),
      SV_INIT("RCPT TO:<c@example.org>\r\nMAIL FROM:<>\r\nRSET\r\n"), FROM, SV_INIT("DATA\r\n"),
      SV_INIT("x\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0 503-5.5.1 503-5.5.1 503-5.5.1 250-2.0.0 250-2.1.0 250-2.1.5 354 "
     "250-2.0.0",
     "<a@example.org>x\r\n"},
    {"refused content: its octets are read away, then comes the refusal, and no chunk after it counts",
     {HELLO,
      SV_INIT("MAIL FROM:<full@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 6\r\nQUIT\r\nBDAT 6 "
              "LAST\r\nQUIT\r\n"),
      FROM, SV_INIT("BDAT 1 LAST\r\nx")},
     "220 250 250-2.1.0 250-2.1.5 452-4.3.1 503-5.5.1 250-2.1.0 250-2.1.5 250-2.0.0",
     "<a@example.org>x\r\n"},
    {"a NUL in a chunk",
     {HELLO, FROM, SV_INIT("BDAT 3\r\na\0b")},
     "220 250 250-2.1.0 250-2.1.5 550-5.5.2",
     ""},
    {"gone in the middle of a chunk",
     {HELLO, FROM, SV_INIT("BDAT 9 LAST\r\nabc")},
     "220 250 250-2.1.0 250-2.1.5",
     ""},
};

static void bdat_counts_octets_exactly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++)
        hold(&chunks[i]);
}

static void bdat_past_the_limit_is_read_away_and_refused(void **state)
{
    (void)state;
    struct buf whole = BUF_INIT(8192);
    buf_printf(&whole, "BDAT %d\r\n", SIZE_LIMIT + 2);
    for (int i = 0; i < SIZE_LIMIT + 2; i++)
        buf_put_char(&whole, 'z');
    buf_put(&whole, SV("BDAT 2 LAST\r\n\r\nNOOP\r\n"));
    struct dialogue large = {"one large chunk",
                             {HELLO, FROM, buf_view(&whole)},
                             "220 250 250-2.1.0 250-2.1.5 552-5.3.4 503-5.5.1 250-2.0.0",
                             ""};
    hold(&large);
    buf_free(&whole);
}

static void every_smuggling_sequence_within_bdat_ends_the_session_with_nothing_taken(void **state)
{
    (void)state;
    static const sv ends[] = {
        SV_INIT("\n.\n"),       SV_INIT("\n.\r\n"),     SV_INIT("\r.\r\n"),
        SV_INIT("\r.\r"),       SV_INIT("\r\n.\n"),     SV_INIT("\r\n.\r"),
        SV_INIT("\r\n\0.\r\n"), SV_INIT("\r\n.\0\r\n"), SV_INIT("\r\n.\r\r\n"),
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct buf wire = BUF_INIT(4096);
        buf_printf(&wire, "BDAT %zu LAST\r\none", 3 + ends[i].n + 26);
        buf_put(&wire, ends[i]);
        buf_put(&wire, SV("MAIL FROM:<admin@x.test>\r\n"));
        struct dialogue dialogue = {
            "smuggling", {HELLO, FROM, buf_view(&wire)}, "220 250 250-2.1.0 250-2.1.5 550-5.5.2", ""};
        hold(&dialogue);
        buf_free(&wire);
    }
}

static const struct dialogue secured[] = {
    {"STARTTLS, and all is forgotten",
     {HELLO, SV_INIT("STARTTLS\r\n"), SV_INIT("MAIL FROM:<>\r\n"), HELLO,
      SV_INIT("MAIL FROM:<> REQUIRETLS\r\nSTARTTLS\r\n")},
     "220 250 220-2.0.0 TLS 503-5.5.1 250 250-2.1.0 503-5.5.1",
     "",
     STARTTLS},
    {"STARTTLS ends a transaction, and is read in any case of letters",
     {HELLO, SV_INIT("MAIL FROM:<>\r\nstarttls\r\n"), SV_INIT("RCPT TO:<b@example.org>\r\n"), HELLO,
      SV_INIT("RCPT TO:<b@example.org>\r\n")},
     "220 250 250-2.1.0 220-2.0.0 TLS 503-5.5.1 250 503-5.5.1",
     "",
     STARTTLS},
    {"STARTTLS takes no argument", {HELLO, SV_INIT("STARTTLS now\r\n")}, "220 250 501-5.5.4", "", STARTTLS},
    {"a command injected behind STARTTLS (CVE-2011-0411)",
     {HELLO, SV_INIT("STARTTLS\r\nRSET\r\n"), SV_INIT("NOOP\r\n")},
     "220 250 554-5.5.0",
     "",
     STARTTLS},
    {"STARTTLS inside TLS", {HELLO, SV_INIT("STARTTLS\r\n")}, "220 250 503-5.5.1", "", STARTTLS | INSIDE_TLS},
    {"a TLS record inside TLS", {SV_INIT("\x16\x03\x01\x02")}, "220 554-5.5.1", "", INSIDE_TLS},
    {"REQUIRETLS in the clear, and with a value",
     {HELLO, SV_INIT("MAIL FROM:<> REQUIRETLS\r\n"), SV_INIT("STARTTLS\r\n"), HELLO,
      SV_INIT("MAIL FROM:<> REQUIRETLS=1\r\n")},
     "220 250 555-5.5.4 220-2.0.0 TLS 250 501-5.5.4",
     "",
     STARTTLS},
};

static void starttls_forgets_and_takes_no_byte_that_came_before_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof secured / sizeof *secured; i++)
        hold(&secured[i]);
}

static const struct dialogue logins[] = {
    {"PLAIN with an initial response, and then none other",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n"), SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 235-2.7.0 503-5.5.1",
     "",
     INSIDE_TLS | AUTH},
    {"PLAIN with its response after a challenge, in any case of letters",
     {HELLO, SV_INIT("auth plain\r\n"), SV_INIT("AGFubgBvcGVu\r\n"), SV_INIT("NOOP\r\n")},
     "220 250 334 235-2.7.0 250-2.0.0",
     "",
     INSIDE_TLS | AUTH},
    {"LOGIN",
     {HELLO, SV_INIT("AUTH LOGIN\r\n"), SV_INIT("YW5u\r\n"), SV_INIT("b3Blbg==\r\n")},
     "220 250 334 334 235-2.7.0",
     "",
     INSIDE_TLS | AUTH},
    {"a wrong password, and then the right one",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBzaHV0\r\n"), SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 535-5.7.8 235-2.7.0",
     "",
     INSIDE_TLS | AUTH},
    {"before TLS",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 538-5.7.11",
     "",
     STARTTLS | AUTH},
    {"not offered at all",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 250 502-5.5.1",
     "",
     INSIDE_TLS},
    {"before EHLO, and within a transaction",
     {SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n"), HELLO, SV_INIT("MAIL FROM:<>\r\n"),
      SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\n")},
     "220 503-5.5.1 250 250-2.1.0 503-5.5.1",
     "",
     INSIDE_TLS | AUTH},
    {"another mechanism, and none",
     {HELLO, SV_INIT("AUTH CRAM-MD5\r\n"), SV_INIT("AUTH\r\n")},
     "220 250 504-5.5.4 504-5.5.4",
     "",
     INSIDE_TLS | AUTH},
    {"given up with *, and a command is a command again",
     {HELLO, SV_INIT("AUTH PLAIN\r\n"), SV_INIT("*\r\n"), SV_INIT("NOOP\r\n")},
     "220 250 334 501-5.7.0 250-2.0.0",
     "",
     INSIDE_TLS | AUTH},
    {"not base64, at once and after a challenge",
     {HELLO, SV_INIT("AUTH PLAIN !\r\n"), SV_INIT("AUTH PLAIN\r\n"), SV_INIT("AGFubgBvcGVu=\r\n"),
      SV_INIT("NOOP\r\n")},
     "220 250 501-5.5.2 334 501-5.5.2 250-2.0.0",
     "",
     INSIDE_TLS | AUTH},
    {"an empty response as = (RFC 4954 4)",
     {HELLO, SV_INIT("AUTH PLAIN =\r\n")},
     "220 250 535-5.7.8",
     "",
     INSIDE_TLS | AUTH},
    {"a command pipelined behind AUTH",
     {HELLO, SV_INIT("AUTH PLAIN AGFubgBvcGVu\r\nNOOP\r\n")},
     "220 250 554-5.5.0",
     "",
     INSIDE_TLS | AUTH},
    {"a line end within the exchange that is none",
     {HELLO, SV_INIT("AUTH PLAIN\r\n"), SV_INIT("AGFu\nbgBvcGVu\r\n")},
     "220 250 334 500-5.5.2",
     "",
     INSIDE_TLS | AUTH},
    {"gone in the middle of an exchange",
     {HELLO, SV_INIT("AUTH PLAIN\r\n")},
     "220 250 334",
     "",
     INSIDE_TLS | AUTH},
    {"AUTH= of MAIL where AUTH is offered, with xtext checked",
     {HELLO, SV_INIT("MAIL FROM:<> AUTH=<>\r\nRSET\r\nMAIL FROM:<> AUTH=e+3Dmc2@example.org\r\nRSET\r\nMAIL "
                     "FROM:<> AUTH=x+0Aroot\r\n")},
     "220 250 250-2.1.0 250-2.0.0 250-2.1.0 250-2.0.0 501-5.5.4",
     "",
     INSIDE_TLS | AUTH},
    {"AUTH= of MAIL where AUTH is not offered",
     {HELLO, SV_INIT("MAIL FROM:<> AUTH=<>\r\n")},
     "220 250 555-5.5.4",
     "",
     STARTTLS | AUTH},
};

static void auth_goes_as_rfc_4954_has_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof logins / sizeof *logins; i++)
        hold(&logins[i]);
}

static void a_line_of_auth_may_have_12288_octets_and_no_more(void **state)
{
    (void)state;
    struct buf buf = BUF_INIT(1 << 16);
    struct dialogue dialogue = {"long", {HELLO, SV("AUTH PLAIN\r\n"), SV_NONE}, NULL, "", INSIDE_TLS | AUTH};
    for (size_t n = 12284; n <= 12288; n += 4) {
        buf_clear(&buf);
        for (size_t i = 0; i < n; i++)
            buf_put_char(&buf, 'A');
        buf_put(&buf, SV("\r\n"));
        dialogue.turns[2] = buf_view(&buf);
        dialogue.replies = n == 12284 ? "220 250 334 535-5.7.8" : "220 250 334 500-5.5.6";
        hold(&dialogue);
    }
    buf_clear(&buf);
    buf_put(&buf, SV("AUTH PLAIN "));
    for (size_t i = 0; i < 13000; i++)
        buf_put_char(&buf, 'A');
    buf_put(&buf, SV("\r\n"));
    struct dialogue initial = {"13 KB at once",
                               {HELLO, buf_view(&buf), SV("NOOP\r\n")},
                               "220 250 500-5.5.6 250-2.0.0",
                               "",
                               INSIDE_TLS | AUTH};
    hold(&initial);
    buf_free(&buf);
}

static void who_gives_up_or_leaves_in_an_exchange_is_told_of_once(void **state)
{
    (void)state;
    static const sv ways_out[] = {SV_INIT("*\r\n"), SV_INIT("!\r\n"), SV_INIT("A")};
    for (size_t i = 0; i < sizeof ways_out / sizeof *ways_out; i++) {
        struct outcome outcome;
        sv turns[] = {HELLO, SV_INIT("AUTH PLAIN\r\n"), ways_out[i]};
        talk_to(INSIDE_TLS | AUTH, &outcome, turns, 3, SIZE_MAX / 2);
        assert_int_equal(outcome.auths_over, 1);
        outcome_free(&outcome);
    }
}

static void parameters_of_dsn_reach_the_caller(void **state)
{
    (void)state;
    struct outcome outcome;
    sv turns[] = {HELLO,
                  SV_INIT("MAIL FROM:<a@example.org> RET=HDRS ENVID=QQ+2B314 SIZE=77 BODY=8BITMIME AUTH=<> "
                          "REQUIRETLS SMTPUTF8\r\n"
                          "RCPT TO:<b@example.org> NOTIFY=SUCCESS,delay ORCPT=rfc822;Bob@example.com\r\n")};
    talk_to(INSIDE_TLS | AUTH, &outcome, turns, 2, 5);
    assert_true(sv_eq(buf_view(&outcome.replies), SV("220 250 250-2.1.0 250-2.1.5")));
    assert_int_equal(outcome.mail.ret, SMTP_RETURN_HEADERS);
    assert_true(outcome.mail.requiretls && outcome.mail.eightbit && outcome.mail.utf8 &&
                outcome.mail.size == 77);
    assert_string_equal(outcome.envid, "QQ+2B314");
    assert_string_equal(outcome.auth, "<>");
    assert_string_equal(outcome.orcpt, "rfc822;Bob@example.com");
    assert_int_equal(outcome.notify, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY);
    outcome_free(&outcome);
}

static void an_original_recipient_of_type_utf_8_may_be_beyond_ascii(void **state)
{
    (void)state;
    static const struct {
        sv command;
        const char *reply;
    } cases[] = {
        {SV_INIT("RCPT TO:<b@example.org> ORCPT=utf-8;ä@example.org\r\n"), "250-2.1.5"},
        {SV_INIT("RCPT TO:<b@example.org> ORCPT=UTF-8;\\x{E4}+2Bö@example.org\r\n"), "250-2.1.5"},
        {SV_INIT("RCPT TO:<b@example.org> ORCPT=rfc822;ä@example.org\r\n"), "501-5.5.4"},
        {SV_INIT("RCPT TO:<b@example.org> ORCPT=utf-8;ä+0A@example.org\r\n"), "501-5.5.4"},
        {SV_INIT("RCPT TO:<b@example.org> ORCPT=utf-8;\xc2\x85@example.org\r\n"), "501-5.5.4"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome outcome;
        sv turns[] = {HELLO, SV_INIT("MAIL FROM:<> SMTPUTF8\r\n"), cases[i].command};
        talk(&outcome, turns, 3, 3);
        if (!sv_ends(buf_view(&outcome.replies), sv_of(cases[i].reply)))
            fail_msg("%zu: %.*s", i, SV_ARG(buf_view(&outcome.replies)));
        outcome_free(&outcome);
    }
}

static void parameters_of_dsn_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "MAIL FROM:<> RET=ALL\r\n",
        "MAIL FROM:<> RET\r\n",
        "MAIL FROM:<> ENVID\r\n",
        "MAIL FROM:<> ENVID=a+0Db\r\n",
        "MAIL FROM:<> ENVID=a+2g\r\n",
        "MAIL FROM:<> ENVID=a+2\r\n",
        "MAIL FROM:<> RET=FULL RET=FULL\r\n",
        "MAIL FROM:<> ENVID="
        "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        "1\r\n",
    };
    static const char *const wrong_recipient[] = {
        "RCPT TO:<b@example.org> NOTIFY=NEVER,DELAY\r\n",
        "RCPT TO:<b@example.org> NOTIFY=\r\n",
        "RCPT TO:<b@example.org> NOTIFY=DELAY,DELAY\r\n",
        "RCPT TO:<b@example.org> NOTIFY=DELAY,\r\n",
        "RCPT TO:<b@example.org> NOTIFY=ALWAYS\r\n",
        "RCPT TO:<b@example.org> ORCPT=b@example.org\r\n",
        "RCPT TO:<b@example.org> ORCPT=;b@example.org\r\n",
        "RCPT TO:<b@example.org> ORCPT=rfc822;\r\n",
        "RCPT TO:<b@example.org> ORCPT=utf-8;ä@example.org\r\n", /* there is no SMTPUTF8 */
        "RCPT TO:<b@example.org> RET=FULL\r\n",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct dialogue dialogue = {wrong[i], {HELLO, sv_of(wrong[i])}, "220 250 501-5.5.4", ""};
        hold(&dialogue);
    }
    for (size_t i = 0; i < sizeof wrong_recipient / sizeof *wrong_recipient; i++) {
        struct outcome outcome;
        sv turns[] = {HELLO, SV_INIT("MAIL FROM:<>\r\n"), sv_of(wrong_recipient[i])};
        talk(&outcome, turns, 3, 3);
        sv replies = buf_view(&outcome.replies);
        if (!sv_ends(replies, SV("250-2.1.0 501-5.5.4")) && !sv_ends(replies, SV("250-2.1.0 555-5.5.4")))
            fail_msg("%s: %.*s", wrong_recipient[i], SV_ARG(replies));
        outcome_free(&outcome);
    }
}

static const struct dialogue old_devices[] = {
    {"lines that end in LF, the end of the message as it should be",
     {SV_INIT("EHLO x\n"), SV_INIT("MAIL FROM:<a@example.org>\nRCPT TO:<b@example.org>\r\n"),
      SV_INIT("DATA\n"), SV_INIT("S: x\n\n..a\n.b\r\nc\n\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>S: x\r\n\r\n.a\r\nb\r\nc\r\n\r\n",
     FORGIVING},
    {"a dot between an LF and anything, or before one, is content and no end",
     {HELLO, TO, SV_INIT("1\n.\n2\n.\r\n3\r\n.\n4\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 250-2.0.0",
     "<a@example.org>1\r\n.\r\n2\r\n.\r\n3\r\n.\r\n4\r\n",
     FORGIVING},
    {"a bare CR is not forgiven",
     {HELLO, TO, SV_INIT("1\r.\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 550-5.5.2",
     "",
     FORGIVING},
    {"nor is a NUL",
     {HELLO, TO, SV_INIT("1\0\r\n.\r\n")},
     "220 250 250-2.1.0 250-2.1.5 354 550-5.5.2",
     "",
     FORGIVING},
    {"the octets of a chunk are mended too",
     {HELLO, FROM, SV_INIT("BDAT 6 LAST\r\na\n.\nb\n")},
     "220 250 250-2.1.0 250-2.1.5 250-2.0.0",
     "<a@example.org>a\r\n.\r\nb\r\n",
     FORGIVING},
};

static void a_bare_lf_is_mended_where_it_is_forgiven_and_ends_no_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof old_devices / sizeof *old_devices; i++)
        hold(&old_devices[i]);
}

static bool offers(unsigned with, sv word)
{
    struct smtp_server_options options = {.name = SV("gw.example.org"),
                                          .size_limit = 10,
                                          .recipients_max = 3,
                                          .errors_max = 5,
                                          .starttls = with & STARTTLS,
                                          .secured = with & INSIDE_TLS};
    struct smtp_server *server = smtp_server_new(&options);
    if (with & AUTH)
        smtp_server_offer_auth(server, SV("PLAIN LOGIN"));
    smtp_server_greet(server);
    smtp_server_sent(server, smtp_server_output(server).n);
    smtp_server_feed(server, SV("EHLO x\r\n"));
    assert_int_equal(smtp_server_next(server), SMTP_SERVER_HELLO);
    smtp_server_accept(server, NULL);
    bool found = sv_find(smtp_server_output(server), word) != SV_NPOS;
    smtp_server_free(server);
    return found;
}

static void ehlo_offers_what_holds_now_and_binarymime_never(void **state)
{
    (void)state;
    static const sv always[] = {
        SV_INIT("-PIPELINING\r\n"),         SV_INIT("-SIZE 10\r\n"), SV_INIT("-8BITMIME\r\n"),
        SV_INIT("-SMTPUTF8\r\n"),           SV_INIT("-DSN\r\n"),     SV_INIT("-CHUNKING\r\n"),
        SV_INIT(" ENHANCEDSTATUSCODES\r\n")};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        assert_true(offers(0, always[i]) && offers(INSIDE_TLS | AUTH, always[i]));
    assert_true(offers(STARTTLS, SV("STARTTLS")));
    assert_false(offers(0, SV("STARTTLS")));
    assert_false(offers(STARTTLS | INSIDE_TLS, SV("STARTTLS")));
    assert_true(offers(INSIDE_TLS | AUTH, SV("-AUTH PLAIN LOGIN\r\n")));
    assert_false(offers(STARTTLS | AUTH, SV("AUTH")));
    assert_false(offers(INSIDE_TLS, SV("AUTH")));
    assert_true(offers(INSIDE_TLS, SV("REQUIRETLS")));
    assert_false(offers(STARTTLS, SV("REQUIRETLS")));
    assert_false(offers(INSIDE_TLS, SV("BINARYMIME")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bdat_counts_octets_exactly),
        cmocka_unit_test(bdat_past_the_limit_is_read_away_and_refused),
        cmocka_unit_test(every_smuggling_sequence_within_bdat_ends_the_session_with_nothing_taken),
        cmocka_unit_test(starttls_forgets_and_takes_no_byte_that_came_before_it),
        cmocka_unit_test(auth_goes_as_rfc_4954_has_it),
        cmocka_unit_test(a_line_of_auth_may_have_12288_octets_and_no_more),
        cmocka_unit_test(who_gives_up_or_leaves_in_an_exchange_is_told_of_once),
        cmocka_unit_test(parameters_of_dsn_reach_the_caller),
        cmocka_unit_test(parameters_of_dsn_are_checked),
        cmocka_unit_test(an_original_recipient_of_type_utf_8_may_be_beyond_ascii),
        cmocka_unit_test(a_bare_lf_is_mended_where_it_is_forgiven_and_ends_no_message),
        cmocka_unit_test(ehlo_offers_what_holds_now_and_binarymime_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
