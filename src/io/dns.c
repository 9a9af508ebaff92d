#include "io/dns.h"

#include "io/dns_private.h"

#include <arpa/nameser.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unbound-event.h>
#include <unbound.h>
#include <unistd.h>

enum {
    ANSWER_ARENA_BYTES = 256 * 1024, /* what the largest message can hold, unpacked */
    REVERSE_TEXT_MAX = 80,
};

static const nanos first_patience_max = NANOS_PER_SECOND;

struct dns {
    struct loop *loop;
    struct address servers[DNS_SERVERS_MAX];
    size_t server_count;
    struct ub_ctx *validating; /* or not, without a trust anchor */
    struct ub_ctx *plain;      /* made when the servers turn out to pass no signatures on */
    bool anchored;
    char anchor[DNS_NAME_TEXT_MAX]; /* the name whose keys are trusted */
    struct dns_query *queries;
    size_t query_count;
};

enum step {
    STEP_ASKING,     /* libunbound works at it */
    STEP_EXPLAINING, /* it failed, and the servers are asked directly why */
    STEP_DOUBTING,   /* it says bogus, and the servers are asked whether they pass signatures on at all */
    STEP_PLAIN,      /* they do not: asking without validation */
    STEP_TOLD,       /* the answer stands and waits for its turn on the loop */
};

struct dns_query {
    struct dns *dns;
    struct dns_query *next, **back;
    char name[DNS_NAME_TEXT_MAX];
    enum dns_type type;
    nanos timeout;
    enum step step;
    bool first_over;      /* the servers have been asked directly by now */
    struct ub_ctx *asked; /* where async_id is open, NULL if nowhere */
    int async_id;
    struct dns_probe *probe;
    struct loop_timer *patience, *delivery;
    struct arena *arena;
    struct dns_answer answer;
    dns_fn *fn;
    void *arg;
};

const char *dns_type_name(enum dns_type type)
{
    switch (type) {
    case DNS_A:
        return "A";
    case DNS_CNAME:
        return "CNAME";
    case DNS_PTR:
        return "PTR";
    case DNS_MX:
        return "MX";
    case DNS_TXT:
        return "TXT";
    case DNS_AAAA:
        return "AAAA";
    case DNS_TLSA:
        return "TLSA";
    }
    abort();
}

const char *dns_security_name(enum dns_security security)
{
    switch (security) {
    case DNS_UNKNOWN:
        return "not validated";
    case DNS_INSECURE:
        return "not signed";
    case DNS_SECURE:
        return "secure";
    case DNS_BOGUS:
        return "bogus";
    }
    abort();
}

/* The answer goes out from the loop, never from inside libunbound, so that its receiver may free the dns. */
static void tell(struct dns_query *query)
{
    query->step = STEP_TOLD;
    if (query->asked)
        ub_cancel(query->asked, query->async_id);
    query->asked = NULL;
    loop_timer_cancel(query->patience);
    loop_timer_set(query->delivery, 0);
}

static void fail(struct dns_query *query, enum dns_failure failure, const char *why)
{
    struct dns_answer *answer = &query->answer;
    *answer = (struct dns_answer){.type = query->type,
                                  .question = query->name,
                                  .status = DNS_FAILED,
                                  .failure = failure,
                                  .security = failure == DNS_FAILURE_BOGUS ? DNS_BOGUS : DNS_UNKNOWN};
    sv_copy(answer->why, sizeof answer->why, sv_of(why));
    tell(query);
}

static void fail_as_found(struct dns_query *query, const struct dns_finding *finding)
{
    enum dns_failure failure = finding->failure;
    if (failure == DNS_FAILURE_NONE)
        failure = query->first_over ? DNS_FAILURE_NO_ANSWER : DNS_FAILURE_SERVER;
    fail(query, failure, finding->why);
}

static void on_answer(void *arg, int rcode, void *packet, int packet_bytes, int security, char *why_bogus,
                      int limited);

static void resolve(struct dns_query *query, struct ub_ctx *ctx)
{
    query->asked = ctx;
    query->async_id = 0;
    int id = 0, rc = ub_resolve_event(ctx, query->name, (int)query->type, ns_c_in, query, on_answer, &id);
    if (rc == 0) {
        query->async_id = id; /* of no use if the answer came at once: then asked is NULL */
        return;
    }
    query->asked = NULL;
    if (rc == UB_SYNTAX)
        fail(query, DNS_FAILURE_BAD_QUESTION, "this is no name that DNS could know");
    else
        fail(query, DNS_FAILURE_OURS, ub_strerror(rc));
}

static void resolve_plain(struct dns_query *query)
{
    struct dns *dns = query->dns;
    struct err err;
    const struct dns_context setup = {
        .loop = dns->loop, .servers = dns->servers, .server_count = dns->server_count};
    if (!dns->plain && dns_context_new(&setup, &dns->plain, &err) < 0) {
        fail(query, DNS_FAILURE_OURS, err.cause);
        return;
    }
    query->step = STEP_PLAIN;
    resolve(query, dns->plain);
}

