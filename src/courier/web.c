#include "courier/web.h"

#include "io/dns.h"

#include <assert.h>
#include <stdlib.h>

enum { KEY_BYTES_MAX = 2048, BODY_BYTES_MAX = 64 * 1024 };

struct web {
    struct web_setup setup;
    web_fn *fn;
    void *arg;
    struct loop_timer *start;
    struct dns *dns;
    struct http_call *call;
    struct buf url, key; /* wiped when freed; NUL at the end of url */
    char host[HTTP_HOST_MAX], address[ADDRESS_TEXT_MAX];
};

void web_cancel(struct web *web)
{
    if (!web)
        return;
    keeper_client_forget(web->setup.keeper, web);
    http_cancel(web->call);
    dns_free(web->dns);
    loop_timer_free(web->start);
    buf_free(&web->url);
    buf_free(&web->key);
    free(web);
}

static void finish(struct web *web, int status, sv answer, const struct err *err)
{
    web_fn *fn = web->fn;
    void *arg = web->arg;
    struct err copy = err ? *err : (struct err){0};
    web_cancel(web);
    fn(arg, status, answer, err ? &copy : NULL);
}

static void on_answer(void *arg, const struct http_answer *answer, const struct err *err)
{
    struct web *web = arg;
    web->call = NULL;
    finish(web, answer ? answer->status : 0, answer ? answer->body : SV_NONE, err);
}

static void send_request(struct web *web, const char *address)
{
    struct err err;
    struct buf body = BUF_INIT(BODY_BYTES_MAX), bearer = BUF_INIT(KEY_BYTES_MAX + 64);
    const char *headers[] = {"Content-Type: application/json", NULL, NULL};
    bool post = web->setup.body;
    if (post && web->setup.body(web->arg, buf_view(&web->key), &body) && buf_view(&web->key).n) {
        buf_put(&bearer, SV("Authorization: Bearer "));
        buf_put(&bearer, buf_view(&web->key));
        buf_put_char(&bearer, '\0');
        headers[1] = buf_view(&bearer).p;
    }
    const struct http_request request = {.method = post ? "POST" : "GET",
                                         .url = buf_view(&web->url).p,
                                         .address = address,
                                         .headers = post ? headers : NULL,
                                         .body = buf_view(&body),
                                         .ca_file = web->setup.ca_file,
                                         .timeout = web->setup.timeout};
    int done = http_ask(web->setup.http, &request, on_answer, web, &web->call, &err);
    buf_free(&body);
    buf_free(&bearer);
    if (done < 0)
        finish(web, 0, SV_NONE, &err);
}

static void on_name(void *arg, const struct dns_answer *answer)
{
    struct web *web = arg;
    struct err err;
    if (answer->status == DNS_FOUND && answer->record_count) {
        address_ip_text(&answer->records[0].address, web->address);
        send_request(web, web->address);
        return;
    }
    if (answer->type == DNS_A && answer->status == DNS_NO_DATA) {
        dns_ask(web->dns, DNS_AAAA, web->host, web->setup.timeout, on_name, web);
        return;
    }
    err_set(&err, ERR_UNAVAILABLE, "see to the resolvers, or give the host's address in the configuration",
            "the name %s leads to no address%s%s", web->host, answer->why[0] ? ": " : "", answer->why);
    finish(web, 0, SV_NONE, &err);
}

static void resolve(struct web *web)
{
    struct err err;
    bool literal, secure;
    if (http_host(buf_view(&web->url).p, web->host, &literal, &secure, &err) < 0) {
        finish(web, 0, SV_NONE, &err);
        return;
    }
    if (literal || web->setup.address) {
        send_request(web, web->setup.address);
        return;
    }
    const struct dns_setup setup = {.loop = web->setup.loop,
                                    .servers = web->setup.resolvers->items,
                                    .server_count = web->setup.resolvers->count,
                                    .trust_anchor_file = web->setup.trust_anchor};
    if (dns_new(&setup, &web->dns, &err) < 0) {
        finish(web, 0, SV_NONE, &err);
        return;
    }
    dns_ask(web->dns, DNS_A, web->host, web->setup.timeout, on_name, web);
}

static void on_key(void *arg, const struct secret *secret, const struct err *err)
{
    struct web *web = arg;
    struct err too_long;
    if (secret && buf_put(&web->key, sv_trim(secret_reveal(secret))) < 0) {
        err_set(&too_long, ERR_CONFIG, "see what the secret holds", "the key %s is too long", web->setup.key);
        err = &too_long;
    }
    if (err)
        finish(web, 0, SV_NONE, err);
    else
        resolve(web);
}

static void get_key(struct web *web)
{
    if (web->setup.key)
        keeper_client_get(web->setup.keeper, web->setup.key, on_key, web);
    else
        resolve(web);
}

static void on_url(void *arg, const struct secret *secret, const struct err *err)
{
    struct web *web = arg;
    struct err too_long;
    if (secret &&
        (buf_put(&web->url, sv_trim(secret_reveal(secret))) < 0 || buf_put_char(&web->url, '\0') < 0)) {
        err_set(&too_long, ERR_CONFIG, "see what the secret holds", "the secret is too long for a URL");
        err = &too_long;
    }
    if (err)
        finish(web, 0, SV_NONE, err);
    else
        get_key(web);
}

static void on_start(void *arg)
{
    struct web *web = arg;
    const char *reference;
    if (config_is_secret(web->setup.url, &reference)) {
        keeper_client_get(web->setup.keeper, reference, on_url, web);
        return;
    }
    int put = buf_put(&web->url, sv_of(web->setup.url)) | buf_put_char(&web->url, '\0');
    struct err err;
    if (put < 0) {
        err_set(&err, ERR_CONFIG, "give a shorter one", "the URL is too long");
        finish(web, 0, SV_NONE, &err);
        return;
    }
    get_key(web);
}

struct web *web_ask(const struct web_setup *setup, web_fn *fn, void *arg)
{
    struct web *web = calloc(1, sizeof *web);
    assert(web);
    *web = (struct web){.setup = *setup,
                        .fn = fn,
                        .arg = arg,
                        .url = BUF_INIT(HTTP_URL_MAX + 1),
                        .key = BUF_INIT(KEY_BYTES_MAX)};
    web->start = loop_timer_new(setup->loop, on_start, web);
    loop_timer_set(web->start, 0);
    return web;
}
