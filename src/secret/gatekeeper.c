#include "secret/gatekeeper.h"

#include "base/cstr.h"
#include "base/log.h"
#include "secret/account_key.h"
#include "secret/checker.h"
#include "secret/introspection.h"
#include "secret/lockout.h"
#include "secret/login.h"
#include "wire/base64.h"
#include "wire/pack.h"
#include "wire/sasl_server.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

struct account {
    char *name, *reference; /* of its stored key; NULL: it has none */
    char *service;          /* PAM's; NULL: not by PAM */
};

struct exchange {
    struct exchange *next;
    struct gatekeeper *gatekeeper;
    struct channel *channel; /* NULL: nobody asks any more, and only the checker still knows it */
    uint64_t serial;
    struct sasl_server *sasl;
    char client_ip[64];
    char key[ACCOUNT_KEY_TEXT_MAX + 1]; /* of the account, or one that fits nobody */
    bool known, broken;                 /* there is such an account; its key could not be read */
    nanos wait;                         /* so long nobody may try */
    bool checking;
    struct checker *checker;     /* that is asked while it is checking; NULL: a token is asked about */
    struct loop_timer *patience; /* with PAM; NULL before it is asked */
};

struct gatekeeper {
    struct loop *loop;
    struct account *accounts;
    size_t account_count;
    gatekeeper_fetch_fn *fetch;
    void *arg;
    struct http *http;
    struct introspection *introspection; /* NULL: no tokens */
    char *provider_secret;               /* its reference */
    struct checker *checker;
    struct checker *pam; /* another thread, so that PAM holds up nobody else; NULL: no account is by PAM */
    char *pam_directory; /* NULL: the system's */
    nanos pam_timeout;
    struct lockout *lockout;
    struct exchange *exchanges;
    size_t exchange_count;
    unsigned char seed[crypto_generichash_KEYBYTES]; /* of the keys that fit nobody */
};

static void free_accounts(struct gatekeeper *gatekeeper)
{
    for (size_t i = 0; i < gatekeeper->account_count; i++) {
        free(gatekeeper->accounts[i].name);
        free(gatekeeper->accounts[i].reference);
        free(gatekeeper->accounts[i].service);
    }
    free(gatekeeper->accounts);
    gatekeeper->accounts = NULL;
    gatekeeper->account_count = 0;
}

static void take_accounts(struct gatekeeper *gatekeeper, const struct config_relay *relay)
{
    free_accounts(gatekeeper);
    gatekeeper->accounts = calloc(relay->account_count + 1, sizeof *gatekeeper->accounts);
    assert(gatekeeper->accounts);
    for (size_t i = 0; i < relay->account_count; i++) {
        const struct config_account *account = &relay->accounts[i];
        gatekeeper->accounts[gatekeeper->account_count++] =
            (struct account){cstr_copy(account->name), cstr_copy(account->password), cstr_copy(account->pam)};
        if (account->pam && !gatekeeper->pam)
            gatekeeper->pam = checker_new(gatekeeper->loop, GATEKEEPER_CHECKS_MAX);
    }
    free(gatekeeper->pam_directory);
    gatekeeper->pam_directory = cstr_copy(relay->pam_directory);
    gatekeeper->pam_timeout = relay->pam_timeout;
}

void gatekeeper_reload(struct gatekeeper *gatekeeper, const struct config_relay *relay)
{
    take_accounts(gatekeeper, relay);
    introspection_free(gatekeeper->introspection);
    free(gatekeeper->provider_secret);
    gatekeeper->introspection = NULL;
    gatekeeper->provider_secret = NULL;
    if (!relay->introspection)
        return;
    if (!gatekeeper->http)
        gatekeeper->http = http_new(gatekeeper->loop);
    gatekeeper->introspection = introspection_new(gatekeeper->http, relay);
    gatekeeper->provider_secret = cstr_copy(relay->introspection_secret);
}

