/* The advice table: every row is well-formed, and every row is told by something: a case here, a scripted
 * gateway in check_test.c, or, for those that need a network, the fault lab (test/system/lab). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/advice.h"
#include "courier/check_testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool told[ADVICE_COUNT];

static void expect(enum advice got, enum advice wanted)
{
    if (got != wanted)
        fail_msg("%s instead of %s", advice_row(got)->name, advice_row(wanted)->name);
    told[got] = true;
}

/* --- The rows themselves --- */

static void each_row_is_a_sentence_for_people_and_its_places_are_known(void **state)
{
    (void)state;
    const struct advice_values values = {"192.0.2.25",
                                         "587",
                                         "465",
                                         "starttls",
                                         "mail.example.org",
                                         "sha256:00",
                                         "http://ca.example.org/i.cer",
                                         "vedette@example.org",
                                         "soc@example.org",
                                         "vedette.example.org"};
    for (int i = ADVICE_NONE + 1; i < ADVICE_COUNT; i++) {
        const struct advice_row *row = advice_row((enum advice)i);
        char text[900];
        advice_fill(row->text, &values, text, sizeof text);
        size_t n = strlen(text);
        bool ok = n > 10 && n < sizeof text - 1 && text[n - 1] != '.' && !strpbrk(text, "{}%\n") &&
                  (row->state == CHECK_WARN || row->state == CHECK_FAIL);
        if (!ok)
            fail_msg("%s: %s", row->name, text);
    }
}

static void an_advice_is_cut_at_its_end_and_never_past_it(void **state)
{
    (void)state;
    const struct advice_values values = {.port = "587"};
    for (size_t cap = 1; cap < 20; cap++) {
        char text[32];
        memset(text, 'x', sizeof text);
        advice_fill("port {port} {name}", &values, text, cap);
        assert_true(strlen(text) < cap);
        assert_int_equal(text[cap], 'x');
        assert_int_equal(strncmp(text, "port 587 ?", strlen(text)), 0);
    }
}

/* --- Which row --- */

static void how_a_connection_fails_has_its_row(void **state)
{
    (void)state;
    static const struct {
        enum reach_state state;
        int system;
        enum icmp_meaning icmp;
        bool other_open;
        enum advice advice;
    } cases[] = {
        {REACH_REFUSED, ECONNREFUSED, ICMP_NONE, false, ADVICE_connect_refused},
        {REACH_REFUSED, ECONNREFUSED, ICMP_NONE, true, ADVICE_connect_refused_other},
        {REACH_REJECTED, ECONNREFUSED, ICMP_PORT_CLOSED, false, ADVICE_connect_rejected},
        {REACH_REJECTED, EHOSTUNREACH, ICMP_PROHIBITED, false, ADVICE_connect_prohibited},
        {REACH_REJECTED, EHOSTUNREACH, ICMP_OTHER, true, ADVICE_connect_rejected},
        {REACH_UNREACHABLE, EHOSTUNREACH, ICMP_NO_HOST, false, ADVICE_connect_no_host},
        {REACH_UNREACHABLE, EHOSTUNREACH, ICMP_NONE, false, ADVICE_connect_no_host},
        {REACH_UNREACHABLE, ENETUNREACH, ICMP_NO_ROUTE, false, ADVICE_connect_no_route},
        {REACH_UNREACHABLE, ENETUNREACH, ICMP_NONE, false, ADVICE_connect_no_route},
        {REACH_UNREACHABLE, EHOSTUNREACH, ICMP_EXPIRED, false, ADVICE_connect_circle},
        {REACH_FORBIDDEN, EPERM, ICMP_NONE, false, ADVICE_connect_forbidden},
        {REACH_SILENT, ETIMEDOUT, ICMP_NONE, false, ADVICE_connect_silent},
        {REACH_SILENT, ETIMEDOUT, ICMP_NONE, true, ADVICE_connect_silent_other},
        {REACH_SILENT, ETIMEDOUT, ICMP_EXPIRED, false, ADVICE_connect_circle},
        {REACH_FAILED, EMFILE, ICMP_NONE, false, ADVICE_connect_failed},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct reach_report reach = {
            .state = cases[i].state, .system = cases[i].system, .icmp.meaning = cases[i].icmp};
        expect(advice_of_reach(&reach, cases[i].other_open), cases[i].advice);
    }
}

static void a_trace_that_meets_a_router_twice_goes_in_a_circle(void **state)
{
    (void)state;
    struct reach_report reach = {.state = REACH_SILENT, .system = ETIMEDOUT, .traced = true, .hop_count = 4};
    static const char *const way[] = {"192.0.2.1", "198.51.100.1", "192.0.2.1", "198.51.100.1"};
    for (size_t i = 0; i < 4; i++) {
        reach.hops[i].icmp.meaning = ICMP_EXPIRED;
        assert_int_equal(address_parse(sv_of(way[i]), 0, &reach.hops[i].icmp.from, NULL), 0);
    }
    expect(advice_of_reach(&reach, false), ADVICE_connect_circle);
    reach.hop_count = 2;
    expect(advice_of_reach(&reach, false), ADVICE_connect_silent);
}

