/* A keeper and who asks it about logins, in one process. Not part of the program. */
#ifndef VEDETTE_SECRET_GATEKEEPER_FIXTURE_H
#define VEDETTE_SECRET_GATEKEEPER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret/account_key.h"
#include "secret/gatekeeper.h"
#include "secret/login.h"

#include <stdlib.h>

struct fixture {
    struct loop *loop;
    struct gatekeeper *gatekeeper;
    struct login *login;
    struct channel *keeper_side, *asking_side;
    struct config_account accounts[4];
    struct config_relay relay;
    char scram[ACCOUNT_KEY_TEXT_MAX], argon2id[ACCOUNT_KEY_TEXT_MAX];
    int answers;
    enum login_outcome outcome;
    char text[300], why[200];
};

static inline int fetch(void *arg, const char *reference, struct secret **ret, struct err *err)
{
    const struct fixture *fixture = arg;
    if (strcmp(reference, "file/broken") == 0)
        return err_set(err, ERR_CONFIG, NULL, "no such file");
    *ret = secret_new(sv_of(strcmp(reference, "file/ann") == 0 ? fixture->scram : fixture->argon2id));
    return 0;
}

static inline void on_keeper_message(void *arg, struct channel *channel, enum control_type type, sv body,
                                     int fd)
{
    const struct fixture *fixture = arg;
    (void)fd;
    gatekeeper_message(fixture->gatekeeper, channel, type, body);
}

static inline void on_asking_message(void *arg, struct channel *channel, enum control_type type, sv body,
                                     int fd)
{
    const struct fixture *fixture = arg;
    (void)channel;
    (void)fd;
    assert_int_equal(type, CONTROL_LOGIN_ANSWER);
    login_message(fixture->login, body);
}

static inline void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    (void)err;
}

static inline void make_key(enum account_key_kind kind, const char *password, char *key)
{
    struct buf text = BUF_INIT(ACCOUNT_KEY_TEXT_MAX - 1);
    struct err err;
    assert_int_equal(account_key_make(kind, sv_of(password), &text, &err), 0);
    sv_copy(key, ACCOUNT_KEY_TEXT_MAX, buf_view(&text));
    buf_free(&text);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline void on_answer(void *arg, enum login_outcome outcome, sv text, sv why)
{
    struct fixture *fixture = arg;
    fixture->answers++;
    fixture->outcome = outcome;
    sv_copy(fixture->text, sizeof fixture->text, text);
    sv_copy(fixture->why, sizeof fixture->why, why);
    loop_stop(fixture->loop);
}

static inline uint64_t begin(struct fixture *fixture, const char *mechanism, bool given, sv response)
{
    struct login_request request = {
        .mechanism = sv_of(mechanism), .client_ip = SV("192.0.2.1"), .given = given, .response = response};
    uint64_t exchange = login_begin(fixture->login, &request, on_answer, fixture);
    loop_run(fixture->loop);
    return exchange;
}

static inline enum login_outcome plain(struct fixture *fixture, sv response)
{
    begin(fixture, "PLAIN", true, response);
    return fixture->outcome;
}

#endif
