#include "secret/introspection.h"

#include "base/cstr.h"
#include "wire/base64.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT (10 * NANOS_PER_SECOND)

enum { BODY_MAX = 32 * 1024, HEADER_MAX = 4096, USER_MAX = 256 };

struct introspection {
    struct http *http;
    char *url, *address, *ca_file; /* address and ca_file may be NULL */
};

struct question {
    introspection_fn *fn;
    void *arg;
};

struct introspection *introspection_new(struct http *http, const struct config_relay *relay)
{
    struct introspection *introspection = calloc(1, sizeof *introspection);
    assert(introspection && relay->introspection);
    *introspection = (struct introspection){.http = http,
                                            .url = cstr_copy(relay->introspection),
                                            .address = cstr_copy(relay->introspection_address),
                                            .ca_file = cstr_copy(relay->introspection_ca)};
    return introspection;
}

void introspection_free(struct introspection *introspection)
{
    if (!introspection)
        return;
    free(introspection->url);
    free(introspection->address);
    free(introspection->ca_file);
    free(introspection);
}

enum introspection_outcome introspection_read(int status, sv body, char *text, size_t cap)
{
    json_error_t error;
    json_t *answer = status == 200 ? json_loadb(body.p ? body.p : "", body.n, 0, &error) : NULL;
    const json_t *active = json_object_get(answer, "active");
    enum introspection_outcome outcome = INTROSPECTION_UNKNOWN;
    sv_copy(text, cap, SV("the provider's answer says neither yes nor no"));
    if (json_is_false(active))
        outcome = INTROSPECTION_INACTIVE;
    if (json_is_true(active)) {
        /* username is made for people and accounts; sub is what is always there. */
        const char *user = json_string_value(json_object_get(answer, "username"));
        user = user ? user : json_string_value(json_object_get(answer, "sub"));
        bool good = user && *user && strlen(user) < cap && sv_printable(sv_of(user));
        outcome = good ? INTROSPECTION_ACTIVE : INTROSPECTION_UNKNOWN;
        if (good)
            sv_copy(text, cap, sv_of(user));
    }
    json_decref(answer);
    return outcome;
}

static void on_answer(void *arg, const struct http_answer *answer, const struct err *err)
{
    struct question *question = arg;
    struct question asked = *question;
    char text[USER_MAX];
    free(question);
    if (err) {
        asked.fn(asked.arg, INTROSPECTION_UNKNOWN, sv_of(err->cause));
        return;
    }
    enum introspection_outcome outcome = introspection_read(answer->status, answer->body, text, sizeof text);
    asked.fn(asked.arg, outcome, sv_of(text));
}

static int put_form(struct buf *out, sv token)
{
    int failed = buf_put(out, SV("token_type_hint=access_token&token="));
    for (size_t i = 0; i < token.n; i++)
        failed |= buf_printf(out, "%%%02X", (unsigned char)token.p[i]);
    return failed;
}

struct http_call *introspection_ask(const struct introspection *introspection, sv token, sv credential,
                                    introspection_fn *fn, void *arg, struct err *err)
{
    struct buf body = BUF_INIT(BODY_MAX), basic = BUF_INIT(HEADER_MAX);
    int failed = put_form(&body, token);
    failed |= buf_put(&basic, SV("Authorization: Basic ")) | base64_encode(credential, &basic) |
              buf_put_char(&basic, '\0');
    struct http_call *call = NULL;
    struct question *question = calloc(1, sizeof *question);
    assert(question);
    *question = (struct question){.fn = fn, .arg = arg};
    const char *const headers[] = {buf_view(&basic).p, "Content-Type: application/x-www-form-urlencoded",
                                   "Accept: application/json", NULL};
    struct http_request request = {.method = "POST",
                                   .url = introspection->url,
                                   .address = introspection->address,
                                   .headers = headers,
                                   .body = buf_view(&body),
                                   .ca_file = introspection->ca_file,
                                   .timeout = TIMEOUT};
    if (failed)
        err_set(err, ERR_LIMIT, NULL, "the token or what the provider knows us by is too long");
    else
        failed = http_ask(introspection->http, &request, on_answer, question, &call, err);
    if (failed)
        free(question);
    buf_free(&body); /* both wipe */
    buf_free(&basic);
    return failed ? NULL : call;
}