static void how_a_route_is_missing_has_its_row(void **state)
{
    (void)state;
    expect(advice_of_route(ENETUNREACH), ADVICE_route_none);
    expect(advice_of_route(EHOSTUNREACH), ADVICE_route_unreachable);
    expect(advice_of_route(EACCES), ADVICE_route_prohibited);
    expect(advice_of_route(EINVAL), ADVICE_route_blackhole);
    expect(advice_of_route(EAFNOSUPPORT), ADVICE_route_no_family);
}

static void how_a_handshake_fails_has_its_row(void **state)
{
    (void)state;
    expect(advice_of_tls_failure(TLS_FAILURE_PLAIN_TEXT), ADVICE_tls_plain_text);
    expect(advice_of_tls_failure(TLS_FAILURE_TOO_OLD), ADVICE_tls_too_old);
    expect(advice_of_tls_failure(TLS_FAILURE_NO_CIPHER), ADVICE_tls_no_cipher);
    expect(advice_of_tls_failure(TLS_FAILURE_NAME), ADVICE_tls_name_unknown);
    expect(advice_of_tls_failure(TLS_FAILURE_CLIENT_CERTIFICATE), ADVICE_tls_client_certificate);
    expect(advice_of_tls_failure(TLS_FAILURE_RENEGOTIATION), ADVICE_tls_renegotiation);
    expect(advice_of_tls_failure(TLS_FAILURE_HUNG_UP), ADVICE_tls_hung_up);
    expect(advice_of_tls_failure(TLS_FAILURE_BROKEN), ADVICE_tls_broken);
    expect(advice_of_tls_failure(TLS_FAILURE_OTHER), ADVICE_tls_other);
}

static void each_fault_of_a_certificate_has_its_row(void **state)
{
    (void)state;
    static const enum advice wanted[] = {
        [TLS_FAULT_EXPIRED] = ADVICE_cert_expired,
        [TLS_FAULT_NOT_YET_VALID] = ADVICE_cert_not_yet_valid,
        [TLS_FAULT_NAME_MISMATCH] = ADVICE_cert_name,
        [TLS_FAULT_CN_ONLY] = ADVICE_cert_cn_only,
        [TLS_FAULT_SELF_SIGNED] = ADVICE_cert_self_signed,
        [TLS_FAULT_UNKNOWN_ISSUER] = ADVICE_cert_unknown_issuer,
        [TLS_FAULT_MISSING_INTERMEDIATE] = ADVICE_cert_no_intermediate,
        [TLS_FAULT_WEAK_KEY] = ADVICE_cert_weak_key,
        [TLS_FAULT_WEAK_SIGNATURE] = ADVICE_cert_weak_signature,
        [TLS_FAULT_REVOKED] = ADVICE_cert_revoked,
        [TLS_FAULT_PIN_MISMATCH] = ADVICE_cert_pin,
        [TLS_FAULT_WRONG_PURPOSE] = ADVICE_cert_purpose,
        [TLS_FAULT_OTHER] = ADVICE_cert_other,
    };
    for (unsigned fault = TLS_FAULT_EXPIRED; fault <= TLS_FAULT_OTHER; fault++)
        expect(advice_of_fault((enum tls_fault)fault), wanted[fault]);
}

static void silence_has_its_row_at_every_hop(void **state)
{
    (void)state;
    static const struct {
        enum check_hop_id hop;
        enum advice rows[ADVICE_SILENCE_COUNT];
    } hops[] = {
#define HOP(name, word)                                                               \
    {                                                                                 \
        CHECK_##name,                                                                 \
        {                                                                             \
            ADVICE_##word##_silent, ADVICE_##word##_closed, ADVICE_##word##_malformed \
        }                                                                             \
    }
        HOP(BANNER, banner), HOP(EHLO, ehlo), HOP(STARTTLS, starttls), HOP(AUTH, auth),
        HOP(MAIL, mail),     HOP(RCPT, rcpt), HOP(DATA, data),
    };
    for (size_t i = 0; i < sizeof hops / sizeof *hops; i++)
        for (int how = 0; how < ADVICE_SILENCE_COUNT; how++)
            expect(advice_of_silence(hops[i].hop, (enum advice_silence)how), hops[i].rows[how]);
}

struct refusal {
    enum check_hop_id hop;
    enum smtp_stage stage;
    int code;
    const char *text;
    enum advice advice;
};

