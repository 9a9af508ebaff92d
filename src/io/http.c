#include "io/http.h"

#include "base/buf.h"
#include "io/address.h"
#include "io/transfers_private.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

struct http_call {
    struct http *http;
    struct http_call *next, *previous;
    http_fn *fn;
    void *arg;
    CURL *easy;
    struct curl_slist *resolve, *headers;
    struct buf body, answer; /* body: of the request, which libcurl reads from here */
    char where[HTTP_HOST_MAX + 16];
    char error[CURL_ERROR_SIZE];
};

struct http {
    struct transfers *transfers;
    struct http_call *calls;
};

/* A server's name may have what DNS allows, so that libcurl neither translates it nor looks it up. */
static bool is_name(const char *host)
{
    size_t n = strlen(host);
    for (size_t i = 0; i < n; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", host[i]))
            return false;
    return n > 0 && host[n - 1] != '.';
}

static int bad_url(struct err *err)
{
    return err_set(err, ERR_CONFIG, "write http://NAME/… or https://NAME/…, with a name in ASCII",
                   "this is no URL of a web server");
}

/* Everything that is told of a URL, by libcurl's own reading. *ret_port: with the scheme's default. */
static int read_url(const char *url, char host[static HTTP_HOST_MAX], int *ret_port, bool *ret_literal,
                    bool *ret_secure)
{
    CURLU *parts = curl_url();
    char *scheme = NULL, *name = NULL, *port = NULL;
    bool good = parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
                curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (good) {
        struct address address;
        size_t n = strlen(name);
        sv bare = name[0] == '[' ? sv_make(name + 1, n < 2 ? 0 : n - 2) : sv_make(name, n);
        *ret_literal = address_parse(bare, 1, &address, NULL) == 0;
        *ret_secure = strcmp(scheme, "https") == 0;
        *ret_port = (int)strtol(port, NULL, 10);
        good = bare.n < HTTP_HOST_MAX && (*ret_secure || strcmp(scheme, "http") == 0);
        if (good)
            sv_copy(host, HTTP_HOST_MAX, bare);
        good = good && (*ret_literal || is_name(host));
    }
    curl_free(scheme);
    curl_free(name);
    curl_free(port);
    curl_url_cleanup(parts);
    return good ? 0 : -1;
}

int http_host(const char *url, char ret[static HTTP_HOST_MAX], bool *ret_literal, bool *ret_secure,
              struct err *err)
{
    char host[HTTP_HOST_MAX];
    int port;
    bool literal, secure;
    if (strlen(url) > HTTP_URL_MAX || !sv_printable(sv_of(url)) ||
        read_url(url, host, &port, &literal, &secure) < 0)
        return bad_url(err);
    sv_copy(ret, HTTP_HOST_MAX, sv_of(host));
    *ret_literal = literal;
    *ret_secure = secure;
    return 0;
}

/* --- Calls --- */

/* libcurl's list of headers holds copies; a bearer token may be among them. */
static void wipe_headers(struct curl_slist *list)
{
    for (; list; list = list->next)
        explicit_bzero(list->data, strlen(list->data));
}

static void call_free(struct http_call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        call->http->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    curl_easy_cleanup(call->easy);
    curl_slist_free_all(call->resolve);
    wipe_headers(call->headers);
    curl_slist_free_all(call->headers);
    buf_free(&call->body);
    buf_free(&call->answer);
    free(call);
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_call *call = arg;
    size_t fits = buf_room(&call->answer) < size * n ? buf_room(&call->answer) : size * n;
    buf_put(&call->answer, sv_make(bytes, fits));
    /* What is too long ends the transfer, and counts as an answer all the same. */
    return fits;
}

static void take_type(CURL *easy, char ret[static HTTP_TYPE_MAX])
{
    char *type = NULL;
    if (curl_easy_getinfo(easy, CURLINFO_CONTENT_TYPE, &type) == CURLE_OK && type &&
        strlen(type) < HTTP_TYPE_MAX && sv_printable(sv_of(type)))
        sv_copy(ret, HTTP_TYPE_MAX, sv_of(type));
}

static void on_ended(void *arg, CURL *easy, CURLcode code)
{
    (void)arg;
    char *of_call;
    struct err err;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &of_call);
    struct http_call *call = (struct http_call *)(void *)of_call;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    bool cut = code == CURLE_WRITE_ERROR && buf_room(&call->answer) == 0;
    bool good = (code == CURLE_OK || cut) && status > 0;
    struct http_answer answer = {.status = 0};
    take_type(easy, answer.type);
    if (!good)
        transfers_err(&err, code == CURLE_OK ? CURLE_GOT_NOTHING : code, call->where, call->error);
    http_fn *fn = call->fn;
    void *fn_arg = call->arg;
    struct buf body = call->answer;
    call->answer = BUF_INIT(0);
    call_free(call);
    answer.status = (int)status;
    answer.body = buf_view(&body);
    answer.cut = cut;
    fn(fn_arg, good ? &answer : NULL, good ? NULL : &err);
    buf_free(&body);
}