struct gatekeeper *gatekeeper_new(struct loop *loop, const struct config_relay *relay,
                                  gatekeeper_fetch_fn *fetch, void *arg)
{
    struct gatekeeper *gatekeeper = calloc(1, sizeof *gatekeeper);
    int failed = sodium_init();
    assert(gatekeeper && failed >= 0);
    gatekeeper->loop = loop;
    gatekeeper->fetch = fetch;
    gatekeeper->arg = arg;
    gatekeeper->checker = checker_new(loop, GATEKEEPER_CHECKS_MAX);
    gatekeeper->lockout = lockout_new();
    randombytes_buf(gatekeeper->seed, sizeof gatekeeper->seed);
    gatekeeper_reload(gatekeeper, relay);
    return gatekeeper;
}

static void exchange_free(struct exchange *exchange)
{
    loop_timer_free(exchange->patience);
    sasl_server_close(exchange->sasl);
    sodium_memzero(exchange->key, sizeof exchange->key);
    free(exchange);
}

/* Takes it off the list. One that is being checked lives until that is done, if it has begun. */
static void drop(struct exchange *exchange)
{
    struct gatekeeper *gatekeeper = exchange->gatekeeper;
    struct exchange **at = &gatekeeper->exchanges;
    while (*at != exchange)
        at = &(*at)->next;
    *at = exchange->next;
    gatekeeper->exchange_count--;
    exchange->channel = NULL;
    if (exchange->checking && exchange->checker && checker_drop(exchange->checker, exchange))
        exchange->checking = false;
    if (!exchange->checking)
        exchange_free(exchange);
}

void gatekeeper_free(struct gatekeeper *gatekeeper)
{
    if (!gatekeeper)
        return;
    checker_free(gatekeeper->checker);
    checker_free(gatekeeper->pam);
    free(gatekeeper->pam_directory);
    http_free(gatekeeper->http);
    introspection_free(gatekeeper->introspection);
    free(gatekeeper->provider_secret);
    while (gatekeeper->exchanges) {
        gatekeeper->exchanges->checking = false;
        drop(gatekeeper->exchanges);
    }
    free_accounts(gatekeeper);
    lockout_free(gatekeeper->lockout);
    sodium_memzero(gatekeeper->seed, sizeof gatekeeper->seed);
    free(gatekeeper);
}

void gatekeeper_forget(struct gatekeeper *gatekeeper, struct channel *channel)
{
    struct exchange *next = NULL;
    for (struct exchange *exchange = gatekeeper->exchanges; exchange; exchange = next) {
        next = exchange->next;
        if (exchange->channel == channel)
            drop(exchange);
    }
}

static void send(struct channel *channel, enum control_type type, uint64_t serial, enum login_outcome outcome,
                 sv first, const char *why)
{
    struct buf body = BUF_INIT(8192);
    struct pack pack = PACK_INTO(&body);
    pack_u64(&pack, serial);
    pack_u32(&pack, outcome);
    pack_sv(&pack, first);
    pack_sv(&pack, sv_of(why));
    assert(pack.ok);
    channel_send(channel, type, buf_view(&body), -1);
    buf_free(&body);
}

/* The last word on an exchange, which is gone after it. */
static void end(struct exchange *exchange, enum login_outcome outcome, const char *why)
{
    sv user = sasl_server_user(exchange->sasl);
    if (exchange->channel)
        send(exchange->channel, CONTROL_LOGIN_ANSWER, exchange->serial, outcome, user, why);
    drop(exchange);
}

/* Looks as if it were somebody's, the same each time, and no password fits it. */
static void make_fake_key(struct gatekeeper *gatekeeper, sv user, char key[static ACCOUNT_KEY_TEXT_MAX + 1])
{
    unsigned char digest[64];
    struct buf text = BUF_INIT(ACCOUNT_KEY_TEXT_MAX);
    crypto_generichash(digest, sizeof digest, (const unsigned char *)(user.p ? user.p : ""), user.n,
                       gatekeeper->seed, sizeof gatekeeper->seed);
    int failed = buf_printf(&text, "SCRAM-SHA-256$%d:", ACCOUNT_KEY_ITERATIONS);
    failed |= base64_encode(sv_make(digest, 16), &text) | buf_put(&text, SV("$"));
    failed |= base64_encode(sv_make(digest + 16, 32), &text) | buf_put(&text, SV(":"));
    failed |= base64_encode(sv_make(digest + 32, 32), &text);
    assert(!failed);
    sv_copy(key, ACCOUNT_KEY_TEXT_MAX + 1, buf_view(&text));
    buf_free(&text);
}

