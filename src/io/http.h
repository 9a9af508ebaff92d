/* Asks HTTP servers on the loop: https with the certificate verified, or http; no redirects, no proxies, no
 * name resolution, no threads. libcurl stays behind this header and io/imap.h. */
#ifndef VEDETTE_IO_HTTP_H
#define VEDETTE_IO_HTTP_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"
#include "io/loop.h"

struct http;
struct http_call;

enum {
    HTTP_URL_MAX = 2048,
    HTTP_HOST_MAX = 256,
    HTTP_HEADERS_MAX = 16,
    HTTP_HEADER_BYTES_MAX = 4096,
    HTTP_REQUEST_BYTES_MAX = 1024 * 1024,
    HTTP_BODY_BYTES_MAX =
        16 * 1024, /* of an answer, unless the request says otherwise; what is longer is cut */
    HTTP_TYPE_MAX = 128,
};

/* All is copied, and wiped afterwards; libcurl keeps copies of its own that it only frees. */
struct http_request {
    const char *method;  /* "GET", "POST" … */
    const char *url;     /* http:// or https:// */
    const char *address; /* an IP literal: where the URL's host is. NULL only when that host is a literal */
    const char *const *headers; /* "Name: value", without CR, LF; ends with NULL; may be NULL */
    sv body;
    const char *ca_file;     /* PEM; NULL: the system's authorities */
    nanos timeout;           /* for all of it */
    size_t answer_bytes_max; /* of the answer's body; 0: HTTP_BODY_BYTES_MAX */
};

struct http_answer {
    int status;               /* 200 … */
    sv body;                  /* its first bytes, as many as the request would take */
    bool cut;                 /* there was more */
    char type[HTTP_TYPE_MAX]; /* Content-Type as it came; "" without one, or for one too long */
};

/* Exactly one of answer (whatever its status) and err. err's class: UNAVAILABLE unreachable or too slow,
 * PERMISSION certificate not trusted, PROTOCOL no HTTP, CONFIG a CA file that cannot be read. The call is
 * gone by then; fn may begin the next one, or free the http. */
typedef void http_fn(void *arg, const struct http_answer *answer, const struct err *err);

/* Once in the process, before its sandbox and its first thread. */
void http_global_init(void);

struct http *http_new(struct loop *loop);

/* Calls still open are cancelled. NULL is fine. */
void http_free(struct http *http);

/* fn is called once, never before this returns. -1 with ERR_CONFIG or ERR_USAGE for a request that cannot be
 * made. */
int http_ask(struct http *http, const struct http_request *request, http_fn *fn, void *arg,
             struct http_call **ret, struct err *err);

/* fn will not be called. NULL is fine; a call whose fn was called must not be cancelled. */
void http_cancel(struct http_call *call);

/* The host of a URL, without brackets and port, into ret; *ret_literal: it is an IP address already, so there
 * is nothing to resolve; *ret_secure: https. ERR_CONFIG when it is no http(s) URL. */
int http_host(const char *url, char ret[static HTTP_HOST_MAX], bool *ret_literal, bool *ret_secure,
              struct err *err);

#endif