static void drop_probe(struct dns_query *query)
{
    dns_probe_free(query->probe);
    query->probe = NULL;
}

static void on_probed(void *arg)
{
    struct dns_query *query = arg;
    struct dns_finding finding;
    if (query->step == STEP_TOLD)
        return;
    dns_probe_find(query->probe, &finding);
    if (query->step == STEP_EXPLAINING) {
        drop_probe(query);
        fail_as_found(query, &finding);
    } else if (query->step == STEP_DOUBTING) {
        drop_probe(query);
        if (finding.failure == DNS_FAILURE_NONE && !finding.signatures)
            resolve_plain(query);
        else
            tell(query); /* as it stands: bogus */
    } else if (finding.failure == DNS_FAILURE_UNREACHABLE || finding.failure == DNS_FAILURE_REFUSED) {
        drop_probe(query);
        fail_as_found(query, &finding); /* no server will do better, yet libunbound would go on trying */
    }                                   /* else the finding waits for the end of our patience */
}

static void probe(struct dns_query *query, enum step step)
{
    struct dns *dns = query->dns;
    bool keys = step == STEP_DOUBTING;
    query->step = step;
    drop_probe(query);
    query->probe =
        dns_probe_new(dns->loop, dns->servers, dns->server_count, keys ? DNS_TYPE_DNSKEY : query->type,
                      keys ? dns->anchor : query->name, on_probed, query);
}

static void take_bogus(struct dns_query *query, const char *why)
{
    query->answer = (struct dns_answer){.type = query->type,
                                        .question = query->name,
                                        .status = DNS_FAILED,
                                        .failure = DNS_FAILURE_BOGUS,
                                        .security = DNS_BOGUS};
    snprintf(query->answer.why, sizeof query->answer.why, "%s", why ? why : "validation failed");
    probe(query, STEP_DOUBTING);
}

static void take(struct dns_query *query, sv message, bool secure)
{
    struct dns_answer *answer = &query->answer;
    if (!dns_answer_read(message, query->name, query->type, query->arena, answer)) {
        fail(query, DNS_FAILURE_MALFORMED, "the answer cannot be read");
        return;
    }
    if (answer->status == DNS_FAILED) {
        probe(query, STEP_EXPLAINING);
        return;
    }
    if (query->step == STEP_PLAIN)
        snprintf(answer->why, sizeof answer->why,
                 "the resolvers pass no signatures on, so nothing can be validated");
    else if (!query->dns->anchored)
        snprintf(answer->why, sizeof answer->why, "there is no trust anchor to validate from");
    else
        answer->security = secure ? DNS_SECURE : DNS_INSECURE;
    tell(query);
}

static void on_answer(void *arg, int rcode, void *packet, int packet_bytes, int security, char *why_bogus,
                      int limited)
{
    enum { BOGUS = 1, SECURE = 2 };
    struct dns_query *query = arg;
    (void)limited;
    query->asked = NULL;
    if (rcode == ns_r_noerror && security == BOGUS && query->step != STEP_PLAIN)
        take_bogus(query, why_bogus);
    else if (rcode == ns_r_noerror && packet)
        take(query, sv_make(packet, (size_t)packet_bytes), security == SECURE);
    else
        probe(query, STEP_EXPLAINING);
}

static void on_timeout(struct dns_query *query)
{
    if (query->step == STEP_DOUBTING) {
        tell(query); /* bogus, as far as we know */
        return;
    }
    struct dns_finding finding = {.failure = DNS_FAILURE_NO_ANSWER};
    if (query->probe)
        dns_probe_find(query->probe, &finding);
    char length[32];
    size_t used = strlen(finding.why);
    snprintf(finding.why + used, sizeof finding.why - used, "%s within %s", used ? "" : "no answer",
             time_length(query->timeout, length, sizeof length));
    fail_as_found(query, &finding);
}

static nanos first_patience(const struct dns_query *query)
{
    return query->timeout / 2 < first_patience_max ? query->timeout / 2 : first_patience_max;
}

/* After the first part of our patience the servers are asked directly, so that there is something to say if
 * the rest passes in silence. */
static void on_patience(void *arg)
{
    struct dns_query *query = arg;
    if (query->first_over) {
        on_timeout(query);
        return;
    }
    query->first_over = true;
    loop_timer_set(query->patience, query->timeout - first_patience(query));
    if (query->step == STEP_ASKING)
        probe(query, STEP_ASKING);
}

static void query_free(struct dns_query *query)
{
    *query->back = query->next;
    if (query->next)
        query->next->back = query->back;
    query->dns->query_count--;
    if (query->asked)
        ub_cancel(query->asked, query->async_id);
    dns_probe_free(query->probe);
    loop_timer_free(query->patience);
    loop_timer_free(query->delivery);
    arena_free(query->arena);
    free(query);
}

