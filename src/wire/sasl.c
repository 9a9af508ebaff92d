#include "wire/sasl.h"

#include <assert.h>
#include <gsasl.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/base64.h"

enum {
    SASL_SECRET_MAX = 8192, /* bearer tokens are a few KiB */
    SASL_USERNAME_MAX = 512,
    SASL_STEPS_MAX = 8,
    SASL_SENT_MAX = 4 * SASL_LINE_MAX,
    SASL_MASK_MIN = 4, /* shorter secrets would blot out ordinary words */
};

enum traits {
    SERVER_FIRST = 1 << 0,
    SHOWS_SECRET = 1 << 1, /* a listener would learn the password or token */
    BINDS = 1 << 2,        /* needs the TLS channel's binding */
    BEARER = 1 << 3,       /* the secret is a token: only when it is asked for by name */
};

struct mechanism {
    const char *name;
    unsigned traits;
};

/* Strongest first. */
static const struct mechanism mechanisms[] = {
    {"SCRAM-SHA-256-PLUS", BINDS},
    {"SCRAM-SHA-256", 0},
    {"SCRAM-SHA-1", 0},
    {"CRAM-MD5", SERVER_FIRST},
    {"PLAIN", SHOWS_SECRET},
    {"LOGIN", SERVER_FIRST | SHOWS_SECRET},
    {"OAUTHBEARER", SHOWS_SECRET | BEARER},
    {"XOAUTH2", SHOWS_SECRET | BEARER},
};
enum { MECHANISM_COUNT = sizeof mechanisms / sizeof *mechanisms };

struct sasl {
    const struct mechanism *mechanism;
    Gsasl *library;         /* NULL for bearer tokens */
    Gsasl_session *session; /* NULL for bearer tokens */
    unsigned steps;
    bool done;
    struct buf secret; /* for masking */
    struct buf initial;
    struct buf sent; /* every response, "\n" after each, for masking */
    char server_error[200];
};

static bool is_offered(sv offered, const char *name)
{
    for (sv word = sv_word(&offered); word.n; word = sv_word(&offered))
        if (sv_ieq(word, sv_of(name)))
            return true;
    return false;
}

/* For a cause. */
static sv listed(sv offered)
{
    return offered.n ? sv_first(offered, 200) : SV("none");
}

static int refuse_in_clear(const char *name, struct err *err)
{
    return err_set(
        err, ERR_PERMISSION, "use security: starttls or tls, or a gateway that offers SCRAM-SHA-256",
        "%s would show the password to anyone on the way, since the session is not encrypted", name);
}

static int find_named(const struct smtp_credentials *credentials, sv offered, bool encrypted,
                      const struct mechanism **ret, struct err *err)
{
    sv name = credentials->mechanism;
    const struct mechanism *found = NULL;
    for (size_t i = 0; i < MECHANISM_COUNT; i++)
        if (sv_ieq(name, sv_of(mechanisms[i].name)))
            found = &mechanisms[i];
    if (!found)
        return err_set(
            err, ERR_CONFIG,
            "use SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN, OAUTHBEARER, "
            "XOAUTH2, or none for the strongest offered",
            "the mechanism %.*s is not known", SV_ARG(sv_first(name, 40)));
    if (!is_offered(offered, found->name))
        return err_set(err, ERR_UNAVAILABLE, "set auth to one of these, or leave it out for the strongest",
                       "the gateway does not offer %s; it offers %.*s", found->name, SV_ARG(listed(offered)));
    if (found->traits & SHOWS_SECRET && !encrypted)
        return refuse_in_clear(found->name, err);
    if (found->traits & BINDS && (!encrypted || credentials->channel_binding.n == 0))
        return err_set(err, ERR_UNAVAILABLE, "use SCRAM-SHA-256, or let the gateway speak TLS 1.3",
                       "%s needs TLS 1.3's channel binding, which this session does not have", found->name);
    *ret = found;
    return 0;
}

static int find_strongest(const struct smtp_credentials *credentials, sv offered, bool encrypted,
                          const struct mechanism **ret, struct err *err)
{
    const struct mechanism *unsafe = NULL, *bearer = NULL;
    for (size_t i = 0; i < MECHANISM_COUNT; i++) {
        const struct mechanism *mechanism = &mechanisms[i];
        if (!is_offered(offered, mechanism->name))
            continue;
        if (mechanism->traits & BINDS && (!encrypted || credentials->channel_binding.n == 0))
            continue;
        if (mechanism->traits & BEARER) {
            bearer = mechanism;
        } else if (mechanism->traits & SHOWS_SECRET && !encrypted) {
            unsafe = unsafe ? unsafe : mechanism;
        } else {
            *ret = mechanism;
            return 0;
        }
    }
    if (unsafe)
        return refuse_in_clear(unsafe->name, err);
    if (bearer)
        return err_set(err, ERR_UNAVAILABLE,
                       "set auth to the mechanism's name and the password to an OAuth token",
                       "the gateway takes no passwords; it offers %.*s", SV_ARG(listed(offered)));
    return err_set(err, ERR_UNAVAILABLE, "ask the gateway's administrator for PLAIN or SCRAM-SHA-256",
                   "no mechanism is common to us and the gateway; it offers %.*s", SV_ARG(listed(offered)));
}

