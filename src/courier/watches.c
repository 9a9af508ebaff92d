#include "courier/watches.h"

#include "base/hash.h"
#include "store/fact.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { JUDGE_BYTES_MAX = 64 * 1024, SETTINGS_TEXT_MAX = 4096 };

static const nanos DAY = 24 * 3600 * NANOS_PER_SECOND;

/* A certificate that is replaced so long before its end is as likely to be somebody's mistake or attack. */
enum { RENEWAL_DAYS = 30 };

#define FACT_SETTINGS     "settings"
#define FACT_REVIEWED     "reviewed"
#define FACT_SEEN_REVIEW  "seen-review"
#define FACT_WAY          "way"
#define FACT_CERTIFICATE  "certificate"
#define FACT_EXPIRY       "expiry"
#define FACT_CAPABILITIES "capabilities"
#define FACT_SIZE         "size"

struct judge {
    struct store *store;
    const struct config *config;
    const struct config_gateway *gateway;
    const struct look_found *found;
    bool unsure;
    nanos now;
    struct arena *arena;
    struct watches *out;
    bool fresh; /* the settings are new, or were reviewed: nothing is held against what is found */
    nanos changed_at, reviewed_at;
};

/* 1 and its value; 0 when nothing is known that counts; −1. */
static int known(const struct judge *judge, const char *name, struct store_fact *ret, struct err *err)
{
    if (judge->fresh)
        return 0;
    int got = store_fact_get(judge->store, sv_of(judge->gateway->name), sv_of(name), judge->arena, ret, err);
    return got > 0 && ret->value.n == 0 ? 0 : got;
}

__attribute__((format(printf, 3, 4))) static void keep(struct judge *judge, const char *name, const char *fmt,
                                                       ...)
{
    assert(judge->out->fact_count < WATCHES_FACTS_MAX);
    struct watches_fact *fact = &judge->out->facts[judge->out->fact_count++];
    va_list args;
    va_start(args, fmt);
    fact->name = name;
    vsnprintf(fact->value, sizeof fact->value, fmt, args);
    va_end(args);
}

__attribute__((format(printf, 5, 6))) static struct watches_verdict *
wrong(struct judge *judge, enum trouble_kind kind, enum cause cause, const char *advice, const char *fmt, ...)
{
    assert(judge->out->verdict_count < TROUBLE_KIND_COUNT);
    struct watches_verdict *verdict = &judge->out->verdicts[judge->out->verdict_count++];
    va_list args;
    va_start(args, fmt);
    *verdict = (struct watches_verdict){.kind = kind, .wrong = true, .cause = cause};
    vsnprintf(verdict->text, sizeof verdict->text, fmt, args);
    va_end(args);
    sv_copy(verdict->advice, sizeof verdict->advice, sv_of(advice));
    return verdict;
}

__attribute__((format(printf, 3, 4))) static void well(struct judge *judge, enum trouble_kind kind,
                                                       const char *fmt, ...)
{
    assert(judge->out->verdict_count < TROUBLE_KIND_COUNT);
    struct watches_verdict *verdict = &judge->out->verdicts[judge->out->verdict_count++];
    va_list args;
    va_start(args, fmt);
    *verdict = (struct watches_verdict){.kind = kind};
    vsnprintf(verdict->text, sizeof verdict->text, fmt, args);
    va_end(args);
}

/* --- Settings and review --- */

/* Of what a look depends on. Changes tell that somebody has worked on this gateway. */
static uint64_t settings_mark(const struct config_gateway *gateway)
{
    char text[SETTINGS_TEXT_MAX];
    const char *const parts[] = {gateway->address, gateway->host,         gateway->verify_name,
                                 gateway->ca_file, gateway->ca_directory, gateway->pin,
                                 gateway->auth,    gateway->username,     gateway->password,
                                 gateway->sender,  gateway->helo};
    size_t n = (size_t)snprintf(text, sizeof text, "%d %d", gateway->port, (int)gateway->security);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        int put = snprintf(text + n, sizeof text - n, "|%s", parts[i] ? parts[i] : "");
        n = put > 0 && n + (size_t)put < sizeof text ? n + (size_t)put : n;
    }
    return hash_sv(sv_make(text, n));
}

