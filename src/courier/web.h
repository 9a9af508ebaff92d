/* One request to a web server of the configuration: its secrets fetched, its name resolved, then asked. */
#ifndef VEDETTE_COURIER_WEB_H
#define VEDETTE_COURIER_WEB_H

#include "config/config.h"
#include "io/http.h"
#include "secret/keeper.h"

struct web;

/* What must outlive the request: everything pointed at. */
struct web_setup {
    struct loop *loop;
    struct http *http;
    struct keeper_client *keeper;
    const char *url;     /* or "secret:PROVIDER/NAME" */
    const char *key;     /* "PROVIDER/NAME", or NULL */
    const char *address; /* of the URL's host; NULL: asked of the resolvers */
    const char *ca_file; /* or NULL */
    const struct config_strings *resolvers;
    const char *trust_anchor; /* of DNSSEC; NULL: the root's */
    nanos timeout;            /* of each of: the name, the request */
    /* POST with what this writes once the key is known; true: the key goes as a bearer token. NULL: GET. */
    bool (*body)(void *arg, sv key, struct buf *out);
};

/* status of the answer, or 0 with err. The web is gone by then. */
typedef void web_fn(void *arg, int status, sv answer, const struct err *err);

/* fn is called once, never before this returns. */
struct web *web_ask(const struct web_setup *setup, web_fn *fn, void *arg);
void web_cancel(struct web *web); /* NULL is fine; not after fn */

#endif