#define AT(hop, code, text, row)                                \
    {                                                           \
        CHECK_##hop, SMTP_STAGE_##hop, code, text, ADVICE_##row \
    }
#define AT_DOT(code, text, row)                              \
    {                                                        \
        CHECK_DATA, SMTP_STAGE_DOT, code, text, ADVICE_##row \
    }

static const struct refusal refusals[] = {
    AT(BANNER, 421, "too many connections from you", banner_rate),
    AT(BANNER, 554, "5.7.1 blocked using dnsbl.example", banner_reputation),
    AT(BANNER, 554, "Client host rejected: Access denied; relay access denied", banner_policy),
    AT(BANNER, 550, "host not found", banner_dns),
    AT(BANNER, 421, "Service shutting down", banner_refused),
    AT(EHLO, 550, "helo command rejected: need fully-qualified hostname", ehlo_name_refused),
    AT(EHLO, 421, "rate limit", ehlo_rate),
    AT(EHLO, 554, "blocked using dnsbl.example", ehlo_reputation),
    AT(EHLO, 550, "relay access denied", ehlo_policy),
    AT(EHLO, 502, "not known", ehlo_refused),
    AT(STARTTLS, 454, "TLS not available due to local problem", starttls_later),
    AT(STARTTLS, 502, "no", starttls_refused),
    AT(AUTH, 534, "5.7.9 Application-specific password required", auth_app_password),
    AT(AUTH, 535, "5.7.139 basic authentication is disabled", auth_oauth),
    AT(AUTH, 535, "5.7.139 SmtpClientAuthentication is disabled for the Tenant", auth_oauth),
    AT(AUTH, 538, "5.7.11 Encryption required", auth_needs_tls),
    AT(AUTH, 504, "5.5.4 unknown mechanism", auth_mechanism_refused),
    AT(AUTH, 421, "4.7.0 too many", auth_rate),
    AT(AUTH, 454, "4.3.0 the service is down", auth_gateway),
    AT(AUTH, 454, "4.7.0 Temporary authentication failure", auth_later),
    AT(AUTH, 535, "5.7.8 no", auth_wrong),
    AT(AUTH, 550, "no", auth_refused),
    AT(MAIL, 553, "5.1.8 Sender address rejected: Domain not found", mail_sender_domain),
    AT(MAIL, 553, "5.7.1 not owned by user svc", mail_sender),
    AT(MAIL, 530, "5.7.0 Authentication required", mail_authentication),
    AT(MAIL, 530, "5.7.0 Must issue a STARTTLS command first", mail_tls),
    AT(MAIL, 550, "relay access denied", mail_relay),
    AT(MAIL, 451, "4.7.1 greylisted", mail_greylisted),
    AT(MAIL, 450, "4.7.1 too many messages", mail_rate),
    AT(MAIL, 552, "5.3.4 message size exceeds fixed limit", mail_size),
    AT(MAIL, 554, "blocked using dnsbl.example", mail_reputation),
    AT(MAIL, 550, "5.7.23 SPF fails", mail_sender_authentication),
    AT(MAIL, 451, "4.4.3 no name server", mail_dns),
    AT(MAIL, 452, "4.3.1 insufficient system storage", mail_gateway),
    AT(MAIL, 599, "x", mail_refused),
    AT(RCPT, 550, "5.1.1 user unknown", rcpt_unknown),
    AT(RCPT, 554, "5.7.1 relay access denied", rcpt_relay),
    AT(RCPT, 452, "4.2.2 mailbox full", rcpt_full),
    AT(RCPT, 450, "4.2.0 greylisted", rcpt_greylisted),
    AT(RCPT, 450, "4.7.1 rate limit exceeded", rcpt_rate),
    AT(RCPT, 552, "5.3.4 too large", rcpt_size),
    AT(RCPT, 553, "5.7.1 not owned by user svc", rcpt_sender),
    AT(RCPT, 550, "5.1.8 sender address rejected: domain not found", rcpt_sender_domain),
    AT(RCPT, 530, "5.7.0 authentication required", rcpt_authentication),
    AT(RCPT, 550, "5.7.10 tls required", rcpt_tls),
    AT(RCPT, 554, "blocked using dnsbl.example", rcpt_reputation),
    AT(RCPT, 550, "5.7.26 dmarc", rcpt_sender_authentication),
    AT(RCPT, 550, "5.1.10 null mx", rcpt_dns),
    AT(RCPT, 450, "4.4.1 connection timed out", rcpt_routing),
    AT(RCPT, 554, "content rejected", rcpt_content),
    AT(RCPT, 451, "4.3.5 server configuration problem", rcpt_gateway),
    AT(RCPT, 599, "x", rcpt_refused),
    AT_DOT(554, "5.7.1 content rejected", data_content),
    AT_DOT(554, "5.7.1 looks like spam", data_reputation),
    AT_DOT(552, "5.3.4 message too large", data_size),
    AT_DOT(450, "4.7.1 rate limit", data_rate),
    AT_DOT(554, "5.2.252 SendAsDenied", data_sender),
    AT_DOT(550, "5.7.26 dmarc", data_sender_authentication),
    AT_DOT(550, "relay access denied", data_relay),
    AT_DOT(552, "5.2.2 over quota", data_full),
    AT_DOT(550, "5.1.1 user unknown", data_recipient),
    AT_DOT(451, "4.3.0 queue file write error", data_gateway),
    AT_DOT(599, "x", data_refused),
};