static int judge_settings(struct judge *judge, struct err *err)
{
    char mark[24];
    struct store_fact settings, reviewed, seen;
    snprintf(mark, sizeof mark, "%016" PRIx64, settings_mark(judge->gateway));
    int had = known(judge, FACT_SETTINGS, &settings, err);
    int had_review = had < 0 ? -1 : known(judge, FACT_REVIEWED, &reviewed, err);
    int had_seen = had_review < 0 ? -1 : known(judge, FACT_SEEN_REVIEW, &seen, err);
    if (had_seen < 0)
        return -1;
    bool same = had && sv_eq(settings.value, sv_of(mark));
    judge->changed_at = same ? settings.since : judge->now;
    judge->reviewed_at = had_review ? reviewed.since : 0;
    judge->fresh = !same || (had_review && !(had_seen && sv_eq(seen.value, reviewed.value)));
    keep(judge, FACT_SETTINGS, "%s", mark);
    if (had_review)
        keep(judge, FACT_SEEN_REVIEW, "%.*s", SV_ARG(reviewed.value));
    return 0;
}

static int judge_review(struct judge *judge, struct err *err)
{
    nanos every = judge->config->paths.review;
    nanos last = judge->changed_at > judge->reviewed_at ? judge->changed_at : judge->reviewed_at;
    char length[32];
    (void)err;
    if (every == 0 || judge->now < last || judge->now - last < every) {
        well(judge, TROUBLE_REVIEW, "The settings of gateway %s have been looked at.", judge->gateway->name);
        return 0;
    }
    wrong(judge, TROUBLE_REVIEW, CAUSE_UNKNOWN,
          "check address, account, recipients and authority of this gateway against what its administrators "
          "say, then run: vedette path reviewed GATEWAY",
          "The settings of gateway %s were last changed or looked at %s ago.", judge->gateway->name,
          time_length(judge->now - last, length, sizeof length));
    return 0;
}

/* --- The name --- */

/* The first row that fits. patient: once may be chance, so it is asked again before that is told. */
static const struct {
    enum dns_status status;
    enum dns_failure failure; /* DNS_FAILURE_NONE: any */
    bool patient;
    const char *says, *advice;
} NAME_ROWS[] = {
    {DNS_NO_NAME, DNS_FAILURE_NONE, false, "does not exist any more (NXDOMAIN)",
     "have the record put back, or take `host` out of the configuration if the gateway has another name now"},
    {DNS_NO_DATA, DNS_FAILURE_NONE, false, "has no address of the configured kind any more",
     "have the record put back, or correct `host`"},
    {DNS_FAILED, DNS_FAILURE_BOGUS, false,
     "has an answer that DNSSEC proves wrong: it is forged, or the zone is signed badly",
     "do not use that answer; tell whoever keeps the zone, and check the resolvers' clocks"},
    {DNS_FAILED, DNS_FAILURE_SERVER, true, "cannot be resolved: the resolvers answer SERVFAIL",
     "look at the zone's name servers and at the resolvers' log"},
    {DNS_FAILED, DNS_FAILURE_REFUSED, true, "cannot be resolved: the resolvers refuse to answer us",
     "allow this machine at the resolvers, or name others as `resolvers`"},
    {DNS_FAILED, DNS_FAILURE_NO_ANSWER, true, "cannot be resolved: the resolvers do not answer",
     "check the resolvers, and that UDP and TCP port 53 to them are open"},
    {DNS_FAILED, DNS_FAILURE_UNREACHABLE, true, "cannot be resolved: no resolver can be reached",
     "check `resolvers` or /etc/resolv.conf, and the route to them"},
    {DNS_FAILED, DNS_FAILURE_MALFORMED, true, "cannot be resolved: what answers does not speak DNS",
     "check `resolvers` or /etc/resolv.conf"},
};

