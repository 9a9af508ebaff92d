/* Logins, from the asking side to the keeper's and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret/account_key.h"
#include "secret/gatekeeper.h"
#include "secret/lockout.h"
#include "secret/login.h"
#include "wire/base64.h"
#include "wire/sasl.h"

#include <stdlib.h>
#include <unistd.h>

struct fixture {
    struct loop *loop;
    struct gatekeeper *gatekeeper;
    struct login *login;
    struct channel *keeper_side, *asking_side;
    struct config_account accounts[3];
    struct config_relay relay;
    char scram[ACCOUNT_KEY_TEXT_MAX], argon2id[ACCOUNT_KEY_TEXT_MAX];
    int answers;
    enum login_outcome outcome;
    char text[300], why[200];
};

static int fetch(void *arg, const char *reference, struct secret **ret, struct err *err)
{
    const struct fixture *fixture = arg;
    if (strcmp(reference, "file/broken") == 0)
        return err_set(err, ERR_CONFIG, NULL, "no such file");
    *ret = secret_new(sv_of(strcmp(reference, "file/ann") == 0 ? fixture->scram : fixture->argon2id));
    return 0;
}

static void on_keeper_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    const struct fixture *fixture = arg;
    (void)fd;
    gatekeeper_message(fixture->gatekeeper, channel, type, body);
}

static void on_asking_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    const struct fixture *fixture = arg;
    (void)channel;
    (void)fd;
    assert_int_equal(type, CONTROL_LOGIN_ANSWER);
    login_message(fixture->login, body);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    (void)err;
}

static void make_key(enum account_key_kind kind, const char *password, char *key)
{
    struct buf text = BUF_INIT(ACCOUNT_KEY_TEXT_MAX - 1);
    struct err err;
    assert_int_equal(account_key_make(kind, sv_of(password), &text, &err), 0);
    sv_copy(key, ACCOUNT_KEY_TEXT_MAX, buf_view(&text));
    buf_free(&text);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    int ends[2];
    struct err err;
    fixture->loop = loop_new();
    make_key(ACCOUNT_KEY_SCRAM, "open sesame", fixture->scram);
    make_key(ACCOUNT_KEY_ARGON2ID, "xyzzy", fixture->argon2id);
    fixture->accounts[0] = (struct config_account){.name = "ann", .password = "file/ann"};
    fixture->accounts[1] = (struct config_account){.name = "bob", .password = "file/bob"};
    fixture->accounts[2] = (struct config_account){.name = "broken", .password = "file/broken"};
    fixture->relay = (struct config_relay){.accounts = fixture->accounts, .account_count = 3};
    fixture->gatekeeper = gatekeeper_new(fixture->loop, &fixture->relay, fetch, fixture);
    fixture->login = login_new(fixture->loop);
    assert_int_equal(channel_pair(ends, &err), 0);
    fixture->keeper_side = channel_new(fixture->loop, ends[0], on_keeper_message, on_closed, fixture);
    fixture->asking_side = channel_new(fixture->loop, ends[1], on_asking_message, on_closed, fixture);
    login_connect(fixture->login, fixture->asking_side);
    log_setup("keeper", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    login_free(fixture->login);
    gatekeeper_free(fixture->gatekeeper);
    channel_free(fixture->keeper_side);
    channel_free(fixture->asking_side);
    loop_free(fixture->loop);
    free(fixture);
    return 0;
}

static void on_answer(void *arg, enum login_outcome outcome, sv text, sv why)
{
    struct fixture *fixture = arg;
    fixture->answers++;
    fixture->outcome = outcome;
    sv_copy(fixture->text, sizeof fixture->text, text);
    sv_copy(fixture->why, sizeof fixture->why, why);
    loop_stop(fixture->loop);
}

static uint64_t begin(struct fixture *fixture, const char *mechanism, bool given, sv response)
{
    struct login_request request = {
        .mechanism = sv_of(mechanism), .client_ip = SV("192.0.2.1"), .given = given, .response = response};
    uint64_t exchange = login_begin(fixture->login, &request, on_answer, fixture);
    loop_run(fixture->loop);
    return exchange;
}

static enum login_outcome plain(struct fixture *fixture, sv response)
{
    begin(fixture, "PLAIN", true, response);
    return fixture->outcome;
}

static enum login_outcome scram(struct fixture *fixture, const char *user, const char *password)
{
    struct smtp_credentials credentials = {.username = sv_of(user), .secret = sv_of(password)};
    struct sasl *client;
    struct err err;
    sv initial;
    struct buf bytes = BUF_INIT(4096), line = BUF_INIT(4096);
    assert_int_equal(sasl_open(&credentials, SV("SCRAM-SHA-256"), true, &client, &err), 0);
    assert_true(sasl_initial(client, &initial));
    base64_decode(initial, &bytes);
    uint64_t exchange = begin(fixture, "SCRAM-SHA-256", true, buf_view(&bytes));
    while (fixture->outcome == LOGIN_CHALLENGE) {
        struct buf challenge = BUF_INIT(4096);
        base64_encode(sv_of(fixture->text), &challenge);
        buf_clear(&line);
        buf_clear(&bytes);
        int failed = sasl_step(client, buf_view(&challenge), &line, &err);
        buf_free(&challenge);
        assert_false(failed);
        base64_decode(buf_view(&line), &bytes);
        login_say(fixture->login, exchange, buf_view(&bytes));
        loop_run(fixture->loop);
    }
    assert_true(fixture->outcome != LOGIN_WELCOME || sasl_done(client));
    sasl_close(client);
    buf_free(&bytes);
    buf_free(&line);
    return fixture->outcome;
}

static void the_right_password_gets_in_by_each_mechanism_that_its_key_allows(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(plain(fixture, SV("\0ann\0open sesame")), LOGIN_WELCOME);
    assert_string_equal(fixture->text, "ann");
    assert_int_equal(plain(fixture, SV("\0bob\0xyzzy")), LOGIN_WELCOME);
    assert_int_equal(scram(fixture, "ann", "open sesame"), LOGIN_WELCOME);
    assert_string_equal(fixture->text, "ann");
    uint64_t exchange = begin(fixture, "LOGIN", false, SV_NONE);
    assert_int_equal(fixture->outcome, LOGIN_CHALLENGE);
    login_say(fixture->login, exchange, SV("ann"));
    loop_run(fixture->loop);
    login_say(fixture->login, exchange, SV("open sesame"));
    loop_run(fixture->loop);
    assert_int_equal(fixture->outcome, LOGIN_WELCOME);
}

static void nobody_else_gets_in(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(plain(fixture, SV("\0ann\0shut")), LOGIN_REFUSED);
    assert_string_equal(fixture->text, "ann");
    assert_int_equal(plain(fixture, SV("\0nobody\0open sesame")), LOGIN_REFUSED);
    assert_string_equal(fixture->why, "no such account");
    assert_int_equal(plain(fixture, SV("bob\0ann\0open sesame")), LOGIN_REFUSED);
    assert_int_equal(plain(fixture, SV("ann")), LOGIN_MALFORMED);
    assert_int_equal(plain(fixture, SV("\0broken\0x")), LOGIN_LATER);
    assert_int_equal(scram(fixture, "ann", "shut"), LOGIN_REFUSED);
    assert_int_equal(scram(fixture, "nobody", "shut"), LOGIN_REFUSED);
    assert_int_equal(scram(fixture, "bob", "xyzzy"), LOGIN_REFUSED); /* argon2id serves no SCRAM */
    begin(fixture, "CRAM-MD5", false, SV_NONE);
    assert_int_equal(fixture->outcome, LOGIN_LATER);
}

