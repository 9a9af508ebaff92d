/* Certificates for tests, made on the spot. Not part of the program. */
#ifndef VEDETTE_IO_TESTING_CERTIFICATES_H
#define VEDETTE_IO_TESTING_CERTIFICATES_H

#include <openssl/x509.h>

struct testing_certificate {
    X509 *cert;
    EVP_PKEY *key;
};

/* What may be wanted of a certificate; zero and NULL: the ordinary. */
struct testing_plan {
    const char *common_name;
    const char *names;                        /* OpenSSL SAN value, "DNS:mail.example.org,IP:127.0.0.1" */
    const struct testing_certificate *issuer; /* NULL: self-signed */
    int is_ca;
    int days;               /* the end, from now */
    int starts;             /* the beginning in days from now; 0: a day before now and before the end */
    int rsa_bits;           /* 0: EC P-256 */
    int sha1;               /* signed with SHA-1 */
    const char *usage;      /* extended key usage, "clientAuth" */
    const char *issuer_url; /* AIA caIssuers */
};
struct testing_certificate testing_certificate_plan(const struct testing_plan *plan);

/* A DER OCSP response of issuer about cert, for OPENSSL_free; its length in *ret_n. status is one of
 * V_OCSP_CERTSTATUS_…; it was made from_days from now and holds for a day. */
unsigned char *testing_ocsp_answer(const struct testing_certificate *cert,
                                   const struct testing_certificate *issuer,
                                   const struct testing_certificate *signer, int status, int from_days,
                                   int *ret_n);

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

/* A folder of the test's own with the files 0.pem and 0.key for the first of certs, and so on. Returns its
 * path; fails the test if there can be none. */
const char *testing_folder_make(const struct testing_certificate *certs, int count);

/* "N.WHAT" in it, where what is pem, key or chain. There is a buffer for each, so that tables can hold it. */
const char *testing_path(const char *what, int which);

/* Frees certs, too. */
int testing_folder_remove(struct testing_certificate *certs, int count);

#endif
