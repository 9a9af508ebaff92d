#include "io/testing_dns.h"

#include "base/sv.h"
#include "io/address.h"

#include <arpa/nameser.h>
#include <assert.h>
#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 4096,
    DNSKEY = 48,
    RRSIG = 46,
    ECDSA_P256 = 13,
    KEY_BYTES = 64,
    HALF_BYTES = KEY_BYTES / 2,
    KEY_RDATA = 4 + KEY_BYTES,
    TTL = 300,
    ALIAS_TTL = 60,
    DAY_SECONDS = 86400,
};

static const char zone[] = "example.org";

struct testing_dns {
    enum testing_dns_manner manner;
    int udp, stop;
    pthread_t thread;
    char where[ADDRESS_TEXT_MAX], anchor[64];
    EVP_PKEY *key;
    uint8_t key_rdata[KEY_RDATA];
};

struct bytes {
    uint8_t at[MESSAGE_MAX];
    size_t n;
};

static void put(struct bytes *out, const void *bytes, size_t n)
{
    assert(out->n + n <= sizeof out->at);
    memcpy(out->at + out->n, bytes, n);
    out->n += n;
}

static void put_number(struct bytes *out, size_t width, uint64_t value)
{
    for (size_t i = width; i-- > 0;)
        put(out, &(uint8_t){(uint8_t)(value >> 8 * i)}, 1);
}

static void put_name(struct bytes *out, const char *name)
{
    uint8_t wire[NS_MAXCDNAME];
    int rc = ns_name_pton(name, wire, sizeof wire);
    assert(rc >= 0);
    size_t n = 0;
    while (wire[n])
        n += wire[n] + 1U;
    put(out, wire, n + 1);
}

static void put_record(struct bytes *out, const char *owner, unsigned type, unsigned ttl,
                       const struct bytes *data)
{
    put_name(out, owner);
    put_number(out, 2, type);
    put_number(out, 2, ns_c_in);
    put_number(out, 4, ttl);
    put_number(out, 2, data->n);
    put(out, data->at, data->n);
}

static unsigned key_tag(const struct testing_dns *server)
{
    unsigned sum = 0;
    for (size_t i = 0; i < KEY_RDATA; i++)
        sum += i % 2 ? server->key_rdata[i] : (unsigned)server->key_rdata[i] << 8;
    return (sum + (sum >> 16)) & 0xffff;
}

/* ECDSA in DNS is the two numbers side by side (RFC 6605 §4). */
static void put_signature(const struct testing_dns *server, struct bytes *out, const struct bytes *what)
{
    uint8_t der[128], pair[KEY_BYTES];
    size_t n = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    int rc = EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, server->key);
    assert(rc == 1);
    rc = EVP_DigestSign(context, der, &n, what->at, what->n);
    assert(rc == 1);
    EVP_MD_CTX_free(context);
    const uint8_t *p = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &p, (long)n);
    BN_bn2binpad(ECDSA_SIG_get0_r(signature), pair, HALF_BYTES);
    BN_bn2binpad(ECDSA_SIG_get0_s(signature), pair + HALF_BYTES, HALF_BYTES);
    ECDSA_SIG_free(signature);
    put(out, pair, sizeof pair);
}

/* RFC 4034 §3.1.8.1, for a set of one record. */
static void put_rrsig(const struct testing_dns *server, struct bytes *out, const char *owner, unsigned type,
                      const struct bytes *data)
{
    struct bytes rrsig = {.n = 0}, signed_bytes;
    unsigned labels = 1;
    for (const char *p = owner; *p; p++)
        labels += *p == '.';
    uint64_t now = (uint64_t)time(NULL);
    put_number(&rrsig, 2, type);
    put_number(&rrsig, 1, ECDSA_P256);
    put_number(&rrsig, 1, labels);
    put_number(&rrsig, 4, TTL);
    put_number(&rrsig, 4, now + DAY_SECONDS);
    put_number(&rrsig, 4, now - DAY_SECONDS);
    put_number(&rrsig, 2, key_tag(server));
    put_name(&rrsig, zone);
    signed_bytes = rrsig;
    put_record(&signed_bytes, owner, type, TTL, data);
    put_signature(server, &rrsig, &signed_bytes);
    put_record(out, owner, RRSIG, TTL, &rrsig);
}