/* NUL would cut, and ^A or a line's end would forge a field of the bearer mechanisms. */
static int check_credentials(const struct smtp_credentials *credentials, bool bearer, struct err *err)
{
    if (credentials->username.n == 0 || credentials->username.n > SASL_USERNAME_MAX ||
        !sv_printable(credentials->username))
        return err_set(err, ERR_CONFIG, "check username",
                       "the user name is empty, too long or has a control character");
    if (credentials->secret.n == 0)
        return err_set(err, ERR_CONFIG, "check what the secret provider holds", "the password is empty");
    if (credentials->secret.n > SASL_SECRET_MAX || memchr(credentials->secret.p, 0, credentials->secret.n) ||
        (bearer && !sv_printable(credentials->secret)))
        return err_set(err, ERR_CONFIG,
                       "check what the secret provider holds, a line's end at its end for one",
                       "the password is longer than 8 KiB or has a byte that cannot be in it");
    return 0;
}

static int put_saslname(struct buf *out, sv name)
{
    int failed = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == ',')
            failed |= buf_put(out, SV("=2C"));
        else if (name.p[i] == '=')
            failed |= buf_put(out, SV("=3D"));
        else
            failed |= buf_put_char(out, name.p[i]);
    }
    return failed;
}

static void begin_bearer(struct sasl *sasl, const struct smtp_credentials *credentials)
{
    struct buf plain = BUF_INIT(SASL_SECRET_MAX + 4 * SASL_USERNAME_MAX);
    int failed;
    if (strcmp(sasl->mechanism->name, "OAUTHBEARER") == 0)
        failed = buf_put(&plain, SV("n,a=")) | put_saslname(&plain, credentials->username) |
                 buf_put(&plain, SV(",\001auth=Bearer "));
    else
        failed = buf_put(&plain, SV("user=")) | buf_put(&plain, credentials->username) |
                 buf_put(&plain, SV("\001auth=Bearer "));
    failed |= buf_put(&plain, credentials->secret) | buf_put(&plain, SV("\001\001"));
    failed |= base64_encode(buf_view(&plain), &sasl->initial);
    assert(!failed); /* the bounds add up */
    buf_free(&plain);
    sasl->done = true;
}

static int library_error(int code, struct err *err)
{
    return err_set(err, ERR_PROTOCOL, "check the password, and the gateway's mechanism",
                   "authentication broke off: %s", gsasl_strerror(code));
}

static int set_property(struct sasl *sasl, Gsasl_property property, sv value, struct err *err)
{
    int code = gsasl_property_set_raw(sasl->session, property, value.p, value.n);
    return code == GSASL_OK ? 0 : library_error(code, err);
}

static void wipe_and_free(char *bytes, size_t n)
{
    if (bytes)
        explicit_bzero(bytes, n);
    gsasl_free(bytes);
}

/* Gives challenge to the library and appends its answer in base64. */
static int library_step(struct sasl *sasl, sv challenge, struct buf *out, struct err *err)
{
    char *answer = NULL;
    size_t n = 0;
    int code = gsasl_step(sasl->session, challenge.p, challenge.n, &answer, &n);
    int failed = code == GSASL_OK || code == GSASL_NEEDS_MORE ? 0 : library_error(code, err);
    if (!failed && base64_encode((sv){answer, n}, out) < 0)
        failed = err_set(err, ERR_LIMIT, NULL, "a response is longer than 12 KiB");
    wipe_and_free(answer, n);
    if (!failed && code == GSASL_OK)
        sasl->done = true;
    return failed;
}

static int begin_library(struct sasl *sasl, const struct smtp_credentials *credentials, struct err *err)
{
    int code = gsasl_init(&sasl->library);
    if (code == GSASL_OK)
        code = gsasl_client_start(sasl->library, sasl->mechanism->name, &sasl->session);
    if (code != GSASL_OK)
        return library_error(code, err);
    if (set_property(sasl, GSASL_AUTHID, credentials->username, err) < 0 ||
        set_property(sasl, GSASL_PASSWORD, credentials->secret, err) < 0)
        return -1;
    if (sasl->mechanism->traits & BINDS) {
        struct buf binding = BUF_INIT(1024);
        int failed = base64_encode(credentials->channel_binding, &binding);
        assert(!failed);
        failed = set_property(sasl, GSASL_CB_TLS_EXPORTER, buf_view(&binding), err);
        buf_free(&binding);
        if (failed)
            return -1;
    }
    return sasl->mechanism->traits & SERVER_FIRST ? 0 : library_step(sasl, SV_NONE, &sasl->initial, err);
}

