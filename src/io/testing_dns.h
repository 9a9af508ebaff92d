/* A DNS server on loopback with a few names in example.org and example.com, in a thread. Not part of the
 * program. */
#ifndef VEDETTE_IO_TESTING_DNS_H
#define VEDETTE_IO_TESTING_DNS_H

struct testing_dns;

enum testing_dns_manner {
    TESTING_DNS_PLAIN,  /* knows nothing of DNSSEC */
    TESTING_DNS_SIGNED, /* example.org is signed */
    TESTING_DNS_LIES,   /* the same, with addresses that the signatures were not made for */
    TESTING_DNS_REFUSES,
    TESTING_DNS_SERVFAILS,
    TESTING_DNS_SILENT,
    TESTING_DNS_GARBLES,
    TESTING_DNS_TRUNCATES, /* and does not answer over TCP */
};

struct testing_dns *testing_dns_new(enum testing_dns_manner manner);
const char *testing_dns_where(const struct testing_dns *server);  /* "127.0.0.1:port" */
const char *testing_dns_anchor(const struct testing_dns *server); /* a file with the key of example.org */
void testing_dns_free(struct testing_dns *server);

#endif
