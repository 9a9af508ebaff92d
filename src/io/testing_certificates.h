/* Certificates for tests, made on the spot. Not part of the program. */
#ifndef VEDETTE_IO_TESTING_CERTIFICATES_H
#define VEDETTE_IO_TESTING_CERTIFICATES_H

#include <openssl/x509.h>

struct testing_certificate {
    X509 *cert;
    EVP_PKEY *key;
};

/* names is an OpenSSL SAN value ("DNS:mail.example.org,IP:127.0.0.1") or NULL; issuer NULL makes it
 * self-signed. Valid from one day before now to days after now, which may be negative. */
struct testing_certificate testing_certificate_make(const char *common_name, const char *names,
                                                    const struct testing_certificate *issuer, int is_ca,
                                                    int days);
void testing_certificate_free(struct testing_certificate *certificate);

/* PEM files: the certificate and, unless NULL, one more behind it; the key. */
void testing_certificate_write(const char *path, const struct testing_certificate *first,
                               const struct testing_certificate *second);
void testing_certificate_write_key(const char *path, const struct testing_certificate *certificate);

#endif