static void judge_unresolved(struct judge *judge)
{
    const struct look_found *found = judge->found;
    for (size_t i = 0; i < sizeof NAME_ROWS / sizeof *NAME_ROWS; i++) {
        if (NAME_ROWS[i].status != found->status ||
            (NAME_ROWS[i].failure != DNS_FAILURE_NONE && NAME_ROWS[i].failure != found->failure))
            continue;
        judge->out->unsure = true;
        if (NAME_ROWS[i].patient && !judge->unsure)
            return;
        wrong(judge, TROUBLE_UNPINNED, CAUSE_DNS, NAME_ROWS[i].advice,
              "The name %s of gateway %s %s%s%s. Mail goes on to the pinned address %s.",
              judge->gateway->host, judge->gateway->name, NAME_ROWS[i].says, found->why[0] ? ": " : "",
              found->why, judge->gateway->address);
        return;
    }
}

static int judge_name(struct judge *judge, struct err *err)
{
    const struct look_found *found = judge->found;
    const struct config_gateway *gateway = judge->gateway;
    (void)err;
    if (!gateway->host) {
        well(judge, TROUBLE_DRIFT, "Gateway %s has no name to watch.", gateway->name);
        well(judge, TROUBLE_UNPINNED, "Gateway %s has no name to watch.", gateway->name);
        return 0;
    }
    if (!found->asked)
        return 0;
    if (found->status != DNS_FOUND) {
        judge_unresolved(judge);
        return 0;
    }
    well(judge, TROUBLE_UNPINNED, "%s leads to %s.", gateway->host, found->addresses);
    if (found->pinned)
        well(judge, TROUBLE_DRIFT, "%s leads to %s again.", gateway->host, gateway->address);
    else
        wrong(judge, TROUBLE_DRIFT, CAUSE_DNS,
              "ask the gateway's administrators whether it has moved; if so, put the new address into the "
              "configuration after `vedette path check` on it; if not, somebody has changed the zone",
              "The name %s of gateway %s leads to %s, and the configuration has %s. Mail goes on to %s.",
              gateway->host, gateway->name, found->addresses, gateway->address, gateway->address);
    return 0;
}

/* --- The way --- */

static int judge_way(struct judge *judge, struct err *err)
{
    const char *way = judge->found->way;
    struct store_fact before;
    if (!way[0])
        return 0;
    int had = known(judge, FACT_WAY, &before, err);
    if (had < 0)
        return -1;
    if (!had)
        keep(judge, FACT_WAY, "%s", way);
    if (!had || sv_eq(before.value, sv_of(way)))
        well(judge, TROUBLE_MOVED, "%s is reached %s.", judge->gateway->address, way);
    else
        wrong(judge, TROUBLE_MOVED, CAUSE_ROUTING,
              "compare with what the network's administrators meant; a firewall that knew the old source "
              "address may not let the new one through; if it is meant, run: vedette path reviewed GATEWAY",
              "%s, the address of gateway %s, is reached %s now; before it was reached %.*s.",
              judge->gateway->address, judge->gateway->name, way, SV_ARG(before.value));
    return 0;
}

/* --- The certificate --- */

static int judge_trust(struct judge *judge, struct err *err)
{
    const struct look_found *found = judge->found;
    (void)err;
    if (!found->fingerprint[0])
        return 0;
    if (found->trusted)
        well(judge, TROUBLE_UNTRUSTED, "The certificate of gateway %s is trusted.", judge->gateway->name);
    else
        wrong(judge, TROUBLE_UNTRUSTED, CAUSE_TRUST,
              found->advice[0] ? found->advice : cause_tell(CAUSE_TRUST, NULL).advice,
              "Gateway %s shows a certificate that is not trusted, and no mail goes over it: %s.",
              judge->gateway->name, found->distrust);
    return 0;
}

/* What is kept of a certificate: "FINGERPRINT NOT_AFTER ISSUER". */
struct mark {
    sv fingerprint, issuer;
    nanos not_after;
};

static bool mark_read(sv value, struct mark *ret)
{
    ret->fingerprint = sv_split(&value, ' ');
    sv end = sv_split(&value, ' ');
    ret->issuer = value;
    return ret->fingerprint.n && sv_to_i64(end, &ret->not_after);
}

