#include "io/dns_private.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <assert.h>
#include <netinet/in.h>

enum { TLSA_FIXED_BYTES = 3, SOA_FIXED_BYTES = 20, MX_FIXED_BYTES = 2 };

struct reading {
    ns_msg message;
    struct arena *arena;
    struct dns_answer *answer;
};

const char *dns_canonical(const struct dns_answer *answer)
{
    return answer->chain_count ? answer->chain[answer->chain_count - 1] : answer->question;
}

static const char *kept_name(const struct reading *reading, const char *name)
{
    return arena_cstr(reading->arena, *name ? sv_of(name) : SV("."));
}

/* The domain name at p inside rr's data, which must end it if whole. NULL if it is none. */
static const char *name_at(const struct reading *reading, const ns_rr *rr, size_t from, bool whole)
{
    char name[DNS_NAME_TEXT_MAX];
    static_assert(DNS_NAME_TEXT_MAX >= NS_MAXDNAME, "");
    if (ns_rr_rdlen(*rr) <= from)
        return NULL;
    int n = ns_name_uncompress(ns_msg_base(reading->message), ns_msg_end(reading->message),
                               ns_rr_rdata(*rr) + from, name, sizeof name);
    if (n < 0 || (whole && from + (size_t)n != ns_rr_rdlen(*rr)))
        return NULL;
    return kept_name(reading, name);
}

static bool same_name(const char *a, const char *b)
{
    sv left = sv_of(a), right = sv_of(b);
    if (sv_ends(left, SV(".")))
        left.n--;
    if (sv_ends(right, SV(".")))
        right.n--;
    return sv_ieq(left, right);
}

static void note_ttl(struct dns_answer *answer, uint32_t ttl)
{
    if (ttl < answer->ttl_seconds)
        answer->ttl_seconds = ttl;
}

static bool read_address(const ns_rr *rr, sa_family_t family, struct address *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    size_t bytes = family == AF_INET ? sizeof v4.sin_addr : sizeof v6.sin6_addr;
    if (ns_rr_rdlen(*rr) != bytes)
        return false;
    memcpy(family == AF_INET ? (void *)&v4.sin_addr : (void *)&v6.sin6_addr, ns_rr_rdata(*rr), bytes);
    *ret = (struct address){.length = family == AF_INET ? sizeof v4 : sizeof v6};
    memcpy(&ret->storage, family == AF_INET ? (void *)&v4 : (void *)&v6, ret->length);
    return true;
}

/* Character strings (RFC 1035 §3.3.14), joined. */
static bool read_strings(const struct reading *reading, const ns_rr *rr, sv *ret)
{
    const uint8_t *in = ns_rr_rdata(*rr);
    size_t left = ns_rr_rdlen(*rr), used = 0;
    char *joined = arena_alloc(reading->arena, left + 1);
    while (joined && left) {
        size_t n = in[0];
        if (n >= left)
            return false;
        memcpy(joined + used, in + 1, n);
        used += n;
        in += n + 1;
        left -= n + 1;
    }
    *ret = sv_make(joined, used);
    return joined != NULL;
}

static bool read_tlsa(const struct reading *reading, const ns_rr *rr, struct dns_record *ret)
{
    const uint8_t *in = ns_rr_rdata(*rr);
    size_t n = ns_rr_rdlen(*rr);
    if (n <= TLSA_FIXED_BYTES)
        return false;
    ret->usage = in[0];
    ret->selector = in[1];
    ret->matching = in[2];
    ret->data = arena_sv(reading->arena, sv_make(in + TLSA_FIXED_BYTES, n - TLSA_FIXED_BYTES));
    return ret->data.p != NULL;
}

static bool read_record(const struct reading *reading, const ns_rr *rr, struct dns_record *ret)
{
    switch (reading->answer->type) {
    case DNS_A:
        return read_address(rr, AF_INET, &ret->address);
    case DNS_AAAA:
        return read_address(rr, AF_INET6, &ret->address);
    case DNS_CNAME:
    case DNS_PTR:
        ret->name = name_at(reading, rr, 0, true);
        return ret->name != NULL;
    case DNS_MX:
        if (ns_rr_rdlen(*rr) <= MX_FIXED_BYTES)
            return false;
        ret->preference = (uint16_t)ns_get16(ns_rr_rdata(*rr));
        ret->name = name_at(reading, rr, MX_FIXED_BYTES, true);
        return ret->name != NULL;
    case DNS_TXT:
        return read_strings(reading, rr, &ret->data);
    case DNS_TLSA:
        return read_tlsa(reading, rr, ret);
    }
    return false;
}

