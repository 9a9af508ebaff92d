/* TLS and authentication in our client's sessions: what must not be said, and to whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/smtp_client_fixture.h"

static const struct dialogue dialogues[] = {
    {.name = "STARTTLS: greeted again and all forgotten",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250-PIPELINING\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
               S("220 go\r\n"), TLS, C("EHLO me.example.org\r\n"), S("250 mx.example.org\r\n"), C(MAIL),
               S("250 ok\r\n"), C("RCPT TO:<soc@example.org>\r\n"), S("250 ok\r\n"), C("DATA\r\n"),
               S("354 go\r\n"), NOTE_BODY, S("250 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 starttls:220 want-tls ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 "
              "data:354 dot:250 "
              "sent:250/dot ready quit:221 closed"},
    /* STARTTLS under attack (CVE-2021-22946, CVE-2021-22947): neither AUTH nor MAIL is ever said. */
    {.name = "STARTTLS not offered",
     .security = SMTP_SECURITY_STARTTLS,
     .mechanism = "",
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN\r\n")},
     .story = "banner:220 ehlo:250 failed/ehlo",
     .cause = "does not offer STARTTLS"},
    {.name = "STARTTLS refused with 454",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("454 later\r\n")},
     .story = "banner:220 ehlo:250 starttls:454 failed/starttls/answered",
     .cause = "refuses it: 454 later"},
    {.name = "STARTTLS refused with 502",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("502 no\r\n")},
     .story = "banner:220 ehlo:250 starttls:502 failed/starttls/answered",
     .cause = "refuses it: 502 no"},
    {.name = "STARTTLS answered with 354",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("354 go\r\n")},
     .story = "banner:220 ehlo:250 starttls:354 failed/starttls",
     .cause = "354 go is no answer to STARTTLS"},
    {.name = "EHLO refused so that HELO would have no STARTTLS",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("500 what\r\n")},
     .story = "banner:220 ehlo:500 failed/ehlo/answered",
     .cause = "refuses EHLO, so it has no STARTTLS"},
    {.name = "a reply put in after 220 go",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
               S("220 go\r\n250 x\r\n")},
     .story = NULL,
     .cause = "bytes came in the clear"},
    {.name = "half a line put in after 220 go",
     .security = SMTP_SECURITY_STARTTLS,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n2")},
     .story = NULL,
     .cause = "bytes came in the clear"},
    /* Where the configuration lets mail go in the clear. */
    {.name = "opportunistic: encrypted where it is offered",
     .security = SMTP_SECURITY_STARTTLS,
     .opportunistic = true,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n"), TLS,
               C("EHLO me.example.org\r\n"), S("250-mx.example.org\r\n250 PIPELINING\r\n"), NOTE_GROUP,
               S("250 ok\r\n250 ok\r\n354 go\r\n"), NOTE_BODY, S("250 ok\r\n"), GOODBYE},
     .story =
         "banner:220 ehlo:250 starttls:220 want-tls ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 "
         "dot:250 sent:250/dot ready quit:221 closed"},
    {.name = "opportunistic: in the clear where it is not",
     .security = SMTP_SECURITY_STARTTLS,
     .opportunistic = true,
     .messages = {&note},
     .steps = {HELLO_GROUPS, NOTE_GROUP, S("250 ok\r\n250 ok\r\n354 go\r\n"), NOTE_BODY, S("250 ok\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 ready mail:250 rcpt:250 rcpt[0]:250 data:354 dot:250 sent:250/dot ready "
              "quit:221 closed"},
    {.name = "opportunistic: in the clear where it is refused",
     .security = SMTP_SECURITY_STARTTLS,
     .opportunistic = true,
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("454 later\r\n"),
               GOODBYE},
     .story = "banner:220 ehlo:250 starttls:454 ready quit:221 closed"},
    {.name = "opportunistic: with a server that knows HELO alone",
     .security = SMTP_SECURITY_STARTTLS,
     .opportunistic = true,
     .steps = {HELLO, S("500 what\r\n"), C("HELO me.example.org\r\n"), S("250 mx\r\n"), GOODBYE},
     .story = "banner:220 ehlo:500 ehlo:250 ready quit:221 closed"},
    {.name = "opportunistic: what is put in after 220 ends it all the same",
     .security = SMTP_SECURITY_STARTTLS,
     .opportunistic = true,
     .messages = {&note},
     .steps = {HELLO, S("250-mx.example.org\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
               S("220 go\r\n250 x\r\n")},
     .story = NULL,
     .cause = "bytes came in the clear"},

    /* AUTH. */
    {.name = "PLAIN within TLS",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN PLAIN\r\n"),
               C("AUTH PLAIN AHVzZXIAdHIwdWI0ZG9y\r\n"), S("235 2.7.0 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 want-credentials auth:235 ready quit:221 closed"},
    {.name = "LOGIN within TLS, as old servers write their offer",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH=LOGIN\r\n"), C("AUTH LOGIN\r\n"),
               S("334 VXNlcm5hbWU6\r\n"), C("dXNlcg==\r\n"), S("334 UGFzc3dvcmQ6\r\n"), C("dHIwdWI0ZG9y\r\n"),
               S("235 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:334 auth:235 ready quit:221 closed"},
    {.name = "CRAM-MD5 is allowed in the clear and preferred to PLAIN",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN CRAM-MD5\r\n"), C("AUTH CRAM-MD5\r\n"),
               S("334 PDFAZXhhbXBsZS5vcmc+\r\n"),
               C("dXNlciAxMjE4MjU2YWFmNDZhNzk4NzRmZjRjZjk3MzU5NTQyYQ==\r\n"), S("235 ok\r\n"), GOODBYE},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:235 ready quit:221 closed"},
    {.name = "PLAIN in the clear is refused before anything is said",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN LOGIN\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "PLAIN would show the password"},
    {.name = "LOGIN by name in the clear is refused",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH CRAM-MD5 LOGIN\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "LOGIN would show the password"},
    {.name = "a token in the clear is refused",
     .security = SMTP_SECURITY_NONE,
     .mechanism = "XOAUTH2",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH XOAUTH2\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "XOAUTH2 would show the password"},
    {.name = "a mechanism that is not offered",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "scram-sha-256",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN LOGIN\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "does not offer SCRAM-SHA-256; it offers PLAIN LOGIN"},
    {.name = "nothing in common",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH GSSAPI NTLM\r\n")},
     .story = "banner:220 ehlo:250 want-credentials failed/auth",
     .cause = "it offers GSSAPI NTLM"},
    {.name = "AUTH not offered at all",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO_PLAIN},
     .story = "banner:220 ehlo:250 failed/ehlo",
     .cause = "does not offer AUTH"},
    {.name = "a wrong password; the secret that the gateway repeats is not told on",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH PLAIN\r\n"), C("AUTH PLAIN AHVzZXIAdHIwdWI0ZG9y\r\n"),
               S("535 5.7.8 tr0ub4dor AHVzZXIAdHIwdWI0ZG9y no\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:535 failed/auth/answered",
     .cause = "refuses our PLAIN authentication: 535 5.7.8 ********* ******************** no"},
    {.name = "XOAUTH2 answers the error with an empty line",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "XOAUTH2",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH XOAUTH2\r\n"),
               C("AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIHRyMHViNGRvcgEB\r\n"),
               S("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"), C("\r\n"), S("535 5.7.3 no\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:535 failed/auth/answered",
     .cause = "saying {\"status\":\"401\"}: 535"},
    {.name = "OAUTHBEARER answers the error with AQ==",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "OAUTHBEARER",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH OAUTHBEARER\r\n"),
               C("AUTH OAUTHBEARER bixhPXVzZXIsAWF1dGg9QmVhcmVyIHRyMHViNGRvcgEB\r\n"),
               S("334 eyJzdGF0dXMiOiI0MDEifQ==\r\n"), C("AQ==\r\n"), S("535 5.7.3 no\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:535 failed/auth/answered",
     .cause = "saying {\"status\":\"401\"}: 535"},
    {.name = "a challenge that is not base64 is cancelled",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN\r\n"), C("AUTH LOGIN\r\n"),
               S("334 Username:\r\n"), C("*\r\n"), S("501 cancelled\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:501 failed/auth",
     .cause = "not valid base64"},
    {.name = "a gateway that asks for ever is cancelled",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN\r\n"), C("AUTH LOGIN\r\n"),
               S("334 VXNlcm5hbWU6\r\n"), C("dXNlcg==\r\n"), S("334 UGFzc3dvcmQ6\r\n"), C("dHIwdWI0ZG9y\r\n"),
               S("334 UGFzc3dvcmQ6\r\n"), C("*\r\n"), S("334 x\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:334 auth:334 auth:334 auth:334 failed/auth",
     .cause = "334 (challenge) is no answer to the cancelled AUTH"},
    {.name = "success claimed before the exchange is complete is not believed",
     .security = SMTP_SECURITY_TLS,
     .mechanism = "LOGIN",
     .steps = {HELLO, S("250-mx.example.org\r\n250 AUTH LOGIN\r\n"), C("AUTH LOGIN\r\n"), S("235 ok\r\n")},
     .story = "banner:220 ehlo:250 want-credentials auth:235 failed/auth",
     .cause = "claims success before LOGIN is complete"},
};

static void each_dialogue_about_tls_and_logins_goes_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++)
        perform(&dialogues[i], 0);
}

static void each_dialogue_about_tls_and_logins_goes_the_same_a_byte_at_a_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dialogues / sizeof *dialogues; i++)
        perform(&dialogues[i], 1);
}

/* The client's first message has a nonce, so this is no row of the table. */
static void success_without_scrams_proof_is_not_believed(void **state)
{
    (void)state;
    struct smtp_client_options options = {
        .security = SMTP_SECURITY_NONE, .helo = SV("me.example.org"), .auth = true};
    struct smtp_client *client = smtp_client_new(&options);
    smtp_client_feed(client, SV("220 hi\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250-mx\r\n250 AUTH PLAIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_CREDENTIALS);
    smtp_client_authenticate(client,
                             &(struct smtp_credentials){.username = SV("user"), .secret = sv_of(secret)});
    sv out = smtp_client_output(client);
    assert_true(sv_starts(out, SV("AUTH SCRAM-SHA-256 ")));
    smtp_client_sent(client, out.n);
    smtp_client_feed(client, SV("235 welcome\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_FAILED);
    assert_non_null(strstr(smtp_client_failure(client)->cause, "without proof"));
    smtp_client_free(client);
}

static void tls_from_the_first_byte_comes_before_the_banner(void **state)
{
    (void)state;
    struct smtp_client_options options = {.security = SMTP_SECURITY_TLS, .helo = SV("me.example.org")};
    for (int clear = 0; clear < 2; clear++) {
        struct smtp_client *client = smtp_client_new(&options);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_TLS);
        assert_int_equal(smtp_client_next(client), SMTP_CLIENT_NEED_IO);
        assert_int_equal(smtp_client_stage(client), SMTP_STAGE_TLS);
        assert_int_equal(smtp_client_output(client).n, 0);
        assert_false(smtp_client_encrypted(client));
        if (!clear)
            smtp_client_tls_started(client);
        smtp_client_feed(client, SV("220 hi\r\n"));
        assert_int_equal(smtp_client_next(client), clear ? SMTP_CLIENT_FAILED : SMTP_CLIENT_ANSWER);
        assert_int_equal(smtp_client_stage(client), clear ? SMTP_STAGE_TLS : SMTP_STAGE_BANNER);
        smtp_client_free(client);
    }
}

static void a_token_too_long_for_the_command_waits_for_the_go(void **state)
{
    (void)state;
    char token[2000];
    memset(token, 't', sizeof token);
    struct smtp_client_options options = {
        .security = SMTP_SECURITY_TLS, .helo = SV("me.example.org"), .auth = true};
    struct smtp_client *client = smtp_client_new(&options);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_TLS);
    smtp_client_tls_started(client);
    smtp_client_feed(client, SV("220 hi\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("250-mx\r\n250 AUTH XOAUTH2\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_WANT_CREDENTIALS);
    smtp_client_authenticate(client, &(struct smtp_credentials){.username = SV("user"),
                                                                .secret = {token, sizeof token},
                                                                .mechanism = SV("XOAUTH2")});
    assert_true(sv_eq(smtp_client_output(client), SV("AUTH XOAUTH2\r\n")));
    smtp_client_sent(client, smtp_client_output(client).n);
    smtp_client_feed(client, SV("334 \r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    sv out = smtp_client_output(client);
    assert_true(out.n > sizeof token && sv_ends(out, SV("\r\n")));
    smtp_client_sent(client, out.n);
    smtp_client_feed(client, SV("235 ok\r\n"));
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_ANSWER);
    assert_int_equal(smtp_client_next(client), SMTP_CLIENT_READY);
    smtp_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_dialogue_about_tls_and_logins_goes_as_written),
        cmocka_unit_test(each_dialogue_about_tls_and_logins_goes_the_same_a_byte_at_a_time),
        cmocka_unit_test(success_without_scrams_proof_is_not_believed),
        cmocka_unit_test(tls_from_the_first_byte_comes_before_the_banner),
        cmocka_unit_test(a_token_too_long_for_the_command_waits_for_the_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
