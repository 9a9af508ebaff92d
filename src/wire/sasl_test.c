/* SASL against GNU SASL's own server side: the exchanges complete, the server must prove itself, and secrets
 * neither go out in the clear nor come back in what is shown. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <gsasl.h>

#include "wire/base64.h"
#include "wire/sasl.h"

static const sv binding = SV_INIT("0123456789abcdef0123456789abcdef");

static int server_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    (void)library;
    const char *value = NULL;
    if (property == GSASL_PASSWORD)
        value = (const char *)gsasl_session_hook_get(session);
    if (property == GSASL_CB_TLS_EXPORTER)
        value = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
    if (!value)
        return GSASL_NO_CALLBACK;
    return gsasl_property_set(session, property, value);
}

/* Runs `mechanism` from the client's first message on against a server that knows server_password. Bit of the
 * server's last message are turned over if forge is set. Returns the last failing side's verdict. */
struct meeting {
    const char *mechanism, *server_password;
    bool forge;
    bool client_failed, client_done, server_accepted;
    struct err err;
};

static void meet(struct meeting *meeting)
{
    Gsasl *library;
    Gsasl_session *server;
    assert_int_equal(gsasl_init(&library), GSASL_OK);
    gsasl_callback_set(library, server_property);
    assert_int_equal(gsasl_server_start(library, meeting->mechanism, &server), GSASL_OK);
    char *password = strdup(meeting->server_password);
    gsasl_session_hook_set(server, password);

    struct sasl *sasl;
    struct smtp_credentials credentials = {
        .username = SV("user"), .secret = SV("tr0ub4dor"), .channel_binding = binding};
    assert_int_equal(sasl_open(&credentials, sv_of(meeting->mechanism), true, &sasl, &meeting->err), 0);
    assert_string_equal(sasl_mechanism(sasl), meeting->mechanism);
    struct buf line = BUF_INIT(SASL_LINE_MAX);
    sv initial;
    if (sasl_initial(sasl, &initial))
        buf_put(&line, initial);
    int code = GSASL_NEEDS_MORE;
    while (code == GSASL_NEEDS_MORE && !meeting->client_failed) {
        assert_false(sasl_done(sasl) && code == GSASL_NEEDS_MORE && meeting->forge);
        buf_put_char(&line, '\0');
        char *challenge = NULL;
        code = gsasl_step64(server, buf_view(&line).p, &challenge);
        buf_clear(&line);
        if ((code != GSASL_OK && code != GSASL_NEEDS_MORE) || !challenge)
            break;
        if (meeting->forge && code == GSASL_OK)
            challenge[6] = challenge[6] == 'A' ? 'B' : 'A';
        if (*challenge || code == GSASL_NEEDS_MORE)
            meeting->client_failed = sasl_step(sasl, sv_of(challenge), &line, &meeting->err) < 0;
        gsasl_free(challenge);
    }
    meeting->server_accepted = code == GSASL_OK;
    meeting->client_done = sasl_done(sasl);
    sasl_close(sasl);
    buf_free(&line);
    gsasl_finish(server);
    gsasl_done(library);
    free(password);
}