static const struct account *find_account(const struct gatekeeper *gatekeeper, sv user)
{
    for (size_t i = 0; i < gatekeeper->account_count; i++)
        if (sv_eq(sv_of(gatekeeper->accounts[i].name), user))
            return &gatekeeper->accounts[i];
    return NULL;
}

/* Into exchange->key what the user's password is to be checked against. */
static void read_key(struct exchange *exchange, sv user)
{
    struct gatekeeper *gatekeeper = exchange->gatekeeper;
    const struct account *account = find_account(gatekeeper, user);
    struct secret *secret = NULL;
    struct err err;
    make_fake_key(gatekeeper, user, exchange->key);
    exchange->known = account != NULL;
    exchange->wait =
        lockout_wait(gatekeeper->lockout, sv_of(exchange->client_ip), account ? user : SV_NONE, loop_now());
    if (!account || !account->reference || exchange->wait > 0)
        return;
    if (gatekeeper->fetch(gatekeeper->arg, account->reference, &secret, &err) < 0) {
        LOG_ERROR("an account's key cannot be read", LOG_SV("account", user), LOG_ERR(&err));
        exchange->broken = true;
        return;
    }
    sv text = sv_trim(secret_reveal(secret));
    if (account_key_kind(text) == ACCOUNT_KEY_NONE) {
        LOG_ERROR("an account's key has no form that we know", LOG_SV("account", user),
                  LOG_STR("advice", "make one with: vedette gateway passwd"));
        exchange->broken = true;
    } else {
        sv_copy(exchange->key, sizeof exchange->key, text);
    }
    secret_free(secret);
}

/* For SCRAM. Who has a key of the other kind cannot get in this way, and nobody learns which kind it is. */
static const char *on_key(void *arg, sv user)
{
    struct exchange *exchange = arg;
    read_key(exchange, user);
    if (account_key_kind(sv_of(exchange->key)) != ACCOUNT_KEY_SCRAM)
        make_fake_key(exchange->gatekeeper, user, exchange->key);
    return exchange->key;
}

static void put_off(struct exchange *exchange)
{
    char why[80];
    snprintf(why, sizeof why, "too many wrong passwords: wait %lld s",
             (long long)(exchange->wait / NANOS_PER_SECOND + 1));
    end(exchange, LOGIN_LATER, why);
}

/* What would be put off once it was worked out holds up nobody else meanwhile. */
static void put_off_waiting(struct gatekeeper *gatekeeper)
{
    for (struct exchange *exchange = gatekeeper->exchanges, *next; exchange; exchange = next) {
        next = exchange->next;
        if (!exchange->checking || !exchange->checker)
            continue;
        sv user = exchange->known ? sasl_server_user(exchange->sasl) : SV_NONE;
        exchange->wait = lockout_wait(gatekeeper->lockout, sv_of(exchange->client_ip), user, loop_now());
        if (exchange->wait > 0 && checker_drop(exchange->checker, exchange)) {
            exchange->checking = false;
            put_off(exchange);
        }
    }
}