/* The first row that fits the change. */
static const struct {
    bool same_issuer, near_end; /* as they must be for a row that asks */
    bool asks_issuer, asks_end, asks_trust;
    enum severity severity; /* SEVERITY_INFORMATIONAL: the kind's own */
    bool accept;            /* the new one is what is expected from now on */
    const char *says, *advice;
} CHANGE_ROWS[] = {
    {true, true, true, true, true, SEVERITY_MEDIUM, true,
     "This looks like a renewal: the issuer is the same, the chain is valid, and the old one was about to "
     "expire.",
     "nothing needs to be done if the gateway's administrators have renewed it"},
    {true, false, true, false, true, SEVERITY_INFORMATIONAL, false,
     "The issuer is the same and the chain is valid, but the old one was not about to expire.",
     "ask the gateway's administrators whether they have replaced it; if so, run: vedette path reviewed "
     "GATEWAY"},
    {false, false, true, false, false, SEVERITY_INFORMATIONAL, false, "It comes from another issuer.",
     "ask the gateway's administrators whether they have replaced it: somebody in between would show just "
     "that; if it is meant, run: vedette path reviewed GATEWAY"},
    {false, false, false, false, false, SEVERITY_INFORMATIONAL, false,
     "It bears the same issuer's name, but is not trusted.",
     "ask the gateway's administrators whether they have replaced it; do not trust it before they say so"},
};

static void judge_change(struct judge *judge, const struct mark *old)
{
    const struct look_found *found = judge->found;
    bool same_issuer = sv_eq(old->issuer, sv_of(found->issuer));
    bool near_end = old->not_after - judge->now < RENEWAL_DAYS * DAY;
    size_t i = 0;
    while ((CHANGE_ROWS[i].asks_issuer && CHANGE_ROWS[i].same_issuer != same_issuer) ||
           (CHANGE_ROWS[i].asks_end && CHANGE_ROWS[i].near_end != near_end) ||
           (CHANGE_ROWS[i].asks_trust && !found->trusted))
        i++; /* the last row fits all */
    char until[32], was_until[32];
    struct watches_verdict *verdict =
        wrong(judge, TROUBLE_CERTIFICATE, CAUSE_TRUST, CHANGE_ROWS[i].advice,
              "Gateway %s shows another certificate. %s Now: %s of %s, valid until %s. Before: %.*s of %.*s, "
              "valid until %s.",
              judge->gateway->name, CHANGE_ROWS[i].says, found->fingerprint, found->issuer,
              time_rfc3339(found->not_after, until, sizeof until), SV_ARG(old->fingerprint),
              SV_ARG(old->issuer), time_rfc3339(old->not_after, was_until, sizeof was_until));
    verdict->severity = CHANGE_ROWS[i].severity;
    if (CHANGE_ROWS[i].accept)
        keep(judge, FACT_CERTIFICATE, "%s %" PRId64 " %s", found->fingerprint, found->not_after,
             found->issuer);
}

static int judge_certificate(struct judge *judge, struct err *err)
{
    const struct look_found *found = judge->found;
    struct store_fact before;
    struct mark old;
    if (!found->fingerprint[0])
        return 0;
    int had = known(judge, FACT_CERTIFICATE, &before, err);
    if (had < 0)
        return -1;
    had = had && mark_read(before.value, &old);
    /* One that is not trusted never becomes what is expected. */
    if (!had && found->trusted)
        keep(judge, FACT_CERTIFICATE, "%s %" PRId64 " %s", found->fingerprint, found->not_after,
             found->issuer);
    if (had && !sv_eq(old.fingerprint, sv_of(found->fingerprint)))
        judge_change(judge, &old);
    else if (had || found->trusted)
        well(judge, TROUBLE_CERTIFICATE, "Gateway %s shows the certificate that is expected: %s.",
             judge->gateway->name, found->fingerprint);
    return 0;
}

/* Told again at each, most days first. */
static const struct {
    int days;
    enum severity severity;
} EXPIRY_ROWS[] = {
    {30, SEVERITY_MEDIUM},
    {14, SEVERITY_HIGH},
    {7, SEVERITY_HIGH},
    {1, SEVERITY_CRITICAL},
};

