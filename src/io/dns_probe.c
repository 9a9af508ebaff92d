#include "io/dns_private.h"

#include <arpa/nameser.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    OPT_BYTES_MAX = 11,
    QUESTION_MAX = NS_HFIXEDSZ + NS_MAXCDNAME + NS_QFIXEDSZ + OPT_BYTES_MAX,
    ANSWER_BYTES_MAX = 4096,
    UDP_PAYLOAD_BYTES = 1232, /* what passes without fragments nearly everywhere */
    DNSSEC_OK = 0x80,
    RECURSION_DESIRED = 0x01,
    STRANGE_ANSWERS_MAX = 8, /* from one server, before we stop to listen to it */
};

enum asked { ASKED_SILENT, ASKED_ANSWERED, ASKED_UNREACHABLE, ASKED_STRANGE };

struct asked_server {
    struct address address;
    enum asked state;
    int fd;
    struct loop_fd *watch;
    struct dns_probe *probe;
    int system;
    unsigned rcode, strange;
    bool truncated, signatures;
};

struct dns_probe {
    struct loop_timer *done;
    struct asked_server servers[DNS_SERVERS_MAX];
    size_t count;
    uint8_t question[QUESTION_MAX];
    size_t question_bytes;
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* A question with EDNS that asks for signatures (RFC 3225). False if name is none. */
static bool write_question(struct dns_probe *probe, unsigned type, const char *name)
{
    uint8_t *at = probe->question, wire[NS_MAXCDNAME];
    if (ns_name_pton(name, wire, sizeof wire) < 0)
        return false;
    ssize_t drawn = getrandom(at, sizeof(uint16_t), 0);
    assert(drawn == sizeof(uint16_t));
    at[2] = RECURSION_DESIRED;
    put16(at + 4, 1);
    put16(at + 10, 1);
    at += NS_HFIXEDSZ;
    for (size_t n = 0;;) {
        size_t label = wire[n];
        memcpy(at, wire + n, label + 1);
        at += label + 1;
        n += label + 1;
        if (!label)
            break;
    }
    put16(at, type);
    put16(at + 2, ns_c_in);
    at += NS_QFIXEDSZ;
    put16(at + 1, ns_t_opt);
    put16(at + 3, UDP_PAYLOAD_BYTES);
    at[7] = DNSSEC_OK;
    probe->question_bytes = (size_t)(at - probe->question) + OPT_BYTES_MAX;
    return true;
}

static void finish(struct asked_server *server, enum asked state)
{
    server->state = state;
    loop_fd_free(server->watch);
    server->watch = NULL;
    if (server->fd >= 0)
        close(server->fd);
    server->fd = -1;
    struct dns_probe *probe = server->probe;
    for (size_t i = 0; i < probe->count; i++)
        if (probe->servers[i].state == ASKED_SILENT)
            return;
    loop_timer_set(probe->done, 0);
}

static bool has_signatures(ns_msg *message)
{
    for (int i = 0; i < ns_msg_count(*message, ns_s_an); i++) {
        ns_rr rr;
        if (ns_parserr(message, ns_s_an, i, &rr) < 0)
            return false;
        if (ns_rr_type(rr) == ns_t_rrsig)
            return true;
    }
    return false;
}

/* False if these bytes do not answer our question. */
static bool read_answer(struct asked_server *server, const uint8_t *bytes, size_t n)
{
    const struct dns_probe *probe = server->probe;
    size_t asked = probe->question_bytes - OPT_BYTES_MAX;
    ns_msg message;
    if (n < NS_HFIXEDSZ || memcmp(bytes, probe->question, sizeof(uint16_t)) != 0 || !(bytes[2] & 0x80))
        return false;
    server->rcode = bytes[3] & 0x0f;
    server->truncated = bytes[2] & 0x02;
    server->signatures = server->truncated;
    if (server->rcode == ns_r_formerr || server->rcode == ns_r_notimpl)
        return true; /* some of these send the header alone */
    if (n < asked || !sv_ieq(sv_make(bytes + NS_HFIXEDSZ, asked - NS_HFIXEDSZ),
                             sv_make(probe->question + NS_HFIXEDSZ, asked - NS_HFIXEDSZ)))
        return false;
    if (server->truncated || server->rcode == ns_r_refused || server->rcode == ns_r_servfail)
        return true;
    if (ns_initparse(bytes, (int)n, &message) < 0)
        return false;
    server->signatures = has_signatures(&message);
    return true;
}

static void on_ready(void *arg, int fd, int ready)
{
    (void)ready;
    struct asked_server *server = arg;
    uint8_t bytes[ANSWER_BYTES_MAX];
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        server->system = errno;
        finish(server, ASKED_UNREACHABLE);
    } else if (read_answer(server, bytes, (size_t)n)) {
        finish(server, ASKED_ANSWERED);
    } else if (++server->strange == STRANGE_ANSWERS_MAX) {
        finish(server, ASKED_STRANGE);
    }
}

