/* Verification of a mail server by its TLSA records (RFC 6698, 7671, 7672): OpenSSL builds the chains. */
#include "io/tls_private.h"

#include <assert.h>
#include <openssl/err.h>
#include <stdlib.h>

enum { DANE_TA = 2, DANE_EE = 3 };

static bool is_for_smtp(const struct tls_tlsa *record)
{
    return record->usage == DANE_TA || record->usage == DANE_EE;
}

/* True if OpenSSL can use it; what it cannot is passed over (RFC 7671 §4.1). */
static bool add(SSL *ssl, const struct tls_tlsa *record)
{
    ERR_clear_error();
    int rc = is_for_smtp(record) ? SSL_dane_tlsa_add(ssl, record->usage, record->selector, record->matching,
                                                     (const unsigned char *)record->data.p, record->data.n)
                                 : 0;
    ERR_clear_error();
    return rc == 1;
}

static size_t add_all(SSL *ssl, const struct tls_tlsa *records, size_t count)
{
    size_t usable = 0;
    for (size_t i = 0; i < count; i++)
        usable += add(ssl, &records[i]);
    return usable;
}

bool tls_dane_usable(const struct tls_tlsa *records, size_t count)
{
    struct tls_context *context = tls_context_new(false);
    int rc = SSL_CTX_dane_enable(context->ssl);
    SSL *ssl = SSL_new(context->ssl);
    assert(rc == 1 && ssl);
    rc = SSL_dane_enable(ssl, NULL);
    assert(rc == 1);
    bool usable = add_all(ssl, records, count) > 0;
    SSL_free(ssl);
    tls_context_free(context);
    return usable;
}

static char *put(char **to, const void *bytes, size_t n)
{
    char *at = *to;
    memcpy(at, bytes, n);
    *to += n;
    return at;
}

void tls_dane_adopt(struct tls_context *context, const struct tls_dane *dane)
{
    size_t bytes = strlen(dane->base) + 1 + (dane->other ? strlen(dane->other) + 1 : 0);
    for (size_t i = 0; i < dane->count; i++)
        bytes += dane->records[i].data.n;
    struct tls_dane *copy = malloc(sizeof *copy + dane->count * sizeof *dane->records + bytes);
    assert(copy);
    struct tls_tlsa *records = (struct tls_tlsa *)(copy + 1);
    char *text = (char *)(records + dane->count);
    copy->base = put(&text, dane->base, strlen(dane->base) + 1);
    copy->other = dane->other ? put(&text, dane->other, strlen(dane->other) + 1) : NULL;
    for (size_t i = 0; i < dane->count; i++) {
        records[i] = dane->records[i];
        records[i].data.p = put(&text, dane->records[i].data.p, dane->records[i].data.n);
    }
    copy->records = records;
    copy->count = dane->count;
    context->dane = copy;
    int rc = SSL_CTX_dane_enable(context->ssl);
    assert(rc == 1);
    SSL_CTX_dane_set_flags(context->ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS); /* RFC 7672 §3.1.1 */
}

void tls_dane_expect(SSL *ssl, const struct tls_dane *dane)
{
    /* It sends the name as SNI, and looks for it in certificates under DANE-TA(2), in a subject too where
     * there is no other name (RFC 7672 §3.2.3). */
    X509_VERIFY_PARAM_set_hostflags(SSL_get0_param(ssl), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    int rc = SSL_dane_enable(ssl, dane->base);
    assert(rc == 1);
    if (dane->other) {
        rc = SSL_add1_host(ssl, dane->other);
        assert(rc == 1);
    }
    size_t usable = add_all(ssl, dane->records, dane->count);
    assert(usable && "tls_dane_usable was asked");
}