static void fill(const struct testing_dns *server, const char *name, unsigned type, struct bytes *ret_data)
{
    bool v4 = type == ns_t_a, lies = server->manner == TESTING_DNS_LIES;
    static const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x25};
    (void)name;
    if (v4)
        put(ret_data, (uint8_t[]){192, 0, 2, lies ? 66 : 25}, 4);
    else if (type == ns_t_aaaa)
        put(ret_data, v6, sizeof v6);
    else if (type == ns_t_ptr)
        put_name(ret_data, "mail.example.org");
    else if (type == ns_t_mx) {
        put_number(ret_data, 2, 10);
        put_name(ret_data, "mail.example.org");
    } else if (type == ns_t_txt)
        put(ret_data, "\x07v=spf1 \x04-all", 13);
    else if (type == DNSKEY)
        put(ret_data, server->key_rdata, KEY_RDATA);
}

static void put_alias(struct bytes *out, const char *from, const char *to, unsigned ttl)
{
    struct bytes data = {.n = 0};
    put_name(&data, to);
    put_record(out, from, ns_t_cname, ttl, &data);
}

/* The answer's and the authority's records; returns the rcode. */
static unsigned put_sections(const struct testing_dns *server, const char *name, unsigned type,
                             struct bytes *out, unsigned *ret_answers, unsigned *ret_authority)
{
    bool signs = (server->manner == TESTING_DNS_SIGNED || server->manner == TESTING_DNS_LIES) &&
                 sv_iends(sv_of(name), sv_of(zone));
    const char *owner = name;
    struct bytes data = {.n = 0}, truth = {.n = 0};
    if (strcmp(name, "www.example.org") == 0) {
        put_alias(out, name, "alias.example.org", ALIAS_TTL);
        owner = "alias.example.org";
        ++*ret_answers;
    }
    if (strcmp(owner, "alias.example.org") == 0) {
        put_alias(out, owner, "mail.example.org", TTL);
        owner = "mail.example.org";
        ++*ret_answers;
    }
    bool absent = strcmp(name, "absent.example.org") == 0, no_data = strcmp(name, "v4.example.org") == 0;
    fill(server, owner, type, &data);
    if (absent || no_data || !data.n || (type == DNSKEY && !signs)) {
        data.n = 0;
        put_name(&data, "ns.example.org");
        put_name(&data, "hostmaster.example.org");
        for (unsigned i = 1; i <= 5; i++)
            put_number(&data, 4, 90);
        put_record(out, zone, ns_t_soa, TTL, &data);
        ++*ret_authority;
        return absent ? ns_r_nxdomain : ns_r_noerror;
    }
    put_record(out, owner, type, TTL, &data);
    ++*ret_answers;
    if (signs) {
        struct testing_dns honest = *server;
        honest.manner = TESTING_DNS_SIGNED;
        fill(&honest, owner, type, &truth);
        put_rrsig(server, out, owner, type, &truth);
        ++*ret_answers;
    }
    return ns_r_noerror;
}

/* 0 bytes: no answer. */
static void answer(const struct testing_dns *server, const uint8_t *question, size_t n, struct bytes *out)
{
    ns_msg message;
    ns_rr rr;
    if (ns_initparse(question, (int)n, &message) < 0 || ns_parserr(&message, ns_s_qd, 0, &rr) < 0)
        return;
    char name[NS_MAXDNAME];
    sv_copy(name, sizeof name, sv_of(ns_rr_name(rr)));
    for (char *p = name; *p; p++)
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
    unsigned answers = 0, authority = 0, rcode = ns_r_noerror;
    bool tc = server->manner == TESTING_DNS_TRUNCATES;
    struct bytes sections = {.n = 0};
    if (server->manner == TESTING_DNS_SILENT || strcmp(name, "never.example.org") == 0)
        return;
    if (server->manner == TESTING_DNS_GARBLES) {
        put(out, question, n); /* a question is no answer */
        return;
    }
    if (server->manner == TESTING_DNS_REFUSES)
        rcode = ns_r_refused;
    else if (server->manner == TESTING_DNS_SERVFAILS)
        rcode = ns_r_servfail;
    else if (!tc)
        rcode = put_sections(server, name, ns_rr_type(rr), &sections, &answers, &authority);
    put(out, question, 2);
    put_number(out, 2, 0x8180U | (tc ? 0x200U : 0) | rcode);
    put_number(out, 2, 1);
    put_number(out, 2, answers);
    put_number(out, 2, authority);
    put_number(out, 2, server->manner == TESTING_DNS_PLAIN ? 0 : 1);
    size_t end = NS_HFIXEDSZ;
    while (question[end])
        end += question[end] + 1U;
    put(out, question + NS_HFIXEDSZ, end + 1 + NS_QFIXEDSZ - NS_HFIXEDSZ);
    put(out, sections.at, sections.n);
    if (server->manner != TESTING_DNS_PLAIN)
        put(out, (uint8_t[]){0, 0, ns_t_opt, 4, 0xd0, 0, 0, 0x80, 0, 0, 0}, 11);
}

