#include "wire/sasl_server.h"

#include "base/buf.h"
#include "wire/base64.h"

#include <assert.h>
#include <gsasl.h>
#include <stdlib.h>

enum kind { PLAIN, LOGIN, SCRAM, BEARER };

static const struct mechanism {
    sv name;
    enum kind kind;
    bool binds;
} mechanisms[] = {
    {SV_INIT("SCRAM-SHA-256-PLUS"), SCRAM, true},
    {SV_INIT("SCRAM-SHA-256"), SCRAM, false},
    {SV_INIT("PLAIN"), PLAIN, false},
    {SV_INIT("LOGIN"), LOGIN, false},
    {SV_INIT("OAUTHBEARER"), BEARER, false},
};

struct sasl_server {
    const struct mechanism *mechanism;
    sasl_server_key_fn *fn;
    void *arg;
    struct buf user, password, challenge, binding;
    unsigned steps;
    bool begun, rejected;
    bool proved; /* SCRAM: only the client's empty answer to our own proof is missing */
    Gsasl *library;
    Gsasl_session *session;
};

/* "ITERATIONS:SALT$STOREDKEY:SERVERKEY" into the session's properties. False if it is no such key. */
static bool set_key(Gsasl_session *session, const char *key)
{
    sv rest = sv_of(key), head = SV("SCRAM-SHA-256$");
    if (!sv_starts(rest, head))
        return false;
    rest = sv_from(rest, head.n);
    sv iterations = sv_split(&rest, ':'), salt = sv_split(&rest, '$'), stored = sv_split(&rest, ':');
    return gsasl_property_set_raw(session, GSASL_SCRAM_ITER, iterations.p, iterations.n) == GSASL_OK &&
           gsasl_property_set_raw(session, GSASL_SCRAM_SALT, salt.p, salt.n) == GSASL_OK &&
           gsasl_property_set_raw(session, GSASL_SCRAM_STOREDKEY, stored.p, stored.n) == GSASL_OK &&
           gsasl_property_set_raw(session, GSASL_SCRAM_SERVERKEY, rest.p, rest.n) == GSASL_OK;
}

/* The library asks for what it needs once it knows who the client wants to be. */
static int on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
    (void)library;
    struct sasl_server *server = gsasl_session_hook_get(session);
    if (property == GSASL_CB_TLS_EXPORTER && buf_view(&server->binding).n) {
        sv binding = buf_view(&server->binding);
        return gsasl_property_set_raw(session, property, binding.p, binding.n);
    }
    if (property != GSASL_SCRAM_ITER)
        return GSASL_NO_CALLBACK;
    const char *user = gsasl_property_fast(session, GSASL_AUTHID);
    if (!user)
        return GSASL_NO_AUTHID;
    int failed = buf_put(&server->user, sv_of(user));
    if (failed || !sv_printable(sv_of(user)) || !set_key(session, server->fn(server->arg, sv_of(user))))
        return GSASL_AUTHENTICATION_ERROR;
    return GSASL_OK;
}

static bool open_library(struct sasl_server *server)
{
    if (gsasl_init(&server->library) != GSASL_OK)
        return false;
    gsasl_callback_set(server->library, on_property);
    char name[32];
    sv_copy(name, sizeof name, server->mechanism->name);
    if (gsasl_server_start(server->library, name, &server->session) != GSASL_OK)
        return false;
    gsasl_session_hook_set(server->session, server);
    return true;
}

struct sasl_server *sasl_server_open(sv mechanism, sv binding, sasl_server_key_fn *fn, void *arg)
{
    const struct mechanism *found = NULL;
    for (size_t i = 0; i < sizeof mechanisms / sizeof *mechanisms; i++)
        if (sv_ieq(mechanisms[i].name, mechanism))
            found = &mechanisms[i];
    if (!found || (found->binds && binding.n == 0))
        return NULL;
    struct sasl_server *server = calloc(1, sizeof *server);
    assert(server);
    *server = (struct sasl_server){
        .mechanism = found,
        .fn = fn,
        .arg = arg,
        .user = BUF_INIT(SASL_SERVER_USER_MAX),
        .password = BUF_INIT(found->kind == BEARER ? SASL_SERVER_TOKEN_MAX : SASL_SERVER_PASSWORD_MAX),
        .challenge = BUF_INIT(4096),
        .binding = BUF_INIT(1024)};
    int failed = base64_encode(binding, &server->binding);
    if (failed || (found->kind == SCRAM && !open_library(server))) {
        sasl_server_close(server);
        return NULL;
    }
    return server;
}

static enum sasl_server_step ask(struct sasl_server *server, sv challenge)
{
    buf_clear(&server->challenge);
    return buf_put(&server->challenge, challenge) ? SASL_SERVER_FAILED : SASL_SERVER_CHALLENGE;
}

/* False if that cannot be anybody's name. */
static bool take_user(struct sasl_server *server, sv user)
{
    buf_clear(&server->user);
    return user.n > 0 && sv_printable(user) && sv_utf8(user) && buf_put(&server->user, user) == 0;
}

static enum sasl_server_step take_password(struct sasl_server *server, sv password)
{
    if (password.n == 0 || memchr(password.p, 0, password.n) || buf_put(&server->password, password))
        return SASL_SERVER_MALFORMED;
    return SASL_SERVER_CHECK;
}

/* authzid NUL authcid NUL password (RFC 4616 §2). Nobody acts for another here. */
static enum sasl_server_step step_plain(struct sasl_server *server, bool given, sv response)
{
    if (!given)
        return ask(server, SV_NONE);
    sv acting_for = sv_split(&response, '\0'), user = sv_split(&response, '\0');
    if (!response.p || !take_user(server, user))
        return SASL_SERVER_MALFORMED;
    enum sasl_server_step step = take_password(server, response);
    bool other = acting_for.n && !sv_eq(acting_for, user);
    return step == SASL_SERVER_CHECK && other ? SASL_SERVER_FAILED : step;
}

