/* What a path check promises, whatever the gateway does. (What it tells of each fault: advice_test.c.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/check_testing.h"

#include <stdio.h>
#include <stdlib.h>

static bool heard(const char *command)
{
    sv rest = sv_of(check_scene_heard());
    while (rest.p)
        if (sv_istarts(sv_split(&rest, '\n'), sv_of(command)))
            return true;
    return false;
}

static bool transcript_has(const char *text)
{
    return strstr(check_scene_transcript(), text) != NULL;
}

static void over_a_certificate_that_is_not_trusted_neither_account_nor_mail_is_told(void **state)
{
    static const char *const scenes[] = {"expired", "self-signed", "for another name", "not the pinned one"};
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof *scenes; i++) {
        check_scene_run(check_scene_named(scenes[i]));
        assert_false(heard("AUTH") || heard("MAIL") || heard("RCPT") || heard("DATA"));
        assert_int_equal(check_scene_report()->hops[CHECK_AUTH].state, CHECK_SKIPPED);
        assert_int_equal(check_scene_report()->hops[CHECK_RCPT].state, CHECK_SKIPPED);
    }
}

static void an_account_is_never_told_in_the_clear(void **state)
{
    (void)state;
    check_scene_run(check_scene_named("an account in the clear"));
    assert_false(heard("AUTH") || heard("MAIL"));
    check_scene_run(check_scene_named("STARTTLS overwritten"));
    assert_false(heard("AUTH") || heard("MAIL"));
}

static void the_transcript_shows_the_dialogue_and_no_secret(void **state)
{
    (void)state;
    check_scene_run(check_scene_named("an account"));
    assert_true(heard("AUTH PLAIN AHN2YwBTZXNhbWUtb3Blbi05")); /* \0svc\0Sesame-open-9 */
    assert_true(transcript_has("C: AUTH PLAIN ********\n"));
    assert_true(transcript_has("S: 235 2.7.0 ok\n"));
    assert_true(transcript_has("*: TLSv1.3"));
    assert_true(transcript_has("C: RCPT TO:<soc@example.org>\n"));
    assert_false(transcript_has("Sesame") || transcript_has("AHN2Yw"));
}

static void a_gateway_that_repeats_the_secret_does_not_get_it_into_the_report(void **state)
{
    static const struct check_scene scene = {
        .name = "repeats",
        .security = SMTP_SECURITY_STARTTLS,
        .certificate = CHECK_CERT_GOOD,
        .username = true,
        .offer = "250-AUTH PLAIN\r\n",
        .auth = "535 5.7.8 no: AHN2YwBTZXNhbWUtb3Blbi05 Sesame-open-9",
        .verdict = CHECK_FAIL,
        .hop = CHECK_AUTH,
        .row = ADVICE_auth_wrong,
    };
    (void)state;
    check_scene_run(&scene);
    assert_false(transcript_has("Sesame") || transcript_has("AHN2Yw"));
    assert_null(strstr(check_scene_report()->hops[CHECK_AUTH].found, "Sesame"));
    assert_null(strstr(check_scene_report()->hops[CHECK_AUTH].found, "AHN2Yw"));
}

static void nothing_is_sent_unless_asked_for(void **state)
{
    (void)state;
    check_scene_run(check_scene_named("STARTTLS"));
    assert_true(heard("MAIL") && heard("RCPT") && heard("RSET") && !heard("DATA"));
    check_scene_run(check_scene_named("sent, no landing to look at"));
    assert_true(heard("DATA"));
}

static void a_stranger_is_asked_about_in_a_session_without_the_account(void **state)
{
    (void)state;
    check_scene_run(check_scene_named("an account"));
    const char *text = check_scene_heard();
    assert_true(heard("RCPT TO:<vedette-relay-test@example.net>"));
    const char *first = strstr(text, "AUTH");
    assert_non_null(first);
    assert_null(strstr(first + 1, "AUTH"));
}