static void remember_sent(struct sasl *sasl, sv response)
{
    if (response.n && buf_put(&sasl->sent, response) == 0)
        buf_put_char(&sasl->sent, '\n');
}

int sasl_open(const struct smtp_credentials *credentials, sv offered, bool encrypted, struct sasl **ret,
              struct err *err)
{
    const struct mechanism *mechanism = NULL;
    int found = credentials->mechanism.n ? find_named(credentials, offered, encrypted, &mechanism, err)
                                         : find_strongest(credentials, offered, encrypted, &mechanism, err);
    if (found < 0 || check_credentials(credentials, mechanism->traits & BEARER, err) < 0)
        return -1;
    struct sasl *sasl = calloc(1, sizeof *sasl);
    assert(sasl);
    *sasl = (struct sasl){.mechanism = mechanism,
                          .secret = BUF_INIT(SASL_SECRET_MAX),
                          .initial = BUF_INIT(2 * SASL_LINE_MAX),
                          .sent = BUF_INIT(SASL_SENT_MAX)};
    buf_put(&sasl->secret, credentials->secret);
    if (mechanism->traits & BEARER) {
        begin_bearer(sasl, credentials);
    } else if (begin_library(sasl, credentials, err) < 0) {
        sasl_close(sasl);
        return -1;
    }
    remember_sent(sasl, buf_view(&sasl->initial));
    *ret = sasl;
    return 0;
}

const char *sasl_mechanism(const struct sasl *sasl)
{
    return sasl->mechanism->name;
}

bool sasl_initial(const struct sasl *sasl, sv *ret_initial)
{
    *ret_initial = buf_view(&sasl->initial);
    return !(sasl->mechanism->traits & SERVER_FIRST);
}

/* A challenge after the token was sent is the server's error, in JSON; it wants an answer before it says so
 * in a reply (RFC 7628 §3.2.3). */
static int bearer_step(struct sasl *sasl, sv challenge, struct buf *out)
{
    size_t n = sv_copy(sasl->server_error, sizeof sasl->server_error, challenge);
    for (size_t i = 0; i < n; i++)
        if (sasl->server_error[i] < 0x20 || sasl->server_error[i] == 0x7f)
            sasl->server_error[i] = '?';
    sasl_mask(sasl, sasl->server_error);
    sasl->done = false;
    return strcmp(sasl->mechanism->name, "OAUTHBEARER") == 0 ? base64_encode(SV("\001"), out) : 0;
}

int sasl_step(struct sasl *sasl, sv challenge, struct buf *out, struct err *err)
{
    static const char *advice = "the gateway's AUTH is broken: choose another mechanism by auth";
    if (sasl->steps++ == SASL_STEPS_MAX || (sasl->done && sasl->session))
        return err_set(err, ERR_PROTOCOL, advice, "the gateway goes on asking after %s is complete",
                       sasl->mechanism->name);
    struct buf bytes = BUF_INIT(SASL_LINE_MAX);
    size_t before = buf_view(out).n;
    int failed = base64_decode(challenge, &bytes);
    if (failed)
        err_set(err, ERR_PROTOCOL, advice, "the gateway's challenge is not valid base64");
    else if (sasl->session)
        failed = library_step(sasl, buf_view(&bytes), out, err);
    else
        failed = bearer_step(sasl, buf_view(&bytes), out);
    buf_free(&bytes);
    if (!failed)
        remember_sent(sasl, sv_from(buf_view(out), before));
    return failed;
}

bool sasl_done(const struct sasl *sasl)
{
    return sasl->done;
}

const char *sasl_server_error(const struct sasl *sasl)
{
    return sasl->server_error;
}

static void mask_one(sv needle, char *text)
{
    if (needle.n < SASL_MASK_MIN)
        return;
    sv rest = sv_of(text);
    for (size_t at; (at = sv_find(rest, needle)) != SV_NPOS; rest = sv_from(rest, at + needle.n))
        memset(text + (rest.p - text) + at, '*', needle.n);
}

void sasl_mask(const struct sasl *sasl, char *text)
{
    mask_one(buf_view(&sasl->secret), text);
    for (sv rest = buf_view(&sasl->sent); rest.n;)
        mask_one(sv_split(&rest, '\n'), text);
}

/* The library frees its properties without wiping them. */
static void wipe_property(Gsasl_session *session, Gsasl_property property)
{
    const char *value = gsasl_property_fast(session, property);
    if (value)
        explicit_bzero((char *)(uintptr_t)value, strlen(value));
}

void sasl_close(struct sasl *sasl)
{
    if (!sasl)
        return;
    if (sasl->session) {
        wipe_property(sasl->session, GSASL_PASSWORD);
        wipe_property(sasl->session, GSASL_SCRAM_SALTED_PASSWORD);
        gsasl_finish(sasl->session);
    }
    if (sasl->library)
        gsasl_done(sasl->library);
    buf_free(&sasl->secret);
    buf_free(&sasl->initial);
    buf_free(&sasl->sent);
    free(sasl);
}