/* With a pin nobody looks at the dates: its end breaks nothing. */
static int judge_expiry(struct judge *judge, struct err *err)
{
    const struct look_found *found = judge->found;
    struct store_fact before;
    nanos left = found->chain_not_after - judge->now;
    int row = -1;
    if (!found->fingerprint[0])
        return 0;
    for (size_t i = 0; i < sizeof EXPIRY_ROWS / sizeof *EXPIRY_ROWS && !judge->gateway->pin; i++)
        if (left < EXPIRY_ROWS[i].days * DAY)
            row = (int)i;
    int had = known(judge, FACT_EXPIRY, &before, err);
    if (had < 0)
        return -1;
    char until[32], value[160];
    time_rfc3339(found->chain_not_after, until, sizeof until);
    if (row < 0) {
        well(judge, TROUBLE_EXPIRY, "The certificate of gateway %s is valid until %s.", judge->gateway->name,
             until);
        return 0;
    }
    int days = EXPIRY_ROWS[row].days;
    snprintf(value, sizeof value, "%s %d", found->fingerprint, days);
    bool told = had && sv_eq(before.value, sv_of(value));
    struct watches_verdict *verdict =
        wrong(judge, TROUBLE_EXPIRY, CAUSE_TRUST,
              "have the gateway's administrators renew it; after its end no mail goes over this gateway",
              left <= 0 ? "The certificate of gateway %s%s has expired on %s (warned at %d days)."
                        : "The certificate of gateway %s%s expires on %s, in less than %d days.",
              judge->gateway->name,
              found->chain_not_after < found->not_after ? ", or rather one in its chain," : "", until, days);
    verdict->severity = EXPIRY_ROWS[row].severity;
    verdict->again = had && !told;
    if (!told)
        keep(judge, FACT_EXPIRY, "%s", value);
    return 0;
}

/* --- What it offers --- */

/* Those whose loss is felt. */
static const struct {
    enum smtp_extension extension;
    const char *word;
} CAPABILITIES[] = {
    {SMTP_EXT_STARTTLS, "STARTTLS"}, {SMTP_EXT_AUTH, "AUTH"},         {SMTP_EXT_DSN, "DSN"},
    {SMTP_EXT_8BITMIME, "8BITMIME"}, {SMTP_EXT_SMTPUTF8, "SMTPUTF8"},
};

static bool has_word(sv words, sv wanted)
{
    for (sv word = sv_word(&words); word.n; word = sv_word(&words))
        if (sv_ieq(word, wanted))
            return true;
    return false;
}

/* Inside TLS, STARTTLS is offered no more: that we are there says that it was. */
static void put_offer(const struct judge *judge, struct buf *out)
{
    const struct look_found *found = judge->found;
    unsigned extensions = found->offer.extensions;
    if (found->complete && judge->gateway->security == SMTP_SECURITY_STARTTLS)
        extensions |= SMTP_EXT_STARTTLS;
    for (size_t i = 0; i < sizeof CAPABILITIES / sizeof *CAPABILITIES; i++)
        if (extensions & CAPABILITIES[i].extension)
            buf_printf(out, "%s ", CAPABILITIES[i].word);
    sv mechanisms = sv_of(found->mechanisms);
    for (sv word = sv_word(&mechanisms); word.n; word = sv_word(&mechanisms))
        buf_printf(out, "AUTH=%.*s ", SV_ARG(word));
}

/* What was there and is not, by ", "; what is new is added to was. */
static void compare(sv was, sv now, struct buf *ret_lost, struct buf *ret_all)
{
    buf_put(ret_all, was);
    for (sv rest = was, word = sv_word(&rest); word.n; word = sv_word(&rest))
        if (!has_word(now, word))
            buf_printf(ret_lost, "%s%.*s", buf_view(ret_lost).n ? ", " : "", SV_ARG(word));
    for (sv rest = now, word = sv_word(&rest); word.n; word = sv_word(&rest))
        if (!has_word(was, word))
            buf_printf(ret_all, "%s%.*s", buf_view(ret_all).n ? " " : "", SV_ARG(word));
}