/* The alias that owner is, if it is one: *ret stays NULL if not. False if malformed. */
static bool find_alias(struct reading *reading, const char *owner, const char **ret)
{
    for (int i = 0; i < ns_msg_count(reading->message, ns_s_an); i++) {
        ns_rr rr;
        if (ns_parserr(&reading->message, ns_s_an, i, &rr) < 0)
            return false;
        if (ns_rr_type(rr) != ns_t_cname || ns_rr_class(rr) != ns_c_in || !same_name(ns_rr_name(rr), owner))
            continue;
        *ret = name_at(reading, &rr, 0, true);
        note_ttl(reading->answer, ns_rr_ttl(rr));
        return *ret != NULL;
    }
    return true;
}

static bool follow_aliases(struct reading *reading)
{
    struct dns_answer *answer = reading->answer;
    while (answer->type != DNS_CNAME && answer->chain_count < DNS_CHAIN_MAX) {
        const char *alias = NULL;
        if (!find_alias(reading, dns_canonical(answer), &alias))
            return false;
        if (!alias)
            break;
        answer->chain[answer->chain_count++] = alias;
    }
    return true;
}

static bool read_records(struct reading *reading)
{
    struct dns_answer *answer = reading->answer;
    const char *owner = dns_canonical(answer);
    for (int i = 0; i < ns_msg_count(reading->message, ns_s_an); i++) {
        ns_rr rr;
        if (ns_parserr(&reading->message, ns_s_an, i, &rr) < 0)
            return false;
        if ((int)ns_rr_type(rr) != (int)answer->type || ns_rr_class(rr) != ns_c_in ||
            !same_name(ns_rr_name(rr), owner))
            continue;
        if (answer->record_count == DNS_RECORDS_MAX) {
            answer->more = true;
            return true;
        }
        struct dns_record record = {.name = NULL};
        if (!read_record(reading, &rr, &record))
            return false;
        answer->records[answer->record_count++] = record;
        note_ttl(answer, ns_rr_ttl(rr));
    }
    return true;
}

/* How long an absence holds (RFC 2308 §5): the SOA's TTL or its last field, whichever is less. */
static bool read_absence(struct reading *reading)
{
    for (int i = 0; i < ns_msg_count(reading->message, ns_s_ns); i++) {
        ns_rr rr;
        if (ns_parserr(&reading->message, ns_s_ns, i, &rr) < 0)
            return false;
        if (ns_rr_type(rr) != ns_t_soa || ns_rr_rdlen(rr) < SOA_FIXED_BYTES)
            continue;
        note_ttl(reading->answer, ns_rr_ttl(rr));
        note_ttl(reading->answer, (uint32_t)ns_get32(ns_rr_rdata(rr) + ns_rr_rdlen(rr) - sizeof(uint32_t)));
        return true;
    }
    reading->answer->ttl_seconds = 0;
    return true;
}

bool dns_answer_read(sv message, const char *question, enum dns_type type, struct arena *arena,
                     struct dns_answer *ret)
{
    struct reading reading = {.arena = arena, .answer = ret};
    *ret = (struct dns_answer){.type = type, .question = question, .ttl_seconds = UINT32_MAX};
    if (message.n > NS_MAXMSG ||
        ns_initparse((const uint8_t *)message.p, (int)message.n, &reading.message) < 0 ||
        !ns_msg_getflag(reading.message, ns_f_qr))
        return false;
    int rcode = ns_msg_getflag(reading.message, ns_f_rcode);
    if (rcode != ns_r_noerror && rcode != ns_r_nxdomain) {
        ret->status = DNS_FAILED;
        ret->failure = rcode == ns_r_refused ? DNS_FAILURE_REFUSED : DNS_FAILURE_SERVER;
        ret->ttl_seconds = 0;
        return true;
    }
    if (!follow_aliases(&reading) || (rcode == ns_r_noerror && !read_records(&reading)))
        return false;
    ret->status = rcode == ns_r_nxdomain ? DNS_NO_NAME : ret->record_count ? DNS_FOUND : DNS_NO_DATA;
    return ret->status == DNS_FOUND || read_absence(&reading);
}