static void with_tls_from_the_first_byte_tls_comes_right_after_connect(void **state)
{
    static const enum check_hop_id order[] = {CHECK_NAME,        CHECK_ROUTE,  CHECK_CONNECT, CHECK_TLS,
                                              CHECK_CERTIFICATE, CHECK_BANNER, CHECK_EHLO};
    (void)state;
    check_scene_run(check_scene_named("TLS"));
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        assert_int_equal(check_scene_hop(i), order[i]);
    check_scene_run(check_scene_named("STARTTLS"));
    for (size_t i = 0; i < CHECK_HOP_COUNT; i++)
        assert_int_equal(check_scene_hop(i), i);
}

static void what_is_found_by_trying_is_said(void **state)
{
    static const struct {
        const char *scene;
        enum smtp_security security;
    } cases[] = {{"security found: STARTTLS", SMTP_SECURITY_STARTTLS},
                 {"security found: TLS", SMTP_SECURITY_TLS},
                 {"security found: none", SMTP_SECURITY_NONE}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_scene_run(check_scene_named(cases[i].scene));
        assert_int_equal(check_scene_report()->security, cases[i].security);
        assert_true(check_scene_report()->guessed);
    }
}

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static void a_healthy_gateway_costs_less_than_50_ms(void **state)
{
    nanos best = 10 * NANOS_PER_SECOND, took = best;
    (void)state;
    /* The processor's time, the best of some: the machine may be busy with something else. */
    for (int i = 0; i < 10; i++) {
        check_scene_run(check_scene_named("an account"));
        if (check_scene_cpu() < best) {
            best = check_scene_cpu();
            took = check_scene_took();
        }
    }
    print_message("a check and its gateway: %.1f ms of processor, %.1f ms went by\n",
                  (double)best / (double)NANOS_PER_MS, (double)took / (double)NANOS_PER_MS);
    if (best >= (SANITIZED ? 500 : 50) * NANOS_PER_MS)
        fail_msg("it took %.1f ms of processor", (double)best / (double)NANOS_PER_MS);
}

static void a_silent_gateway_costs_its_timeout_and_little_more(void **state)
{
    (void)state;
    check_scene_run(check_scene_named("not a word"));
    assert_true(check_scene_took() < 5 * NANOS_PER_SECOND);
    check_scene_run(check_scene_named("RCPT not answered"));
    assert_true(check_scene_took() < 5 * NANOS_PER_SECOND);
}

static void it_can_be_given_up_at_any_time(void **state)
{
    (void)state;
    for (size_t hops = 1; hops <= CHECK_HOP_COUNT; hops++) {
        check_scene_abandon(check_scene_named("an account"), hops);
        check_scene_abandon(check_scene_named("sent and landed"), hops);
        check_scene_abandon(check_scene_named("TLS where a greeting was expected"), hops);
    }
}

static void an_address_that_is_none_is_refused_at_once(void **state)
{
    (void)state;
    static const struct check_handler handler = {0};
    struct check *check = NULL;
    struct err err;
    struct loop *loop = loop_new();
    const struct check_request request = {.gateway.address = "mx.example.org"};
    assert_int_equal(check_new(loop, &request, &handler, NULL, &check, &err), -1);
    assert_null(check);
    check_free(NULL);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_a_certificate_that_is_not_trusted_neither_account_nor_mail_is_told),
        cmocka_unit_test(an_account_is_never_told_in_the_clear),
        cmocka_unit_test(the_transcript_shows_the_dialogue_and_no_secret),
        cmocka_unit_test(a_gateway_that_repeats_the_secret_does_not_get_it_into_the_report),
        cmocka_unit_test(nothing_is_sent_unless_asked_for),
        cmocka_unit_test(a_stranger_is_asked_about_in_a_session_without_the_account),
        cmocka_unit_test(with_tls_from_the_first_byte_tls_comes_right_after_connect),
        cmocka_unit_test(what_is_found_by_trying_is_said),
        cmocka_unit_test(a_healthy_gateway_costs_less_than_50_ms),
        cmocka_unit_test(a_silent_gateway_costs_its_timeout_and_little_more),
        cmocka_unit_test(it_can_be_given_up_at_any_time),
        cmocka_unit_test(an_address_that_is_none_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, check_scenes_open, check_scenes_close);
}
