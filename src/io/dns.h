/* Asks DNS on the loop, without threads, and validates DNSSEC itself (libunbound). What the answers mean for
 * a path is for others to say. */
#ifndef VEDETTE_IO_DNS_H
#define VEDETTE_IO_DNS_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"
#include "io/address.h"
#include "io/loop.h"

struct dns;
struct dns_query;

enum {
    DNS_SERVERS_MAX = 8,
    DNS_SERVER_TEXT_MAX = 80, /* an address with its zone and port */
    DNS_NAME_TEXT_MAX = 1025, /* a name with every byte escaped, and its end */
    DNS_RECORDS_MAX = 32,
    DNS_CHAIN_MAX = 12,    /* as many aliases as libunbound follows */
    DNS_QUERIES_MAX = 256, /* at once; one more fails */
    DNS_WHY_MAX = 320,
};

/* Where Debian's dns-root-data puts the root's keys. */
#define DNS_TRUST_ANCHOR_FILE "/usr/share/dns/root.key"

/* All is copied. */
struct dns_setup {
    struct loop *loop; /* must outlive the dns */
    /* Recursive resolvers: "192.0.2.53", "192.0.2.53:5353", "2001:db8::53" or "[2001:db8::53]:5353". With
     * server_count 0 those of /etc/resolv.conf, read now: make a new dns to take note of a change there. */
    const char *const *servers;
    size_t server_count;
    /* DS or DNSKEY records in a file, trusted to begin with. NULL: DNS_TRUST_ANCHOR_FILE where it exists;
     * without it every answer's security is DNS_UNKNOWN. */
    const char *trust_anchor_file;
    /* Names (with all below them) that need no signatures although what stands above them is signed, such as
     * the zones that only a company's own resolvers know. NULL-terminated; may be NULL. */
    const char *const *unsigned_zones;
};

/* Cheap enough to be made for one question. Reads files, asks nothing yet. ERR_CONFIG: no usable server, or a
 * trust anchor that cannot be read. */
int dns_new(const struct dns_setup *setup, struct dns **ret, struct err *err);

/* Questions still open are cancelled. NULL is fine. May be called from a dns_fn. */
void dns_free(struct dns *dns);

/* The RR types of RFC 1035, 3596 and 6698, by their numbers. */
enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_TLSA = 52,
};

enum dns_status {
    DNS_FOUND,
    DNS_NO_DATA, /* the name exists, but has nothing of this type */
    DNS_NO_NAME, /* NXDOMAIN */
    DNS_FAILED,  /* there is no answer that may be used: failure says which way, why in words */
};

enum dns_failure {
    DNS_FAILURE_NONE,
    DNS_FAILURE_NO_ANSWER,    /* silence until the time was up */
    DNS_FAILURE_UNREACHABLE,  /* no resolver could be asked: nothing listens there, or no way leads there */
    DNS_FAILURE_REFUSED,      /* the resolvers answer REFUSED: we are not among their clients */
    DNS_FAILURE_SERVER,       /* SERVFAIL and its like: the resolvers could not find out */
    DNS_FAILURE_MALFORMED,    /* what answers does not speak DNS as it should */
    DNS_FAILURE_BOGUS,        /* an answer came that DNSSEC proves wrong; its records are not given */
    DNS_FAILURE_BAD_QUESTION, /* the name asked for is none */
    DNS_FAILURE_OURS,         /* out of memory, too many questions at once */
};

enum dns_security {
    DNS_UNKNOWN,  /* not validated: no trust anchor, or resolvers that pass no signatures on (why says so) */
    DNS_INSECURE, /* the zone is not signed, and that is proven */
    DNS_SECURE,   /* validated up to the trust anchor; of DNS_NO_NAME and DNS_NO_DATA the absence is proven */
    DNS_BOGUS,    /* why holds the validator's words */
};

struct dns_record {
    struct address address; /* A, AAAA: port 0 */
    const char *name; /* CNAME, MX, PTR: without the final dot, bytes out of the ordinary escaped as in master
                       * files; "." for the root */
    uint16_t preference;               /* MX */
    uint8_t usage, selector, matching; /* TLSA */
    sv data;                           /* TLSA: the association; TXT: the strings, joined */
};

struct dns_answer {
    enum dns_type type;
    const char *question; /* the name asked for */
    enum dns_status status;
    enum dns_failure failure; /* DNS_FAILURE_NONE unless DNS_FAILED */
    enum dns_security security;
    char why[DNS_WHY_MAX]; /* a sentence on the failure or on the security, without full stop; may be empty */
    uint32_t ttl_seconds;  /* the least of the records and of the chain; of DNS_NO_*: how long that holds */
    /* The names that the question led over: chain[0] is what the question is an alias of, the last one is the
     * canonical name. Empty if the question is the canonical name itself. */
    const char *chain[DNS_CHAIN_MAX];
    size_t chain_count;
    struct dns_record records[DNS_RECORDS_MAX]; /* in the order of the answer; only with DNS_FOUND */
    size_t record_count;
    bool more; /* there were more than fit */
};

/* The canonical name: the end of the chain, or the question. */
const char *dns_canonical(const struct dns_answer *answer);

/* answer and all it points at are valid until fn returns. The query is gone by the time fn is called. */
typedef void dns_fn(void *arg, const struct dns_answer *answer);

/* Asks once; fn is called once, never before this returns, at the latest when timeout is over. An ending dot
 * of name changes nothing; no search domains are tried. */
struct dns_query *dns_ask(struct dns *dns, enum dns_type type, const char *name, nanos timeout, dns_fn *fn,
                          void *arg);

/* The names of an address (PTR in in-addr.arpa or ip6.arpa). */
struct dns_query *dns_ask_reverse(struct dns *dns, const struct address *address, nanos timeout, dns_fn *fn,
                                  void *arg);

/* fn will not be called. NULL is fine; a query whose fn was called must not be cancelled. */
void dns_cancel(struct dns_query *query);

/* The nameservers of /etc/resolv.conf in its order, in the form that dns_setup takes, at most
 * DNS_SERVERS_MAX. 0 if there are none. To compare resolvers, make one dns of each. */
size_t dns_system_servers(char ret[static DNS_SERVERS_MAX][DNS_SERVER_TEXT_MAX]);

/* "A", "AAAA", …, and for people: "secure", "not signed", "bogus", "not validated". */
const char *dns_type_name(enum dns_type type);
const char *dns_security_name(enum dns_security security);

#endif
