#include "io/tls_private.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

enum { CERTIFICATES_MAX = 1000 };

static void add(struct tls_file *file, X509 *cert)
{
    nanos end = tls_time(X509_get0_notAfter(cert));
    if (file->count++ == 0) {
        tls_certificate_describe(&file->first, cert);
        file->first_end = file->last_end = end;
        return;
    }
    file->first_end = end < file->first_end ? end : file->first_end;
    file->last_end = end > file->last_end ? end : file->last_end;
}

int tls_file_look(const char *path, struct tls_file *ret, struct err *err)
{
    *ret = (struct tls_file){.count = 0};
    FILE *in = fopen(path, "re");
    if (!in)
        return err_set(err, ERR_SYSTEM, "check the path and its permissions", "read %s", path);
    ERR_clear_error();
    X509 *cert;
    while (ret->count < CERTIFICATES_MAX && (cert = PEM_read_X509(in, NULL, NULL, NULL))) {
        add(ret, cert);
        X509_free(cert);
    }
    fclose(in);
    ERR_clear_error(); /* the end of the file is one too */
    if (ret->count == 0)
        return err_set(err, ERR_CONFIG, "it must hold PEM certificates (-----BEGIN CERTIFICATE-----)",
                       "there is no certificate in %s", path);
    return 0;
}
