/* Who proves what to the server, with our own client at the other end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/base64.h"
#include "wire/sasl.h"
#include "wire/sasl_server.h"

#include <gsasl.h>
#include <stdio.h>

static char key[400];

/* Of the password "open sesame". */
static int make_key(void **state)
{
    (void)state;
    static const char salt[] = "0123456789abcdef";
    char salted[32], client[32], server[32], stored[32];
    int code = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, "open sesame", 4096, salt, 16, salted,
                                                 client, server, stored);
    assert_int_equal(code, GSASL_OK);
    struct buf text = BUF_INIT(sizeof key - 1);
    buf_put(&text, SV("SCRAM-SHA-256$4096:"));
    base64_encode(sv_make(salt, 16), &text);
    buf_put(&text, SV("$"));
    base64_encode(sv_make(stored, 32), &text);
    buf_put(&text, SV(":"));
    base64_encode(sv_make(server, 32), &text);
    sv_copy(key, sizeof key, buf_view(&text));
    buf_free(&text);
    return 0;
}

static const char *find_key(void *arg, sv user)
{
    sv_copy(arg, 100, user);
    return sv_eq(user, SV("ann"))
               ? key
               : "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
}

/* The whole exchange; the server's last step. */
static enum sasl_server_step hold(const char *mechanism, const char *user, const char *secret,
                                  sv client_binding, sv server_binding, bool *ret_client_done)
{
    char asked[100] = "";
    struct smtp_credentials credentials = {.username = sv_of(user),
                                           .secret = sv_of(secret),
                                           .mechanism = sv_of(mechanism),
                                           .channel_binding = client_binding};
    struct sasl *client;
    struct err err;
    assert_int_equal(sasl_open(&credentials, sv_of(mechanism), true, &client, &err), 0);
    struct sasl_server *server = sasl_server_open(sv_of(mechanism), server_binding, find_key, asked);
    assert_non_null(server);
    struct buf line = BUF_INIT(SASL_LINE_MAX), plain = BUF_INIT(SASL_LINE_MAX);
    sv initial;
    bool given = sasl_initial(client, &initial);
    base64_decode(given ? initial : SV(""), &plain);
    enum sasl_server_step step = sasl_server_step(server, given, buf_view(&plain));
    while (step == SASL_SERVER_CHALLENGE) {
        struct buf challenge = BUF_INIT(SASL_LINE_MAX);
        base64_encode(sasl_server_challenge(server), &challenge);
        buf_clear(&line);
        buf_clear(&plain);
        int failed = sasl_step(client, buf_view(&challenge), &line, &err);
        buf_free(&challenge);
        if (failed)
            break;
        base64_decode(buf_view(&line), &plain);
        step = sasl_server_step(server, true, buf_view(&plain));
    }
    assert_true(step == SASL_SERVER_MALFORMED || sv_eq(sasl_server_user(server), sv_of(user)));
    if (step == SASL_SERVER_CHECK)
        assert_true(sv_eq(sasl_server_password(server), sv_of(secret)));
    *ret_client_done = sasl_done(client);
    sasl_server_close(server);
    sasl_close(client);
    buf_free(&line);
    buf_free(&plain);
    return step;
}

static void each_mechanism_of_our_client_gets_in_with_the_right_secret(void **state)
{
    (void)state;
    bool done;
    sv binding = SV("0123456789abcdef0123456789abcdef");
    assert_int_equal(hold("PLAIN", "ann", "open sesame", SV_NONE, SV_NONE, &done), SASL_SERVER_CHECK);
    assert_int_equal(hold("LOGIN", "ann", "open sesame", SV_NONE, SV_NONE, &done), SASL_SERVER_CHECK);
    assert_int_equal(hold("SCRAM-SHA-256", "ann", "open sesame", SV_NONE, SV_NONE, &done), SASL_SERVER_DONE);
    assert_true(done);
    assert_int_equal(hold("SCRAM-SHA-256", "ann", "open sesame", SV_NONE, binding, &done), SASL_SERVER_DONE);
    assert_int_equal(hold("SCRAM-SHA-256-PLUS", "ann", "open sesame", binding, binding, &done),
                     SASL_SERVER_DONE);
    assert_true(done);
}

static void the_wrong_secret_user_or_channel_stays_out(void **state)
{
    (void)state;
    bool done;
    sv binding = SV("0123456789abcdef0123456789abcdef");
    assert_int_equal(hold("SCRAM-SHA-256", "ann", "shut", SV_NONE, SV_NONE, &done), SASL_SERVER_FAILED);
    assert_int_equal(hold("SCRAM-SHA-256", "bob", "open sesame", SV_NONE, SV_NONE, &done),
                     SASL_SERVER_FAILED);
    assert_int_equal(hold("SCRAM-SHA-256-PLUS", "ann", "open sesame", binding,
                          SV("another channel's exporter bytes"), &done),
                     SASL_SERVER_FAILED);
    assert_false(done);
    assert_null(sasl_server_open(SV("SCRAM-SHA-256-PLUS"), SV_NONE, find_key, NULL));
    assert_null(sasl_server_open(SV("CRAM-MD5"), binding, find_key, NULL));
}