static enum sasl_server_step step_login(struct sasl_server *server, bool given, sv response)
{
    if (!given)
        return ask(server, SV("Username:"));
    if (buf_view(&server->user).n)
        return take_password(server, response);
    return take_user(server, response) ? ask(server, SV("Password:")) : SASL_SERVER_MALFORMED;
}

/* What the client may say of channel binding at first (RFC 5802 §6): "y" is that it could bind and believes
 * that we cannot, so where we can, somebody has taken -PLUS off our offer on the way. */
static bool binding_is_honest(const struct sasl_server *server, sv response)
{
    if (server->mechanism->binds)
        return sv_starts(response, SV("p=tls-exporter,"));
    return sv_starts(response, SV("n,")) ||
           (sv_starts(response, SV("y,")) && buf_view(&server->binding).n == 0);
}

static enum sasl_server_step step_scram(struct sasl_server *server, bool given, sv response)
{
    if (server->proved)
        return given && response.n == 0 ? SASL_SERVER_DONE : SASL_SERVER_MALFORMED;
    if (!given)
        return ask(server, SV_NONE);
    if (!server->begun && response.n > 1 && !binding_is_honest(server, response))
        return response.p[0] == 'p' || response.p[0] == 'y' || response.p[0] == 'n' ? SASL_SERVER_FAILED
                                                                                    : SASL_SERVER_MALFORMED;
    server->begun = true;
    char *out = NULL;
    size_t n = 0;
    int code = gsasl_step(server->session, response.p, response.n, &out, &n);
    enum sasl_server_step step = SASL_SERVER_FAILED;
    if (code == GSASL_OK || code == GSASL_NEEDS_MORE)
        step = ask(server, sv_make(out, n));
    else if (code == GSASL_MECHANISM_PARSE_ERROR)
        step = SASL_SERVER_MALFORMED;
    server->proved = code == GSASL_OK;
    gsasl_free(out);
    return step;
}

/* "=2C" and "=3D" of RFC 5801 §4 into server->user. */
static bool take_saslname(struct sasl_server *server, sv name)
{
    int failed = 0;
    while (name.n && !failed) {
        bool comma = sv_starts(name, SV("=2C")), equals = sv_starts(name, SV("=3D"));
        if (name.p[0] == '=' && !comma && !equals)
            return false;
        failed = buf_put_char(&server->user, (char)(comma ? ',' : equals ? '=' : name.p[0]));
        name = sv_from(name, comma || equals ? 3 : 1);
    }
    return !failed && sv_printable(buf_view(&server->user)) && sv_utf8(buf_view(&server->user));
}

/* b64token of RFC 6750 §2.1: what a header of the provider's may hold. */
static bool is_token(sv token)
{
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] > '~')
            return false;
    return token.n > 0;
}

/* "n,a=USER," ^A, then "KEY=VALUE" ^A any number of times, then ^A (RFC 7628 §3.1). */
static enum sasl_server_step step_bearer(struct sasl_server *server, bool given, sv response)
{
    if (server->rejected)
        return SASL_SERVER_FAILED;
    if (!given)
        return ask(server, SV_NONE);
    sv header = sv_split(&response, '\001'), flag = sv_split(&header, ','), identity = sv_split(&header, ',');
    bool good = sv_eq(flag, SV("n")) && header.p && header.n == 0 && response.p;
    if (good && identity.n)
        good = sv_starts(identity, SV("a=")) && take_saslname(server, sv_from(identity, 2));
    bool found = false;
    for (sv pair = sv_split(&response, '\001'); good && pair.n; pair = sv_split(&response, '\001')) {
        if (!sv_istarts(pair, SV("auth=Bearer ")))
            continue;
        sv token = sv_trim(sv_from(pair, 12));
        good = !found && is_token(token) && buf_put(&server->password, token) == 0;
        found = true;
    }
    return good && found && response.p && response.n == 0 ? SASL_SERVER_TOKEN : SASL_SERVER_MALFORMED;
}

void sasl_server_take(struct sasl_server *server, sv user)
{
    buf_clear(&server->user);
    int failed = buf_put(&server->user, user);
    assert(!failed);
}

enum sasl_server_step sasl_server_reject(struct sasl_server *server)
{
    server->rejected = true;
    return ask(server, SV("{\"status\":\"invalid_token\"}"));
}

enum sasl_server_step sasl_server_step(struct sasl_server *server, bool given, sv response)
{
    if (++server->steps > SASL_SERVER_STEPS_MAX)
        return SASL_SERVER_MALFORMED;
    switch (server->mechanism->kind) {
    case PLAIN:
        return step_plain(server, given, response);
    case LOGIN:
        return step_login(server, given, response);
    case SCRAM:
        return step_scram(server, given, response);
    case BEARER:
        return step_bearer(server, given, response);
    }
    return SASL_SERVER_FAILED;
}

sv sasl_server_challenge(const struct sasl_server *server)
{
    return buf_view(&server->challenge);
}

sv sasl_server_user(const struct sasl_server *server)
{
    return buf_view(&server->user);
}

sv sasl_server_password(const struct sasl_server *server)
{
    return buf_view(&server->password);
}

void sasl_server_close(struct sasl_server *server)
{
    if (!server)
        return;
    if (server->session)
        gsasl_finish(server->session);
    if (server->library)
        gsasl_done(server->library);
    buf_free(&server->user);
    buf_free(&server->password);
    buf_free(&server->challenge);
    buf_free(&server->binding);
    free(server);
}