/* wrong: why not, for the log; NULL: by the password. */
static void conclude(struct exchange *exchange, bool fits, const char *wrong)
{
    struct gatekeeper *gatekeeper = exchange->gatekeeper;
    sv user = exchange->known ? sasl_server_user(exchange->sasl) : SV_NONE,
       client = sv_of(exchange->client_ip);
    /* Others may have guessed meanwhile: many at once get no more answers than one by one. */
    if (exchange->wait == 0)
        exchange->wait = lockout_wait(gatekeeper->lockout, client, user, loop_now());
    if (exchange->broken) {
        end(exchange, LOGIN_LATER, "the account's key cannot be read");
    } else if (exchange->wait > 0) {
        put_off(exchange);
    } else if (fits && exchange->known) {
        lockout_passed(gatekeeper->lockout, client, user);
        end(exchange, LOGIN_WELCOME, NULL);
    } else {
        lockout_failed(gatekeeper->lockout, client, user, loop_now());
        if (!exchange->known)
            wrong = "no such account";
        end(exchange, LOGIN_REFUSED, wrong ? wrong : "wrong password");
        put_off_waiting(gatekeeper);
    }
}

static void on_checked(void *arg, enum pam_verdict verdict, const char *why)
{
    struct exchange *exchange = arg;
    exchange->checking = false;
    if (!exchange->channel) {
        exchange_free(exchange);
        return;
    }
    switch (verdict) {
    case PAM_VERDICT_FITS:
        conclude(exchange, true, NULL);
        break;
    case PAM_VERDICT_REFUSED:
        conclude(exchange, false, *why ? why : NULL);
        break;
    case PAM_VERDICT_UNKNOWN:
        end(exchange, LOGIN_LATER, why);
        break;
    }
}

static void lose_patience(void *arg)
{
    end(arg, LOGIN_LATER, "PAM has not answered within relay.pam_timeout");
}

static bool ask_pam(struct exchange *exchange, const struct account *account)
{
    struct gatekeeper *gatekeeper = exchange->gatekeeper;
    const struct pam_question question = {.service = account->service,
                                          .directory = gatekeeper->pam_directory,
                                          .user = account->name,
                                          .client_ip = exchange->client_ip,
                                          .password = sasl_server_password(exchange->sasl)};
    exchange->checker = gatekeeper->pam;
    if (!checker_ask_pam(gatekeeper->pam, &question, on_checked, exchange))
        return false;
    exchange->patience = loop_timer_new(gatekeeper->loop, lose_patience, exchange);
    loop_timer_set(exchange->patience, gatekeeper->pam_timeout);
    return true;
}

static bool ask_key(struct exchange *exchange)
{
    exchange->checker = exchange->gatekeeper->checker;
    return checker_ask(exchange->checker, sv_of(exchange->key), sasl_server_password(exchange->sasl),
                       on_checked, exchange);
}

static void check_password(struct exchange *exchange)
{
    sv user = sasl_server_user(exchange->sasl);
    read_key(exchange, user);
    if (exchange->broken || exchange->wait > 0) {
        conclude(exchange, false, NULL);
        return;
    }
    const struct account *account = find_account(exchange->gatekeeper, user);
    exchange->checking = account && account->service ? ask_pam(exchange, account) : ask_key(exchange);
    if (!exchange->checking)
        end(exchange, LOGIN_LATER, "too many passwords are being checked");
}

static void send_challenge(const struct exchange *exchange)
{
    send(exchange->channel, CONTROL_LOGIN_ANSWER, exchange->serial, LOGIN_CHALLENGE,
         sasl_server_challenge(exchange->sasl), NULL);
}

static void on_token(void *arg, enum introspection_outcome outcome, sv text)
{
    struct exchange *exchange = arg;
    sv claimed = sasl_server_user(exchange->sasl);
    char why[200];
    exchange->checking = false;
    if (!exchange->channel) {
        exchange_free(exchange);
        return;
    }
    bool theirs = outcome == INTROSPECTION_ACTIVE && (claimed.n == 0 || sv_eq(claimed, text)) &&
                  find_account(exchange->gatekeeper, text);
    if (outcome == INTROSPECTION_UNKNOWN) {
        sv_copy(why, sizeof why, text);
        end(exchange, LOGIN_LATER, why);
    } else if (theirs) {
        sasl_server_take(exchange->sasl, text);
        end(exchange, LOGIN_WELCOME, NULL);
    } else if (sasl_server_reject(exchange->sasl) == SASL_SERVER_CHALLENGE) {
        send_challenge(exchange);
    }
}