static void guessing_ends_in_waiting_even_with_the_right_password(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < LOCKOUT_FREE + 3; i++)
        plain(fixture, SV("\0bob\0plugh"));
    assert_int_equal(plain(fixture, SV("\0bob\0xyzzy")), LOGIN_LATER);
    assert_int_equal(scram(fixture, "bob", "xyzzy"), LOGIN_LATER);
    assert_int_equal(plain(fixture, SV("\0ann\0open sesame")), LOGIN_WELCOME);
}

static void who_leaves_in_the_middle_is_forgotten_and_no_answer_comes(void **state)
{
    struct fixture *fixture = *state;
    uint64_t exchange = begin(fixture, "LOGIN", false, SV_NONE);
    login_drop(fixture->login, exchange);
    struct login_request request = {.mechanism = SV("PLAIN"),
                                    .client_ip = SV("192.0.2.1"),
                                    .given = true,
                                    .response = SV("\0ann\0open sesame")};
    login_drop(fixture->login, login_begin(fixture->login, &request, on_answer, fixture));
    login_say(fixture->login, exchange, SV("ann"));
    assert_int_equal(fixture->answers, 1);
    assert_int_equal(plain(fixture, SV("\0ann\0open sesame")), LOGIN_WELCOME);
    assert_int_equal(fixture->answers, 2);
}

static void without_a_keeper_nobody_can_tell_now(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, "LOGIN", false, SV_NONE);
    login_connect(fixture->login, NULL);
    loop_run(fixture->loop);
    assert_int_equal(fixture->answers, 2);
    assert_int_equal(fixture->outcome, LOGIN_LATER);
    gatekeeper_forget(fixture->gatekeeper, fixture->keeper_side);
    assert_int_equal(plain(fixture, SV("\0ann\0open sesame")), LOGIN_LATER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_right_password_gets_in_by_each_mechanism_that_its_key_allows),
        TEST(nobody_else_gets_in),
        TEST(guessing_ends_in_waiting_even_with_the_right_password),
        TEST(who_leaves_in_the_middle_is_forgotten_and_no_answer_comes),
        TEST(without_a_keeper_nobody_can_tell_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
