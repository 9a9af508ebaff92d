/* What a landed mail tells of its way, as real servers write it and as somebody who means harm may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/mail_trace.h"

#include <stdio.h>

static void each_servers_received_field_is_read(void **state)
{
    static const struct {
        const char *field, *from, *by, *with;
        enum mail_trace_tls tls;
        bool dated;
    } cases[] = {
        {"from vedette.example.org (vedette.example.org [192.0.2.10])\r\n"
         "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\r\n"
         "\t(No client certificate requested)\r\n"
         "\tby mail.example.org (Postfix) with ESMTPSA id 4ABCD12345\r\n"
         "\tfor <soc@example.org>; Tue, 24 Nov 2026 08:15:30 +0000 (UTC)",
         "vedette.example.org", "mail.example.org", "ESMTPSA", MAIL_TRACE_TLS_YES, true},
        {"from mail.example.org (localhost [127.0.0.1]) by mx.example.org (Postfix) with ESMTP id 9F;\n"
         " Tue, 24 Nov 2026 08:15:31 +0000",
         "mail.example.org", "mx.example.org", "ESMTP", MAIL_TRACE_TLS_NO, true},
        {"from [192.0.2.10] (helo=vedette.example.org)\r\n by mx.example.org with esmtps  (TLS1.3) tls "
         "TLS_AES_256_GCM_SHA384\r\n (Exim 4.96)\r\n (envelope-from <vedette@example.org>)\r\n id "
         "1abcDE-00\r\n"
         " for soc@example.org;\r\n Tue, 24 Nov 2026 09:15:30 +0100",
         "[192.0.2.10]", "mx.example.org", "ESMTPS", MAIL_TRACE_TLS_YES, true},
        {"from AA.example.com (2001:db8::1) by BB.example.com\r\n (2001:db8::2) with Microsoft SMTP Server "
         "(version=TLS1_2,\r\n cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.20.1; Tue, 24 Nov\r\n "
         "2026 "
         "08:15:30 +0000",
         "AA.example.com", "BB.example.com", "MICROSOFT SMTP SERVER", MAIL_TRACE_TLS_YES, true},
        {"from AA.example.com by BB.example.com with Microsoft SMTP Server id 15; Tue, 24 Nov 2026 08:15:30 "
         "+0000",
         "AA.example.com", "BB.example.com", "MICROSOFT SMTP SERVER", MAIL_TRACE_TLS_NO, true},
        {"from AA.example.com ([::1]) by AA.example.com ([::1]) with mapi id 15.20; Tue, 24 Nov 2026 "
         "08:15:30 +0000",
         "AA.example.com", "AA.example.com", "MAPI", MAIL_TRACE_TLS_UNKNOWN, true},
        {"from mx.example.org by imap.example.org with LMTP id x (envelope-from <a@b>); Tue, 24 Nov 2026 "
         "08:15:30 "
         "+0000",
         "mx.example.org", "imap.example.org", "LMTP", MAIL_TRACE_TLS_NO, true},
        {"by mx.example.org (Postfix, from userid 0) id 77; Tue, 24 Nov 2026 08:15:30 +0000", "",
         "mx.example.org", "", MAIL_TRACE_TLS_UNKNOWN, true},
        {"from a.example.org by b.example.org with UTF8SMTPS id 1; no date", "a.example.org", "b.example.org",
         "UTF8SMTPS", MAIL_TRACE_TLS_YES, false},
        {"from (with ESMTPS by evil) a.example.org (by b.example.org) by c.example.org with SMTP",
         "a.example.org", "c.example.org", "SMTP", MAIL_TRACE_TLS_NO, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char mail[2048];
        struct mail_trace trace;
        snprintf(mail, sizeof mail, "Received: %s\r\nSubject: x\r\n\r\nbody\r\n", cases[i].field);
        mail_trace_read(sv_of(mail), &trace);
        assert_int_equal(trace.hop_count, 1);
        const struct mail_trace_hop *hop = &trace.hops[0];
        assert_string_equal(hop->from, cases[i].from);
        assert_string_equal(hop->by, cases[i].by);
        assert_string_equal(hop->with, cases[i].with);
        assert_int_equal(hop->tls, cases[i].tls);
        assert_int_equal(hop->at != 0, cases[i].dated);
    }
}

static void hops_stand_in_the_order_of_the_way(void **state)
{
    struct mail_trace trace;
    struct buf json = BUF_INIT(16 * 1024);
    const struct mail_trace_landing landing = {.by = "maildir",
                                               .folder = SV("INBOX"),
                                               .sent = 1795508130 * NANOS_PER_SECOND,
                                               .at = 1795508134 * NANOS_PER_SECOND};
    (void)state;
    mail_trace_read(SV("Received: by c with LMTP; Tue, 24 Nov 2026 08:15:33 +0000\n"
                       "Received: from a by b with ESMTPS; Tue, 24 Nov 2026 08:15:30 +0000\n\n"),
                    &trace);
    assert_int_equal(trace.hop_count, 2);
    assert_string_equal(trace.hops[0].by, "b");
    assert_string_equal(trace.hops[1].by, "c");
    assert_int_equal(trace.hops[1].at - trace.hops[0].at, 3 * NANOS_PER_SECOND);
    assert_int_equal(mail_trace_json(&trace, &landing, &json), 0);
    assert_int_not_equal(sv_find(buf_view(&json), SV("\"latency_ms\":4000")), SV_NPOS);
    assert_int_not_equal(sv_find(buf_view(&json), SV("\"hops_ms\":3000")), SV_NPOS);
    buf_free(&json);
}

static void only_the_receivers_own_results_count(void **state)
{
    static const struct {
        const char *head, *server, *spf, *dkim, *dmarc;
    } cases[] = {
        {"Authentication-Results: mx.example.org;\r\n\tdkim=pass (2048-bit key) header.d=example.org;\r\n"
         "\tspf=pass smtp.mailfrom=vedette@example.org;\r\n\tdmarc=pass (p=none) header.from=example.org\r\n",
         "mx.example.org", "pass", "pass", "pass"},
        /* one field for each, as milters write them */
        {"Authentication-Results: mx.example.org 1; dmarc=fail header.from=example.org\n"
         "Authentication-Results: mx.example.org; dkim=none\n"
         "Authentication-Results: mx.example.org; spf=softfail (a; comment) smtp.mailfrom=x\n",
         "mx.example.org", "softfail", "none", "fail"},
        /* what stands below the receiver's Received field may be anybody's */
        {"Authentication-Results: mx.example.org; spf=fail\n"
         "Received: from a by mx.example.org; Tue, 24 Nov 2026 08:15:30 +0000\n"
         "Authentication-Results: mx.example.org; dkim=pass; dmarc=pass\n",
         "mx.example.org", "fail", "", ""},
        {"Authentication-Results: mx.example.org; spf=fail\n"
         "Authentication-Results: evil.example.com; dkim=pass; dmarc=pass\n",
         "mx.example.org", "fail", "", ""},
        /* Exchange names no server */
        {"Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; "
         "dkim=pass\r\n"
         " (signature was verified) header.d=example.org;dmarc=pass action=none\r\n "
         "header.from=example.org;\r\n",
         "", "pass", "pass", "pass"},
        {"Authentication-Results: mx.example.org; dkim=fail header.d=a; dkim=pass header.d=b; none\n",
         "mx.example.org", "", "pass", ""},
        {"Authentication-Results: mx.example.org; spf/1=temperror; xspf=pass; dkim =\tneutral\n",
         "mx.example.org", "temperror", "neutral", ""},
        {"Authentication-Results: mx.example.org; none\n", "mx.example.org", "", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mail_trace trace;
        mail_trace_read(sv_of(cases[i].head), &trace);
        assert_string_equal(trace.authserv, cases[i].server);
        assert_string_equal(trace.spf, cases[i].spf);
        assert_string_equal(trace.dkim, cases[i].dkim);
        assert_string_equal(trace.dmarc, cases[i].dmarc);
    }
}