static void ask_server(struct dns_probe *probe, struct loop *loop, struct asked_server *server,
                       const struct address *address)
{
    *server = (struct asked_server){.address = *address, .probe = probe};
    const struct sockaddr *to = (const struct sockaddr *)&server->address.storage;
    server->fd = socket(to->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (server->fd < 0 || connect(server->fd, to, address->length) < 0 ||
        send(server->fd, probe->question, probe->question_bytes, 0) < 0) {
        server->system = errno;
        finish(server, ASKED_UNREACHABLE);
        return;
    }
    server->watch = loop_fd_new(loop, server->fd, on_ready, server);
    loop_fd_want(server->watch, LOOP_READ);
}

struct dns_probe *dns_probe_new(struct loop *loop, const struct address *servers, size_t count, unsigned type,
                                const char *name, loop_fn *fn, void *arg)
{
    struct dns_probe *probe = calloc(1, sizeof *probe);
    assert(probe && count <= DNS_SERVERS_MAX);
    probe->done = loop_timer_new(loop, fn, arg);
    if (!write_question(probe, type, name)) {
        loop_timer_set(probe->done, 0);
        return probe;
    }
    probe->count = count;
    for (size_t i = 0; i < count; i++)
        probe->servers[i].state = ASKED_SILENT;
    for (size_t i = 0; i < count; i++)
        ask_server(probe, loop, &probe->servers[i], &servers[i]);
    return probe;
}

static void explain_answer(const struct asked_server *server, const char *name, struct dns_finding *ret)
{
    switch (server->rcode) {
    case ns_r_noerror:
    case ns_r_nxdomain:
        snprintf(ret->why, sizeof ret->why,
                 server->truncated ? "the answer of %s is too long for UDP, and by TCP none comes"
                                   : "%s answers, but nothing that leads to an end",
                 name);
        return;
    case ns_r_refused:
        ret->failure = DNS_FAILURE_REFUSED;
        snprintf(ret->why, sizeof ret->why, "%s refuses to answer us (REFUSED)", name);
        return;
    case ns_r_servfail:
        ret->failure = DNS_FAILURE_SERVER;
        snprintf(ret->why, sizeof ret->why, "%s could not find out (SERVFAIL)", name);
        return;
    case ns_r_formerr:
    case ns_r_notimpl:
        ret->failure = DNS_FAILURE_MALFORMED;
        snprintf(ret->why, sizeof ret->why, "%s does not understand the question (rcode %u)", name,
                 server->rcode);
        return;
    }
    ret->failure = DNS_FAILURE_SERVER;
    snprintf(ret->why, sizeof ret->why, "%s answers with rcode %u", name, server->rcode);
}

static void explain(const struct asked_server *server, struct dns_finding *ret)
{
    char name[ADDRESS_TEXT_MAX];
    address_text(&server->address, name);
    *ret = (struct dns_finding){.signatures = server->signatures};
    switch (server->state) {
    case ASKED_ANSWERED:
        explain_answer(server, name, ret);
        return;
    case ASKED_STRANGE:
        ret->failure = DNS_FAILURE_MALFORMED;
        snprintf(ret->why, sizeof ret->why, "what %s sends is no answer to the question", name);
        return;
    case ASKED_UNREACHABLE:
        ret->failure = DNS_FAILURE_UNREACHABLE;
        if (server->system == ECONNREFUSED)
            snprintf(ret->why, sizeof ret->why, "nothing listens at %s", name);
        else
            snprintf(ret->why, sizeof ret->why, "%s cannot be asked: %s", name,
                     strerrordesc_np(server->system));
        return;
    case ASKED_SILENT:
        ret->failure = server->strange ? DNS_FAILURE_MALFORMED : DNS_FAILURE_NO_ANSWER;
        snprintf(ret->why, sizeof ret->why,
                 server->strange ? "what %s sends is no answer to the question" : "no answer from %s", name);
        return;
    }
}

/* Which of two servers' words say more about why there is no answer. */
static int weight(enum dns_failure failure)
{
    static const enum dns_failure order[] = {DNS_FAILURE_NO_ANSWER, DNS_FAILURE_UNREACHABLE,
                                             DNS_FAILURE_MALFORMED, DNS_FAILURE_REFUSED,
                                             DNS_FAILURE_SERVER,    DNS_FAILURE_NONE};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (order[i] == failure)
            return (int)i;
    return -1;
}

void dns_probe_find(const struct dns_probe *probe, struct dns_finding *ret)
{
    *ret = (struct dns_finding){.failure = DNS_FAILURE_NO_ANSWER};
    bool signatures = false;
    for (size_t i = 0; i < probe->count; i++) {
        struct dns_finding finding;
        explain(&probe->servers[i], &finding);
        signatures |= finding.signatures;
        if (!*ret->why || weight(finding.failure) > weight(ret->failure))
            *ret = finding;
    }
    ret->signatures = signatures;
    size_t used = strlen(ret->why);
    if (probe->count > 1 && ret->failure == DNS_FAILURE_NO_ANSWER)
        snprintf(ret->why + used, sizeof ret->why - used, ", nor from the other%s",
                 probe->count > 2 ? "s" : "");
}

void dns_probe_free(struct dns_probe *probe)
{
    if (!probe)
        return;
    for (size_t i = 0; i < probe->count; i++) {
        loop_fd_free(probe->servers[i].watch);
        if (probe->servers[i].fd >= 0)
            close(probe->servers[i].fd);
    }
    loop_timer_free(probe->done);
    free(probe);
}