static const struct {
    const char *mechanism;
    sv responses[3];
    enum sasl_server_step last;
} scripts[] = {
    {"PLAIN", {SV_INIT("ann\0ann\0x")}, SASL_SERVER_CHECK},
    {"PLAIN", {SV_INIT("root\0ann\0x")}, SASL_SERVER_FAILED}, /* an authzid that is another */
    {"PLAIN", {SV_INIT("\0an\nn\0x")}, SASL_SERVER_MALFORMED},
    {"PLAIN", {SV_INIT("\0\0x")}, SASL_SERVER_MALFORMED},
    {"PLAIN", {SV_INIT("\0ann\0")}, SASL_SERVER_MALFORMED},
    {"PLAIN", {SV_INIT("\0ann\0x\0y")}, SASL_SERVER_MALFORMED},
    {"PLAIN", {SV_INIT("ann")}, SASL_SERVER_MALFORMED},
    {"PLAIN", {SV_INIT("\0ann")}, SASL_SERVER_MALFORMED},
    {"PLAIN", {SV_INIT("")}, SASL_SERVER_MALFORMED},
    {"LOGIN", {SV_INIT("ann"), SV_INIT("x")}, SASL_SERVER_CHECK},
    {"LOGIN", {SV_INIT("an\nn")}, SASL_SERVER_MALFORMED},
    {"LOGIN", {SV_INIT("")}, SASL_SERVER_MALFORMED},
    {"LOGIN", {SV_INIT("ann"), SV_INIT("")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER",
     {SV_INIT("n,a=ann,\001host=x\001port=465\001auth=Bearer abc.def\001\001")},
     SASL_SERVER_TOKEN},
    {"OAUTHBEARER", {SV_INIT("n,,\001auth=bearer abc\001\001")}, SASL_SERVER_TOKEN},
    {"OAUTHBEARER", {SV_INIT("n,a=ann,\001auth=Basic abc\001\001")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("n,a=ann,\001auth=Bearer \001\001")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("n,a=ann,\001auth=Bearer a b\001\001")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("n,a=ann,\001auth=Bearer a\001auth=Bearer b\001\001")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("n,a=a=n,\001auth=Bearer a\001\001")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("n,a=ann,\001auth=Bearer a\001")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("n,a=ann,\001auth=Bearer a\001\001more")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("y,,\001auth=Bearer a\001\001")}, SASL_SERVER_MALFORMED},
    {"OAUTHBEARER", {SV_INIT("")}, SASL_SERVER_MALFORMED},
    {"SCRAM-SHA-256", {SV_INIT("rubbish")}, SASL_SERVER_MALFORMED},
    {"SCRAM-SHA-256", {SV_INIT("n,,n=an\nn,r=abc")}, SASL_SERVER_FAILED},
    {"SCRAM-SHA-256", {SV_INIT("p=tls-unique,,n=ann,r=abc")}, SASL_SERVER_FAILED},
    /* The client could bind and was made to believe that we cannot (RFC 5802 §6). */
    {"SCRAM-SHA-256", {SV_INIT("y,,n=ann,r=abc")}, SASL_SERVER_FAILED},
};

static void responses_without_form_get_nobody_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        char asked[100];
        struct sasl_server *server =
            sasl_server_open(sv_of(scripts[i].mechanism), SV("exporter"), find_key, asked);
        enum sasl_server_step step = SASL_SERVER_CHALLENGE;
        for (size_t j = 0; j < 3 && step == SASL_SERVER_CHALLENGE && scripts[i].responses[j].p; j++)
            step = sasl_server_step(server, true, scripts[i].responses[j]);
        if (step != scripts[i].last)
            fail_msg("case %zu: %d", i, (int)step);
        sasl_server_close(server);
    }
}

static void a_token_that_is_nobodys_ends_in_an_error_that_the_client_acknowledges(void **state)
{
    (void)state;
    struct sasl_server *server = sasl_server_open(SV("OAUTHBEARER"), SV_NONE, find_key, NULL);
    assert_int_equal(sasl_server_step(server, true, SV("n,a=a=2Cn=3D,\001auth=Bearer abc\001\001")),
                     SASL_SERVER_TOKEN);
    assert_true(sv_eq(sasl_server_user(server), SV("a,n=")));
    assert_true(sv_eq(sasl_server_password(server), SV("abc")));
    assert_int_equal(sasl_server_reject(server), SASL_SERVER_CHALLENGE);
    assert_true(sv_find(sasl_server_challenge(server), SV("invalid_token")) != SV_NPOS);
    assert_int_equal(sasl_server_step(server, true, SV("\001")), SASL_SERVER_FAILED);
    sasl_server_close(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_mechanism_of_our_client_gets_in_with_the_right_secret, make_key),
        cmocka_unit_test_setup(the_wrong_secret_user_or_channel_stays_out, make_key),
        cmocka_unit_test(responses_without_form_get_nobody_in),
        cmocka_unit_test(a_token_that_is_nobodys_ends_in_an_error_that_the_client_acknowledges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