static void deliver(void *arg)
{
    struct dns_query *query = arg;
    dns_fn *fn = query->fn;
    void *fn_arg = query->arg;
    /* Detached first, so that the receiver may free the dns. */
    struct dns_answer answer = query->answer;
    struct arena *arena = query->arena;
    char name[DNS_NAME_TEXT_MAX];
    sv_copy(name, sizeof name, sv_of(query->name));
    answer.question = name;
    query->arena = NULL;
    query_free(query);
    fn(fn_arg, &answer);
    arena_free(arena);
}

struct dns_query *dns_ask(struct dns *dns, enum dns_type type, const char *name, nanos timeout, dns_fn *fn,
                          void *arg)
{
    struct dns_query *query = calloc(1, sizeof *query);
    assert(query);
    *query = (struct dns_query){.dns = dns,
                                .next = dns->queries,
                                .back = &dns->queries,
                                .type = type,
                                .timeout = timeout,
                                .arena = arena_new(ANSWER_ARENA_BYTES),
                                .fn = fn,
                                .arg = arg};
    if (query->next)
        query->next->back = &query->next;
    dns->queries = query;
    dns->query_count++;
    query->patience = loop_timer_new(dns->loop, on_patience, query);
    query->delivery = loop_timer_new(dns->loop, deliver, query);
    bool fits = strlen(name) < sizeof query->name && *name;
    sv_copy(query->name, sizeof query->name, sv_of(name));
    if (!fits) {
        fail(query, DNS_FAILURE_BAD_QUESTION, "this is no name that DNS could know");
    } else if (dns->query_count > DNS_QUERIES_MAX) {
        fail(query, DNS_FAILURE_OURS, "too many questions at once");
    } else {
        loop_timer_set(query->patience, first_patience(query));
        resolve(query, dns->validating);
    }
    return query;
}

static void reverse_name(const struct address *address, char ret[static REVERSE_TEXT_MAX])
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    memcpy(&v4, &address->storage, sizeof v4);
    memcpy(&v6, &address->storage, sizeof v6);
    const uint8_t *b = (const uint8_t *)&v4.sin_addr;
    if (address->storage.ss_family == AF_INET6) {
        size_t used = 0;
        b = v6.sin6_addr.s6_addr;
        for (size_t i = sizeof v6.sin6_addr; i-- > 0 && !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);)
            used += (size_t)snprintf(ret + used, REVERSE_TEXT_MAX - used, "%x.%x.", b[i] & 15U, b[i] >> 4U);
        if (used) {
            snprintf(ret + used, REVERSE_TEXT_MAX - used, "ip6.arpa");
            return;
        }
        b += sizeof v6.sin6_addr - sizeof v4.sin_addr;
    }
    snprintf(ret, REVERSE_TEXT_MAX, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1], b[0]);
}

struct dns_query *dns_ask_reverse(struct dns *dns, const struct address *address, nanos timeout, dns_fn *fn,
                                  void *arg)
{
    char name[REVERSE_TEXT_MAX];
    reverse_name(address, name);
    return dns_ask(dns, DNS_PTR, name, timeout, fn, arg);
}

void dns_cancel(struct dns_query *query)
{
    if (query)
        query_free(query);
}

static int take_servers(struct dns *dns, const struct dns_setup *setup, struct err *err)
{
    char system[DNS_SERVERS_MAX][DNS_SERVER_TEXT_MAX];
    size_t count = setup->server_count ? setup->server_count : dns_system_servers(system);
    if (count == 0)
        return err_set(err, ERR_CONFIG, "name a resolver there", "/etc/resolv.conf names no nameserver");
    for (size_t i = 0; i < count && i < DNS_SERVERS_MAX; i++) {
        const char *text = setup->server_count ? setup->servers[i] : system[i];
        if (!dns_server_parse(sv_of(text), &dns->servers[dns->server_count++]))
            return err_set(err, ERR_CONFIG, "write it as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
                           "\"%.100s\" is not the address of a DNS server", text);
    }
    return 0;
}

int dns_new(const struct dns_setup *setup, struct dns **ret, struct err *err)
{
    struct dns *dns = calloc(1, sizeof *dns);
    assert(dns);
    dns->loop = setup->loop;
    const char *anchor = setup->trust_anchor_file;
    if (!anchor && access(DNS_TRUST_ANCHOR_FILE, R_OK) == 0)
        anchor = DNS_TRUST_ANCHOR_FILE;
    dns->anchored = anchor != NULL;
    if (take_servers(dns, setup, err) < 0 || (anchor && dns_anchor_name(anchor, dns->anchor, err) < 0) ||
        dns_context_new(&(struct dns_context){.loop = setup->loop,
                                              .servers = dns->servers,
                                              .server_count = dns->server_count,
                                              .anchor_file = anchor,
                                              .unsigned_zones = setup->unsigned_zones},
                        &dns->validating, err) < 0) {
        dns_free(dns);
        return -1;
    }
    *ret = dns;
    return 0;
}

void dns_free(struct dns *dns)
{
    if (!dns)
        return;
    for (struct dns_query *query = dns->queries, *next; query; query = next) {
        next = query->next;
        query_free(query);
    }
    ub_ctx_delete(dns->validating);
    ub_ctx_delete(dns->plain);
    free(dns);
}
