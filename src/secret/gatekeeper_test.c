/* Logins, from the asking side to the keeper's and back. */
#include "secret/gatekeeper_fixture.h"

#include "secret/lockout.h"
#include "wire/base64.h"
#include "wire/sasl.h"

#include <time.h>

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

struct tally {
    struct loop *loop;
    int refused, later, left;
};

static void tally(void *arg, enum login_outcome outcome, sv text, sv why)
{
    struct tally *tally = arg;
    (void)text;
    (void)why;
    tally->refused += outcome == LOGIN_REFUSED;
    tally->later += outcome == LOGIN_LATER;
    if (--tally->left == 0)
        loop_stop(tally->loop);
}

/* So many at the same time, the right password last. */
static struct tally plain_at_once(struct fixture *fixture, int count, sv wrong, sv right)
{
    struct tally counts = {.loop = fixture->loop, .left = count};
    for (int i = 0; i < count; i++) {
        struct login_request request = {
            .mechanism = SV("PLAIN"),
            .client_ip = SV("192.0.2.1"),
            .given = true,
            .response = i + 1 < count ? wrong : right,
        };
        login_begin(fixture->login, &request, tally, &counts);
    }
    loop_run(fixture->loop);
    return counts;
}

static void guessing_many_at_once_is_no_faster(void **state)
{
    enum { AT_ONCE = 20 };
    struct tally counts = plain_at_once(*state, AT_ONCE, SV("\0ann\0shut"), SV("\0ann\0open sesame"));
    assert_int_equal(counts.refused, LOCKOUT_FREE);
    assert_int_equal(counts.later, AT_ONCE - LOCKOUT_FREE);
}

/* Others wait for the same thread. */
static void what_many_guesses_are_put_off_for_is_not_worked_out(void **state)
{
    enum { AT_ONCE = 60 };
    struct fixture *fixture = *state;
    clock_t begun = clock();
    assert_int_equal(plain(fixture, SV("\0bob\0plugh")), LOGIN_REFUSED);
    clock_t once = clock() - begun;
    begun = clock();
    struct tally counts = plain_at_once(fixture, AT_ONCE, SV("\0bob\0plugh"), SV("\0bob\0xyzzy"));
    assert_true(counts.refused < AT_ONCE / 4);
    assert_true(clock() - begun < once * AT_ONCE / 2);
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
        TEST(guessing_many_at_once_is_no_faster),
        TEST(what_many_guesses_are_put_off_for_is_not_worked_out),
        TEST(who_leaves_in_the_middle_is_forgotten_and_no_answer_comes),
        TEST(without_a_keeper_nobody_can_tell_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