/* A smaller limit is told like a lost word. */
static int compare_size(struct judge *judge, struct buf *lost, struct err *err)
{
    uint64_t size = judge->found->offer.size_limit, was = 0;
    struct store_fact before;
    int had = known(judge, FACT_SIZE, &before, err);
    if (had < 0)
        return -1;
    had = had && sv_to_u64(before.value, &was);
    if (had && size && size < was)
        buf_printf(lost, "%smessages over %" PRIu64 " bytes (the limit was %" PRIu64 ")",
                   buf_view(lost).n ? ", " : "", size, was);
    else if (size)
        keep(judge, FACT_SIZE, "%" PRIu64, size);
    return 0;
}

static void tell_lost(struct judge *judge, sv lost)
{
    if (lost.n == 0) {
        well(judge, TROUBLE_CAPABILITY, "Gateway %s offers what it did.", judge->gateway->name);
        return;
    }
    bool tls = has_word(lost, SV("STARTTLS")) || sv_starts(lost, SV("STARTTLS"));
    bool auth = sv_find(lost, SV("AUTH")) != SV_NPOS;
    wrong(judge, TROUBLE_CAPABILITY,
          tls    ? CAUSE_TLS
          : auth ? CAUSE_AUTHENTICATION
                 : CAUSE_GATEWAY_FAULT,
          tls ? "ask the gateway's administrators; without STARTTLS no mail goes over it, and somebody in "
                "between may have stripped it"
              : "ask the gateway's administrators whether that is meant; if so, run: vedette path reviewed "
                "GATEWAY",
          "Gateway %s no longer offers what it did: %.*s.", judge->gateway->name, SV_ARG(lost));
}

static int judge_capabilities(struct judge *judge, struct err *err)
{
    const struct look_found *found = judge->found;
    struct store_fact before;
    if (!found->complete && !found->stripped)
        return 0;
    int had = known(judge, FACT_CAPABILITIES, &before, err);
    if (had < 0)
        return -1;
    sv was = had ? before.value : SV_NONE;
    struct buf now = BUF_INIT(WATCHES_VALUE_MAX), lost = BUF_INIT(WATCHES_VALUE_MAX),
               all = BUF_INIT(WATCHES_VALUE_MAX - 1);
    int outcome = 0;
    if (found->stripped) {
        if (has_word(was, SV("STARTTLS")))
            tell_lost(judge, SV("STARTTLS"));
    } else {
        put_offer(judge, &now);
        compare(was, sv_trim(buf_view(&now)), &lost, &all);
        outcome = compare_size(judge, &lost, err);
        keep(judge, FACT_CAPABILITIES, "%.*s", SV_ARG(buf_view(&all)));
        tell_lost(judge, buf_view(&lost));
    }
    buf_free(&now);
    buf_free(&lost);
    buf_free(&all);
    return outcome;
}

/* --- All of it --- */

int watches_judge(struct store *store, const struct config *config, const struct config_gateway *gateway,
                  const struct look_found *found, bool unsure, nanos now, struct watches *ret,
                  struct err *err)
{
    static int (*const ALL[])(struct judge * judge, struct err * err) = {
        judge_settings, judge_review,      judge_name,   judge_way,
        judge_trust,    judge_certificate, judge_expiry, judge_capabilities,
    };
    struct judge judge = {
        .store = store,
        .config = config,
        .gateway = gateway,
        .found = found,
        .unsure = unsure,
        .now = now,
        .arena = arena_new(JUDGE_BYTES_MAX),
        .out = ret,
    };
    int outcome = 0;
    *ret = (struct watches){0};
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL && outcome == 0; i++)
        outcome = ALL[i](&judge, err);
    arena_free(judge.arena);
    return outcome;
}

int watches_reviewed(struct store *store, const char *gateway, nanos now, struct err *err)
{
    char when[32];
    snprintf(when, sizeof when, "%" PRId64, now);
    return store_fact_put(store, sv_of(gateway), SV(FACT_REVIEWED), sv_of(when), now, err);
}

int watches_keep(struct store *store, const char *gateway, const struct watches *watches, nanos now,
                 struct err *err)
{
    for (size_t i = 0; i < watches->fact_count; i++)
        if (store_fact_put(store, sv_of(gateway), sv_of(watches->facts[i].name),
                           sv_of(watches->facts[i].value), now, err) < 0)
            return -1;
    return 0;
}