struct http *http_new(struct loop *loop)
{
    struct http *http = calloc(1, sizeof *http);
    assert(http);
    http->transfers = transfers_new(loop, on_ended, http);
    return http;
}

void http_cancel(struct http_call *call)
{
    if (!call)
        return;
    transfers_remove(call->http->transfers, call->easy);
    call_free(call);
}

void http_free(struct http *http)
{
    if (!http)
        return;
    for (struct http_call *call = http->calls, *next; call; call = next) {
        next = call->next;
        http_cancel(call);
    }
    transfers_free(http->transfers);
    free(http);
}

static int check(const struct http_request *request, char host[static HTTP_HOST_MAX], int *ret_port,
                 bool *ret_literal, struct err *err)
{
    bool secure;
    struct address address;
    if (strlen(request->url) > HTTP_URL_MAX || !sv_printable(sv_of(request->url)) ||
        read_url(request->url, host, ret_port, ret_literal, &secure) < 0)
        return bad_url(err);
    if (!request->address && !*ret_literal)
        return err_set(err, ERR_USAGE, NULL, "the address of %s is not given", host);
    if (request->address && address_parse(sv_of(request->address), 1, &address, err) < 0)
        return -1;
    if (request->body.n > HTTP_REQUEST_BYTES_MAX)
        return err_set(err, ERR_LIMIT, NULL, "a body of %zu bytes is too long", request->body.n);
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        if (i == HTTP_HEADERS_MAX || strlen(request->headers[i]) > HTTP_HEADER_BYTES_MAX ||
            !sv_printable(sv_of(request->headers[i])))
            return err_set(err, ERR_USAGE, NULL, "the header lines are too many, too long, or more than one");
    return 0;
}

static void set_up(struct http_call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    long timeout_ms = (long)(request->timeout / NANOS_PER_MS);
    transfers_prepare(easy, "http,https", request->ca_file, call->error);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, (char *)(void *)call);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE,
                     1L); /* the next call may have another address or authority */
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms > 0 ? timeout_ms : 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "Vedette");
    if (request->body.n) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, buf_view(&call->body).p);
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
    call->headers = curl_slist_append(NULL, "Expect:"); /* none: no waiting for 100 */
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        call->headers = curl_slist_append(call->headers, request->headers[i]);
    assert(call->headers);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
}

int http_ask(struct http *http, const struct http_request *request, http_fn *fn, void *arg,
             struct http_call **ret, struct err *err)
{
    char host[HTTP_HOST_MAX];
    int port = 0;
    bool literal = false;
    if (check(request, host, &port, &literal, err) < 0)
        return -1;
    struct http_call *call = calloc(1, sizeof *call);
    assert(call);
    *call = (struct http_call){.http = http, .fn = fn, .arg = arg, .easy = curl_easy_init()};
    assert(call->easy);
    call->answer = BUF_INIT(request->answer_bytes_max ? request->answer_bytes_max : HTTP_BODY_BYTES_MAX);
    call->body = BUF_INIT(HTTP_REQUEST_BYTES_MAX);
    buf_put(&call->body, request->body);
    snprintf(call->where, sizeof call->where, "%s:%d", host, port);
    set_up(call, request);
    if (!literal)
        call->resolve = transfers_resolve(call->easy, host, port, request->address);
    call->next = http->calls;
    if (call->next)
        call->next->previous = call;
    http->calls = call;
    transfers_add(http->transfers, call->easy);
    *ret = call;
    return 0;
}
