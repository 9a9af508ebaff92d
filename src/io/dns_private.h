/* The parts of DNS: reading an answer's bytes, the list of resolvers, and asking these directly. */
#ifndef VEDETTE_IO_DNS_PRIVATE_H
#define VEDETTE_IO_DNS_PRIVATE_H

#include "base/arena.h"
#include "io/dns.h"

enum { DNS_PORT = 53, DNS_TYPE_DNSKEY = 48 };

/* Reads the message that answers question into *ret (status, chain, records, ttl); its strings lie in arena.
 * Pure. False if it is malformed or past the arena's bound; *ret is of no use then. */
bool dns_answer_read(sv message, const char *question, enum dns_type type, struct arena *arena,
                     struct dns_answer *ret);

/* One entry of dns_setup's servers. */
bool dns_server_parse(sv text, struct address *ret);

/* The nameservers named in the text of a resolv.conf(5). Returns how many. */
size_t dns_servers_of(sv resolv_conf, char ret[static DNS_SERVERS_MAX][DNS_SERVER_TEXT_MAX]);

/* What a libunbound context is made of; anchor_file NULL: without validation. */
struct dns_context {
    struct loop *loop;
    const struct address *servers;
    size_t server_count;
    const char *anchor_file;
    const char *const *unsigned_zones;
};

struct ub_ctx;

/* The owner deletes it with ub_ctx_delete, never from a callback of its own. */
int dns_context_new(const struct dns_context *setup, struct ub_ctx **ret, struct err *err);

/* The name whose keys the file of trust anchors speaks of (the first, if it speaks of several). */
int dns_anchor_name(const char *path, char ret[static DNS_NAME_TEXT_MAX], struct err *err);

/* One plain question by UDP to each server: libunbound says only that it failed, this says how, in words. */
struct dns_probe;

struct dns_finding {
    enum dns_failure failure; /* DNS_FAILURE_NONE: a server answers */
    char why[DNS_WHY_MAX];    /* also where one answers: then why that may not have helped */
    bool signatures;          /* an answer had RRSIG records, or was too long to see */
};

/* fn is called once every server has said something, never before this returns. */
struct dns_probe *dns_probe_new(struct loop *loop, const struct address *servers, size_t count, unsigned type,
                                const char *name, loop_fn *fn, void *arg);

/* What is known by now. */
void dns_probe_find(const struct dns_probe *probe, struct dns_finding *ret);
void dns_probe_free(struct dns_probe *probe); /* NULL is fine */

#endif
