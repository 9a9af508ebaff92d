/* libcurl's multi interface on our loop, for io/http.c and io/imap.c. */
#ifndef VEDETTE_IO_TRANSFERS_PRIVATE_H
#define VEDETTE_IO_TRANSFERS_PRIVATE_H

#include "base/err.h"
#include "io/loop.h"

#include <curl/curl.h>

struct transfers;

/* A transfer has ended and is no longer among the transfers. May free the transfers. */
typedef void transfers_fn(void *arg, CURL *easy, CURLcode code);

struct transfers *transfers_new(struct loop *loop, transfers_fn *fn, void *arg);

/* All transfers must have ended or been removed. NULL is fine. */
void transfers_free(struct transfers *transfers);

void transfers_add(struct transfers *transfers, CURL *easy);
void transfers_remove(struct transfers *transfers, CURL *easy);

/* When the call into libcurl that runs now began: to notice that one waits for a peer. */
nanos transfers_entered(const struct transfers *transfers);

/* What every transfer has: verified TLS ≥ 1.2, no signals, no proxy, protocols as named. ca_file NULL: the
 * system's. error: CURL_ERROR_SIZE bytes that outlive easy. */
void transfers_prepare(CURL *easy, const char *protocols, const char *ca_file, char *error);

/* Makes libcurl find host:port at address (an IP literal) without asking anybody. For curl_slist_free_all. */
struct curl_slist *transfers_resolve(CURL *easy, const char *host, int port, const char *address);

/* The error of a transfer that failed: where is what it was about, words libcurl's own. Returns −1. */
int transfers_err(struct err *err, CURLcode code, const char *where, const char *words);

#endif
