/* A certificate of any bytes is described within its bounds, in text that can be shown. */
#include "io/tls_private.h"

#include <assert.h>
#include <openssl/err.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned char *at = data;
    X509 *cert = d2i_X509(NULL, &at, (long)size);
    struct tls_certificate described;
    if (cert) {
        tls_certificate_describe(&described, cert);
        assert(described.name_count <= TLS_NAMES_MAX);
        for (size_t i = 0; i < described.name_count; i++)
            assert(sv_printable(sv_of(described.names[i])));
        assert(sv_printable(sv_of(described.subject)) && sv_printable(sv_of(described.issuer)));
        assert(sv_printable(sv_of(described.issuer_url)) && described.fingerprint[0] == 's');
    }
    X509_free(cert);
    ERR_clear_error();
    return 0;
}