static void *serve(void *arg)
{
    const struct testing_dns *server = arg;
    for (;;) {
        struct pollfd wait[] = {{.fd = server->udp, .events = POLLIN},
                                {.fd = server->stop, .events = POLLIN}};
        if (poll(wait, 2, -1) < 0 || wait[1].revents)
            return NULL;
        uint8_t question[MESSAGE_MAX];
        struct sockaddr_storage from;
        socklen_t length = sizeof from;
        ssize_t n = recvfrom(server->udp, question, sizeof question, 0, (struct sockaddr *)&from, &length);
        struct bytes out = {.n = 0};
        if (n > 0)
            answer(server, question, (size_t)n, &out);
        if (out.n)
            sendto(server->udp, out.at, out.n, 0, (struct sockaddr *)&from, length);
    }
}

static void make_key(struct testing_dns *server)
{
    server->key = EVP_EC_gen("P-256");
    uint8_t point[1 + KEY_BYTES];
    size_t n;
    assert(server->key);
    int rc = EVP_PKEY_get_octet_string_param(server->key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &n);
    assert(rc == 1 && n == sizeof point);
    memcpy(server->key_rdata, (uint8_t[]){1, 1, 3, ECDSA_P256}, 4);
    memcpy(server->key_rdata + 4, point + 1, KEY_BYTES);
    uint8_t base64[KEY_BYTES * 2];
    EVP_EncodeBlock(base64, server->key_rdata + 4, KEY_BYTES);
    snprintf(server->anchor, sizeof server->anchor, "/tmp/vedette-anchor-XXXXXX");
    int fd = mkstemp(server->anchor);
    assert(fd >= 0);
    rc = dprintf(fd, "; the key of a test\n%s. IN DNSKEY 257 3 13 %s\n", zone, (char *)base64);
    assert(rc > 0);
    close(fd);
}

struct testing_dns *testing_dns_new(enum testing_dns_manner manner)
{
    struct testing_dns *server = calloc(1, sizeof *server);
    assert(server);
    server->manner = manner;
    make_key(server);
    struct address address;
    int rc = address_parse(SV("127.0.0.1"), 0, &address, NULL);
    server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    server->stop = eventfd(0, EFD_CLOEXEC);
    rc |= bind(server->udp, (struct sockaddr *)&address.storage, address.length);
    rc |= getsockname(server->udp, (struct sockaddr *)&address.storage, &address.length);
    assert(rc == 0);
    address_text(&address, server->where);
    rc = pthread_create(&server->thread, NULL, serve, server);
    assert(rc == 0);
    return server;
}

const char *testing_dns_where(const struct testing_dns *server)
{
    return server->where;
}

const char *testing_dns_anchor(const struct testing_dns *server)
{
    return server->anchor;
}

void testing_dns_free(struct testing_dns *server)
{
    ssize_t n = write(server->stop, &(uint64_t){1}, sizeof(uint64_t));
    assert(n == sizeof(uint64_t));
    pthread_join(server->thread, NULL);
    close(server->udp);
    close(server->stop);
    unlink(server->anchor);
    EVP_PKEY_free(server->key);
    free(server);
}