static void each_refusal_has_its_row_and_the_row_its_cause(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct smtp_answer answer = {.code = refusals[i].code};
        sv text = sv_of(refusals[i].text);
        sv_copy(answer.text, sizeof answer.text, text);
        sv word = sv_word(&text), digits = sv_split(&word, '.');
        for (size_t part = 0; word.p && part < 3; part++, digits = sv_split(&word, '.')) {
            uint64_t value;
            if (!sv_to_u64(digits, &value))
                break;
            answer.enhanced[part] = (int)value;
            if (part == 1) {
                if (sv_to_u64(word, &value))
                    answer.enhanced[2] = (int)value;
                break;
            }
        }
        struct cause_told cause = cause_of_answer(refusals[i].stage, &answer);
        expect(advice_of_refusal(refusals[i].hop, &answer, cause.cause), refusals[i].advice);
        assert_int_equal(advice_row(refusals[i].advice)->hop, refusals[i].hop);
    }
}

/* --- The rest --- */

static void a_scripted_gateway_brings_each_row_about(void **state)
{
    (void)state;
    for (size_t i = 0; i < check_scene_count; i++) {
        check_scene_run(&check_scenes[i]);
        for (int row = ADVICE_NONE + 1; row < ADVICE_COUNT; row++)
            told[row] = told[row] || check_scene_told((enum advice)row);
    }
}

/* What needs a network, a resolver or a clock of its own: test/system/lab brings these about. */
static const enum advice by_the_lab[] = {
    ADVICE_name_more,
    ADVICE_name_unpinned,
    ADVICE_name_no_address,
    ADVICE_name_malformed,
    ADVICE_name_bogus,
    ADVICE_name_not_asked,
    ADVICE_route_unknown,
    ADVICE_route_big_lost,
    ADVICE_connect_slow,
    ADVICE_banner_lost,
    ADVICE_banner_slow,
    ADVICE_ehlo_lost,
    ADVICE_tls_lost,
    ADVICE_tls_big_lost,
    ADVICE_clear_text,
    ADVICE_clear_needlessly,
    ADVICE_auth_offered_clear,
    ADVICE_rcpt_open_relay,
    ADVICE_banner_tls_handshake,
    ADVICE_ehlo_client_certificate,
    ADVICE_tls_no_secrecy,
    ADVICE_cert_chain_ends_soon,
    ADVICE_cert_chain_expired,
    ADVICE_cert_ocsp_stale,
    ADVICE_cert_ocsp_invalid,
    ADVICE_landing_not_authentic,
    ADVICE_landing_in_clear,
    ADVICE_landing_changed,
    ADVICE_landing_unreadable,
};

static void every_row_is_told_by_something(void **state)
{
    (void)state;
    bool lab[ADVICE_COUNT] = {false};
    for (size_t i = 0; i < sizeof by_the_lab / sizeof *by_the_lab; i++) {
        if (told[by_the_lab[i]])
            fail_msg("%s is told here: take it off the lab's list", advice_row(by_the_lab[i])->name);
        lab[by_the_lab[i]] = true;
    }
    int missing = 0;
    for (int i = ADVICE_NONE + 1; i < ADVICE_COUNT; i++)
        if (!told[i] && !lab[i]) {
            missing++;
            print_error("%s is told by nothing\n", advice_row((enum advice)i)->name);
        }
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_a_sentence_for_people_and_its_places_are_known),
        cmocka_unit_test(an_advice_is_cut_at_its_end_and_never_past_it),
        cmocka_unit_test(how_a_connection_fails_has_its_row),
        cmocka_unit_test(a_trace_that_meets_a_router_twice_goes_in_a_circle),
        cmocka_unit_test(how_a_route_is_missing_has_its_row),
        cmocka_unit_test(how_a_handshake_fails_has_its_row),
        cmocka_unit_test(each_fault_of_a_certificate_has_its_row),
        cmocka_unit_test(silence_has_its_row_at_every_hop),
        cmocka_unit_test(each_refusal_has_its_row_and_the_row_its_cause),
        cmocka_unit_test_setup_teardown(a_scripted_gateway_brings_each_row_about, check_scenes_open,
                                        check_scenes_close),
        cmocka_unit_test(every_row_is_told_by_something),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