static void scram_completes_and_the_server_proves_itself(void **state)
{
    (void)state;
    static const char *const names[] = {"SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
    for (size_t i = 0; i < 3; i++) {
        struct meeting good = {.mechanism = names[i], .server_password = "tr0ub4dor"};
        meet(&good);
        assert_true(good.server_accepted && good.client_done && !good.client_failed);
        struct meeting wrong = {.mechanism = names[i], .server_password = "other"};
        meet(&wrong);
        assert_false(wrong.server_accepted || wrong.client_done);
    }
}

static void a_forged_server_signature_is_not_believed(void **state)
{
    (void)state;
    struct meeting forged = {.mechanism = "SCRAM-SHA-256", .server_password = "tr0ub4dor", .forge = true};
    meet(&forged);
    assert_true(forged.client_failed && !forged.client_done);
    assert_true(strlen(forged.err.cause) > 0 && strlen(forged.err.advice) > 0);
}

static void cram_md5_is_accepted_by_a_server(void **state)
{
    (void)state;
    struct meeting cram = {.mechanism = "CRAM-MD5", .server_password = "tr0ub4dor"};
    meet(&cram);
    assert_true(cram.server_accepted && cram.client_done);
}

static const struct {
    const char *offered, *wanted, *chosen, *cause;
    bool encrypted, binding;
} choices[] = {
    {"PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256-PLUS SCRAM-SHA-256", "", "SCRAM-SHA-256-PLUS", NULL, true, true},
    {"PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256-PLUS SCRAM-SHA-256", "", "SCRAM-SHA-256", NULL, true, false},
    {"PLAIN SCRAM-SHA-256-PLUS SCRAM-SHA-1", "", "SCRAM-SHA-1", NULL, false, true},
    {"plain login", "", "PLAIN", NULL, true, false},
    {"LOGIN", "", "LOGIN", NULL, true, false},
    {"LOGIN CRAM-MD5", "", "CRAM-MD5", NULL, false, false},
    {"PLAIN SCRAM-SHA-256", "plain", "PLAIN", NULL, true, false},
    {"XOAUTH2 PLAIN", "XOAUTH2", "XOAUTH2", NULL, true, false},
    {"XOAUTH2 OAUTHBEARER", "", NULL, "takes no passwords; it offers XOAUTH2 OAUTHBEARER", true, false},
    {"PLAIN", "", NULL, "PLAIN would show the password", false, false},
    {"PLAIN", "CRAM-MD5", NULL, "does not offer CRAM-MD5; it offers PLAIN", true, false},
    {"", "PLAIN", NULL, "it offers none", true, false},
    {"NTLM", "NTLM", NULL, "NTLM is not known", true, false},
    {"NTLM", "", NULL, "it offers NTLM", true, false},
    {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256-PLUS", NULL, "needs TLS 1.3", true, false},
    {"SCRAM-SHA-256X", "SCRAM-SHA-256", NULL, "does not offer SCRAM-SHA-256", true, false},
};

static void the_strongest_that_will_do_is_chosen(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        struct smtp_credentials credentials = {.username = SV("user"),
                                               .secret = SV("tr0ub4dor"),
                                               .mechanism = sv_of(choices[i].wanted),
                                               .channel_binding = choices[i].binding ? binding : SV_NONE};
        struct sasl *sasl = NULL;
        struct err err = {0};
        int opened = sasl_open(&credentials, sv_of(choices[i].offered), choices[i].encrypted, &sasl, &err);
        if (choices[i].chosen) {
            assert_int_equal(opened, 0);
            assert_string_equal(sasl_mechanism(sasl), choices[i].chosen);
        } else {
            assert_int_equal(opened, -1);
            if (!strstr(err.cause, choices[i].cause))
                fail_msg("%zu: %s", i, err.cause);
            assert_true(strlen(err.advice) > 0);
        }
        sasl_close(sasl);
    }
}

static void credentials_that_would_forge_a_field_are_refused(void **state)
{
    (void)state;
    static const struct {
        sv username, secret, mechanism;
    } bad[] = {
        {SV_INIT("user\0x"), SV_INIT("p"), SV_INIT("PLAIN")},
        {SV_INIT("us\ner"), SV_INIT("p"), SV_INIT("PLAIN")},
        {SV_INIT(""), SV_INIT("p"), SV_INIT("PLAIN")},
        {SV_INIT("user"), SV_INIT(""), SV_INIT("PLAIN")},
        {SV_INIT("user"), SV_INIT("p\0q"), SV_INIT("PLAIN")},
        {SV_INIT("user"), SV_INIT("token\n"), SV_INIT("XOAUTH2")},
        {SV_INIT("user"), SV_INIT("token\001host=x"), SV_INIT("OAUTHBEARER")},
        {SV_INIT("user\001auth=x"), SV_INIT("token"), SV_INIT("XOAUTH2")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct smtp_credentials credentials = {
            .username = bad[i].username, .secret = bad[i].secret, .mechanism = bad[i].mechanism};
        struct sasl *sasl;
        struct err err;
        assert_int_equal(sasl_open(&credentials, SV("PLAIN XOAUTH2 OAUTHBEARER"), true, &sasl, &err), -1);
        assert_int_equal(err.class, ERR_CONFIG);
    }
}

static void a_long_token_has_its_place(void **state)
{
    (void)state;
    char token[8192];
    memset(token, 't', sizeof token);
    struct smtp_credentials credentials = {
        .username = SV("us,e=r"), .secret = {token, sizeof token}, .mechanism = SV("OAUTHBEARER")};
    struct sasl *sasl;
    struct err err;
    assert_int_equal(sasl_open(&credentials, SV("OAUTHBEARER"), true, &sasl, &err), 0);
    sv initial;
    assert_true(sasl_initial(sasl, &initial));
    struct buf plain = BUF_INIT(16384);
    assert_int_equal(base64_decode(initial, &plain), 0);
    assert_true(sv_starts(buf_view(&plain), SV("n,a=us=2Ce=3Dr,\001auth=Bearer tttt")));
    assert_true(sv_ends(buf_view(&plain), SV("tttt\001\001")));
    buf_free(&plain);
    sasl_close(sasl);
}

static void the_secret_is_masked_in_any_form_it_was_sent_in(void **state)
{
    (void)state;
    struct smtp_credentials credentials = {
        .username = SV("user"), .secret = SV("tr0ub4dor"), .mechanism = SV("LOGIN")};
    struct sasl *sasl;
    struct err err;
    struct buf out = BUF_INIT(1024);
    assert_int_equal(sasl_open(&credentials, SV("LOGIN"), true, &sasl, &err), 0);
    assert_int_equal(sasl_step(sasl, SV("VXNlcm5hbWU6"), &out, &err), 0);
    assert_int_equal(sasl_step(sasl, SV("UGFzc3dvcmQ6"), &out, &err), 0);
    char text[] = "no tr0ub4dor,tr0ub4dor nor dHIwdWI0ZG9y; tr0ub4do";
    sasl_mask(sasl, text);
    assert_string_equal(text, "no *********,********* nor ************; tr0ub4do");
    assert_int_equal(sasl_step(sasl, SV("UGFzc3dvcmQ6"), &out, &err), -1);
    buf_free(&out);
    sasl_close(sasl);
    sasl_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scram_completes_and_the_server_proves_itself),
        cmocka_unit_test(a_forged_server_signature_is_not_believed),
        cmocka_unit_test(cram_md5_is_accepted_by_a_server),
        cmocka_unit_test(the_strongest_that_will_do_is_chosen),
        cmocka_unit_test(credentials_that_would_forge_a_field_are_refused),
        cmocka_unit_test(a_long_token_has_its_place),
        cmocka_unit_test(the_secret_is_masked_in_any_form_it_was_sent_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