static void filters_that_call_it_junk_are_heard(void **state)
{
    static const struct {
        const char *head;
        bool junk;
    } cases[] = {
        {"X-Spam-Flag: YES\n", true},
        {"X-Spam-Flag: NO\n", false},
        {"X-Spam-Status: Yes, score=9.1\n", true},
        {"X-MS-Exchange-Organization-SCL: 5\n", true},
        {"X-MS-Exchange-Organization-SCL: 1\n", false},
        {"X-MS-Exchange-Organization-SCL: -1\n", false},
        {"X-Forefront-Antispam-Report: CIP:192.0.2.1;SFV:SPM;SCL:5\n", true},
        {"Subject: x\n\nX-Spam-Flag: YES\n", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mail_trace trace;
        mail_trace_read(sv_of(cases[i].head), &trace);
        assert_int_equal(trace.called_junk, cases[i].junk);
    }
}

/* The mail with its mark, and then with another body. */
static enum mail_trace_body changed_to(const char *head, const char *body, const char *head2,
                                       const char *body2, struct mail_trace *trace)
{
    struct buf entity = BUF_INIT(8192), mail = BUF_INIT(8192);
    assert_int_equal(buf_printf(&entity, "%s\r\n%s", head, body), 0);
    assert_int_equal(mail_trace_put_mark(&mail, buf_view(&entity)), 0);
    assert_int_equal(buf_printf(&mail, "%s\r\n%s", head2, body2), 0);
    mail_trace_read(buf_view(&mail), trace);
    buf_free(&entity);
    buf_free(&mail);
    return trace->body;
}

static void a_changed_body_is_noticed_and_another_encoding_is_none(void **state)
{
    static const char *const PLAIN = "Content-Type: text/plain; charset=utf-8\r\n";
    static const char *const QUOTED =
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n";
    struct mail_trace trace;
    (void)state;
    assert_int_equal(changed_to(PLAIN, "Hello there\r\n", PLAIN, "Hello there\r\n", &trace),
                     MAIL_TRACE_BODY_UNCHANGED);
    assert_int_equal(changed_to(PLAIN, "Hello there\r\n", QUOTED, "Hel=6Co=\r\n there\r\n", &trace),
                     MAIL_TRACE_BODY_UNCHANGED);
    assert_int_equal(changed_to(PLAIN, "Hello there\r\n", PLAIN, "Hello\r\nthere\r\n\r\n", &trace),
                     MAIL_TRACE_BODY_UNCHANGED);
    assert_int_equal(
        changed_to(PLAIN, "Hello there\r\n", PLAIN, "Hello there\r\n-- \r\nExternal mail!\r\n", &trace),
        MAIL_TRACE_BODY_CHANGED);
    assert_string_equal(trace.changed, "text/plain");
    assert_int_equal(changed_to(PLAIN, "https://www.example.org/a\r\n", PLAIN,
                                "https://safe.example.com/?u=https%3A%2F%2Fwww.example.org/a\r\n", &trace),
                     MAIL_TRACE_BODY_CHANGED);
    static const char *const MIXED = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n";
    assert_int_equal(changed_to(PLAIN, "Hello\r\n", MIXED,
                                "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n--b\r\n"
                                "Content-Type: text/plain\r\n\r\nA footer\r\n--b--\r\n",
                                &trace),
                     MAIL_TRACE_BODY_CHANGED);
    assert_string_equal(trace.changed, "parts were added");
    mail_trace_read(SV("Subject: x\r\n\r\nNo mark\r\n"), &trace);
    assert_int_equal(trace.body, MAIL_TRACE_BODY_UNMARKED);
}

static void the_mailboxs_owner_is_told(void **state)
{
    struct mail_trace trace;
    (void)state;
    mail_trace_read(SV("Delivered-To: soc-team@example.org\nX-Original-To: soc@example.org\n\n"), &trace);
    assert_string_equal(trace.recipient, "soc@example.org");
    mail_trace_read(SV("Delivered-To: <soc@example.org>\n\n"), &trace);
    assert_string_equal(trace.recipient, "soc@example.org");
}

static void bounds_hold_whatever_comes(void **state)
{
    struct buf mail = BUF_INIT(1024 * 1024);
    struct mail_trace trace;
    (void)state;
    for (int i = 0; i < 200; i++)
        assert_int_equal(buf_printf(&mail, "Received: from h%d by b%d with ESMTP\n", i, i), 0);
    mail_trace_read(buf_view(&mail), &trace);
    assert_int_equal(trace.hop_count, MAIL_TRACE_HOPS_MAX);
    assert_int_equal(trace.hops_left_out, 200 - MAIL_TRACE_HOPS_MAX);
    assert_string_equal(trace.hops[MAIL_TRACE_HOPS_MAX - 1].by, "b0"); /* nearest to the mailbox */
    buf_clear(&mail);
    assert_int_equal(buf_put(&mail, SV("Received: ")), 0);
    for (int i = 0; i < 5000; i++)
        assert_int_equal(buf_put_char(&mail, '('), 0);
    mail_trace_read(buf_view(&mail), &trace);
    assert_int_equal(trace.hop_count, 1);
    buf_clear(&mail);
    assert_int_equal(
        buf_put(&mail, SV(MAIL_TRACE_BODY_FIELD ": x\nContent-Type: multipart/mixed; boundary=b\n\n")), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_put(&mail, SV("--b\n\nx\n")), 0);
    mail_trace_read(buf_view(&mail), &trace);
    assert_int_equal(trace.body, MAIL_TRACE_BODY_CHANGED);
    mail_trace_read(
        SV("Received: by a; Tue, 24 Nov 99999999 08:15:30 +0000\nDelivered-To: a\x01\x7f\xff b\n"), &trace);
    assert_true(sv_printable(sv_of(trace.recipient)));
    buf_free(&mail);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_servers_received_field_is_read),
        cmocka_unit_test(hops_stand_in_the_order_of_the_way),
        cmocka_unit_test(only_the_receivers_own_results_count),
        cmocka_unit_test(filters_that_call_it_junk_are_heard),
        cmocka_unit_test(a_changed_body_is_noticed_and_another_encoding_is_none),
        cmocka_unit_test(the_mailboxs_owner_is_told),
        cmocka_unit_test(bounds_hold_whatever_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
