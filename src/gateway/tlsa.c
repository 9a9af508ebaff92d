#include "gateway/tlsa.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TTL_MOST (3600 * NANOS_PER_SECOND)

enum { NAMES_MAX = 2 };

struct tlsa {
    struct asker *asker;
    struct question *question;
    struct loop_timer *end;
    char names[NAMES_MAX][MX_NAME_MAX]; /* where records may be, the first that has some counts */
    size_t count, at;
    int port;
    nanos ttl;
    tlsa_fn *fn;
    void *arg;
};

void tlsa_cancel(struct tlsa *tlsa)
{
    if (!tlsa)
        return;
    question_cancel(tlsa->question);
    loop_timer_free(tlsa->end);
    free(tlsa);
}

static void finish(struct tlsa *tlsa, const struct tlsa_found *found)
{
    tlsa_fn *fn = tlsa->fn;
    void *arg = tlsa->arg;
    fn(arg, found);
    tlsa_cancel(tlsa);
}

static void note_ttl(struct tlsa *tlsa, const struct dns_answer *answer)
{
    nanos ttl = (nanos)answer->ttl_seconds * NANOS_PER_SECOND;
    if (ttl < tlsa->ttl)
        tlsa->ttl = ttl;
}

static void end_without(void *arg)
{
    struct tlsa *tlsa = arg;
    finish(tlsa, &(struct tlsa_found){.records = TLS_RECORDS_NONE, .why = "", .ttl = tlsa->ttl});
}

static void take(struct tlsa *tlsa, const struct dns_answer *answer)
{
    struct tls_tlsa records[DNS_RECORDS_MAX];
    for (size_t i = 0; i < answer->record_count; i++) {
        const struct dns_record *record = &answer->records[i];
        records[i] = (struct tls_tlsa){record->usage, record->selector, record->matching, record->data};
    }
    bool usable = tls_dane_usable(records, answer->record_count);
    finish(tlsa, &(struct tlsa_found){.records = usable ? TLS_RECORDS_USABLE : TLS_RECORDS_UNUSABLE,
                                      .base = tlsa->names[tlsa->at],
                                      .record = records,
                                      .count = answer->record_count,
                                      .why = "",
                                      .ttl = tlsa->ttl});
}

static void on_records(void *arg, const struct dns_answer *answer);

static void ask(struct tlsa *tlsa)
{
    char name[MX_NAME_MAX + 32];
    snprintf(name, sizeof name, "_%d._tcp.%s", tlsa->port, tlsa->names[tlsa->at]);
    tlsa->question = asker_ask(tlsa->asker, DNS_TLSA, name, on_records, tlsa);
}

/* §2.1.1: an answer that could not be had, or that is proven wrong, is no proof that there are no records. */
static void on_records(void *arg, const struct dns_answer *answer)
{
    struct tlsa *tlsa = arg;
    tlsa->question = NULL;
    note_ttl(tlsa, answer);
    if (answer->status == DNS_FAILED) {
        char why[MX_NAME_MAX + DNS_WHY_MAX + 64];
        snprintf(why, sizeof why, "the TLSA records of %s: %s: %s", tlsa->names[tlsa->at],
                 dns_security_name(answer->security), answer->why);
        finish(tlsa, &(struct tlsa_found){.records = TLS_RECORDS_LATER, .why = why});
    } else if (answer->status == DNS_FOUND && answer->security == DNS_SECURE) {
        take(tlsa, answer);
    } else if (++tlsa->at < tlsa->count) {
        ask(tlsa);
    } else {
        end_without(tlsa);
    }
}

/* The server's name is an alias out of a signed zone: that much is vouched for (§2.2.2). */
static void on_alias(void *arg, const struct dns_answer *answer)
{
    struct tlsa *tlsa = arg;
    tlsa->question = NULL;
    note_ttl(tlsa, answer);
    if (answer->status == DNS_FAILED) {
        finish(tlsa, &(struct tlsa_found){.records = TLS_RECORDS_LATER, .why = answer->why});
        return;
    }
    if (answer->status == DNS_FOUND && answer->security == DNS_SECURE)
        ask(tlsa);
    else
        end_without(tlsa);
}

struct tlsa *tlsa_ask(struct loop *loop, struct asker *asker, const struct tlsa_host *host, tlsa_fn *fn,
                      void *arg)
{
    struct tlsa *tlsa = calloc(1, sizeof *tlsa);
    assert(tlsa);
    *tlsa = (struct tlsa){.asker = asker, .port = host->port, .ttl = TTL_MOST, .fn = fn, .arg = arg};
    tlsa->end = loop_timer_new(loop, end_without, tlsa);
    bool alias = !sv_ieq(sv_of(host->name), sv_of(host->canonical));
    if (host->address_securely && alias)
        sv_copy(tlsa->names[tlsa->count++], MX_NAME_MAX, sv_of(host->canonical));
    sv_copy(tlsa->names[tlsa->count++], MX_NAME_MAX, sv_of(host->name));
    if (host->address_securely)
        ask(tlsa);
    else if (alias)
        tlsa->question = asker_ask(asker, DNS_CNAME, host->name, on_alias, tlsa);
    else
        loop_timer_set(tlsa->end, 0);
    return tlsa;
}