static void ask_token(struct exchange *exchange)
{
    const struct gatekeeper *gatekeeper = exchange->gatekeeper;
    struct secret *credential = NULL;
    struct err err;
    if (!gatekeeper->introspection) {
        end(exchange, LOGIN_LATER, "relay.introspection is not set");
        return;
    }
    exchange->checking =
        gatekeeper->fetch(gatekeeper->arg, gatekeeper->provider_secret, &credential, &err) == 0 &&
        introspection_ask(gatekeeper->introspection, sasl_server_password(exchange->sasl),
                          secret_reveal(credential), on_token, exchange, &err) != NULL;
    secret_free(credential);
    if (!exchange->checking)
        end(exchange, LOGIN_LATER, err.cause);
}

static void step(struct exchange *exchange, bool given, sv response)
{
    switch (sasl_server_step(exchange->sasl, given, response)) {
    case SASL_SERVER_CHALLENGE:
        send_challenge(exchange);
        break;
    case SASL_SERVER_CHECK:
        check_password(exchange);
        break;
    case SASL_SERVER_TOKEN:
        ask_token(exchange);
        break;
    case SASL_SERVER_DONE:
        conclude(exchange, true, NULL);
        break;
    case SASL_SERVER_FAILED:
        conclude(exchange, false, NULL);
        break;
    case SASL_SERVER_MALFORMED:
        end(exchange, LOGIN_MALFORMED, "a response without form");
        break;
    }
}

static void begin(struct gatekeeper *gatekeeper, struct channel *channel, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    uint64_t serial = unpack_u64(&unpack);
    sv mechanism = unpack_sv(&unpack), binding = unpack_sv(&unpack), client_ip = unpack_sv(&unpack);
    bool given = unpack_u32(&unpack);
    sv response = unpack_sv(&unpack);
    if (!unpack_done(&unpack))
        return;
    struct exchange *exchange = calloc(1, sizeof *exchange);
    assert(exchange);
    *exchange = (struct exchange){.gatekeeper = gatekeeper, .channel = channel, .serial = serial};
    sv_copy(exchange->client_ip, sizeof exchange->client_ip, client_ip);
    exchange->sasl = sasl_server_open(mechanism, binding, on_key, exchange);
    if (!exchange->sasl || gatekeeper->exchange_count >= GATEKEEPER_EXCHANGES_MAX) {
        send(channel, CONTROL_LOGIN_ANSWER, serial, LOGIN_LATER, SV_NONE, "too many logins are under way");
        exchange_free(exchange);
        return;
    }
    exchange->next = gatekeeper->exchanges;
    gatekeeper->exchanges = exchange;
    gatekeeper->exchange_count++;
    step(exchange, given, response);
}

static struct exchange *find(const struct gatekeeper *gatekeeper, const struct channel *channel,
                             uint64_t serial)
{
    struct exchange *exchange = gatekeeper->exchanges;
    while (exchange && (exchange->channel != channel || exchange->serial != serial))
        exchange = exchange->next;
    return exchange;
}

void gatekeeper_message(struct gatekeeper *gatekeeper, struct channel *channel, enum control_type type,
                        sv body)
{
    if (type == CONTROL_LOGIN_BEGIN) {
        begin(gatekeeper, channel, body);
        return;
    }
    struct unpack unpack = UNPACK_FROM(body);
    uint64_t serial = unpack_u64(&unpack);
    sv response = type == CONTROL_LOGIN_SAY ? unpack_sv(&unpack) : SV_NONE;
    struct exchange *exchange = find(gatekeeper, channel, serial);
    if (!unpack_done(&unpack) || !exchange)
        return;
    if (type == CONTROL_LOGIN_DROP)
        drop(exchange);
    else if (type == CONTROL_LOGIN_SAY && !exchange->checking)
        step(exchange, true, response);
}
