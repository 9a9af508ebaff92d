#include "courier/check_private.h"

#include <stdio.h>

enum { DAYS_WARNING = 30 };

static const nanos DAY = 24 * 3600 * NANOS_PER_SECOND;

static void tell_session(struct check *check, const struct tls_report *tls)
{
    check_fact(check, CHECK_TLS, "%s, %s, key exchange %s", tls->version, tls->cipher,
               *tls->group ? tls->group : "unknown");
    if (strcmp(tls->group, "RSA") == 0)
        check_find(check, ADVICE_tls_no_secrecy, "the key exchange is RSA, without forward secrecy");
    if (tls->client_certificate_wanted)
        check_fact(check, CHECK_TLS, "it asks for a client certificate, which Vedette does not have");
    if (!tls->secure_renegotiation)
        check_fact(check, CHECK_TLS, "it does not know secure renegotiation (RFC 5746)");
}

static void list_names(const struct tls_certificate *leaf, char *text, size_t cap)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < leaf->name_count && i < 6 && n + 2 < cap; i++) {
        if (n)
            n += sv_copy(text + n, cap - n, SV(", "));
        n += sv_copy(text + n, cap - n, sv_of(leaf->names[i]));
    }
    size_t more = leaf->name_count + leaf->names_left_out - (leaf->name_count < 6 ? leaf->name_count : 6);
    if (more && n + 20 < cap)
        snprintf(text + n, cap - n, " and %zu more", more);
}

/* "CN=…" and how long, of each certificate of the chain. */
static void tell_chain(struct check *check, const struct tls_report *tls)
{
    char names[CHECK_NOTE_MAX / 2], until[40];
    const struct tls_certificate *leaf = &tls->sent[0];
    list_names(leaf, names, sizeof names);
    int64_t days = (leaf->not_after - loop_now()) / DAY;
    time_rfc3339(leaf->not_after, until, sizeof until);
    check_fact(check, CHECK_CERTIFICATE, "%.200s for %s, %s, %s, %lld days left (until %.10s)", leaf->subject,
               *names ? names : "no name", leaf->key, leaf->signature, (long long)days, until);
    check_fact(check, CHECK_CERTIFICATE, "issued by %.200s; %zu certificate%s sent, %zu in the chain%s",
               leaf->issuer, tls->sent_count + tls->sent_left_out, tls->sent_count == 1 ? "" : "s",
               tls->chain_count, tls->verified ? " as verified" : "");
    if (tls->ocsp == TLS_OCSP_GOOD)
        check_fact(check, CHECK_CERTIFICATE, "its stapled OCSP answer is good");
}

static void warn_of_end(struct check *check, const struct tls_report *tls)
{
    const struct tls_certificate *leaf = &tls->sent[0];
    nanos now = loop_now();
    int64_t days = (leaf->not_after - now) / DAY;
    bool pinned = check->request.gateway.pin != NULL;
    if (pinned && leaf->not_after < now)
        check_find(check, ADVICE_cert_pinned_ended, "the pinned certificate has ended %lld days ago",
                   (long long)-days);
    else if (days < DAYS_WARNING)
        check_find(check, ADVICE_cert_ends_soon, "the certificate ends in %lld day%s", (long long)days,
                   days == 1 ? "" : "s");
    for (size_t i = 1; i < tls->chain_count; i++) {
        const struct tls_certificate *above = &tls->chain[i];
        days = (above->not_after - now) / DAY;
        if (days < DAYS_WARNING)
            check_find(check, ADVICE_cert_chain_ends_soon,
                       "its authority's certificate %.200s ends in %lld days", above->subject,
                       (long long)days);
    }
}

static void warn_of_revocation(struct check *check, const struct tls_report *tls)
{
    if (tls->ocsp == TLS_OCSP_STALE)
        check_find(check, ADVICE_cert_ocsp_stale, "its stapled OCSP answer is out of date");
    else if (tls->ocsp == TLS_OCSP_INVALID || tls->ocsp == TLS_OCSP_UNKNOWN)
        check_find(check, ADVICE_cert_ocsp_invalid, "its stapled OCSP answer is %s",
                   tls_ocsp_text(tls->ocsp));
}

/* A name that the certificate does bear, to be verified instead. */
static void suggest_name(struct check *check)
{
    const struct tls_report *tls = &check->report.tls;
    const struct tls_certificate *leaf = &tls->sent[0];
    bool other_name = tls->faults & 1u << TLS_FAULT_NAME_MISMATCH;
    for (size_t i = 0; i < leaf->name_count && other_name; i++)
        if (leaf->names[i][0] != '*') {
            check->report.suggested_verify_name = leaf->names[i];
            return;
        }
}

bool check_certificate_tell(struct check *check, const struct tls_report *tls)
{
    check->report.has_tls = true;
    check->report.tls = *tls;
    tls = &check->report.tls;
    tell_session(check, tls);
    check_begin(check, CHECK_CERTIFICATE);
    if (!tls->sent_count) {
        check_find(check, ADVICE_cert_other, "%s", *tls->cause ? tls->cause : "no certificate was sent");
        return false;
    }
    suggest_name(check);
    if (tls->fault != TLS_FAULT_NONE) {
        bool above = tls->fault_depth > 0 && (size_t)tls->fault_depth < tls->chain_count;
        if (above)
            check_find(check,
                       tls->fault == TLS_FAULT_EXPIRED ? ADVICE_cert_chain_expired
                                                       : advice_of_fault(tls->fault),
                       "%s (certificate %d of the chain, %.200s)", tls->cause, tls->fault_depth + 1,
                       tls->chain[tls->fault_depth].subject);
        else
            check_find(check, advice_of_fault(tls->fault), "%s", tls->cause);
    }
    for (unsigned fault = TLS_FAULT_EXPIRED; fault <= TLS_FAULT_OTHER; fault++)
        if (tls->faults & 1u << fault && fault != tls->fault)
            check_find(check, advice_of_fault((enum tls_fault)fault), "besides, the certificate %s",
                       tls_fault_phrase((enum tls_fault)fault));
    tell_chain(check, tls);
    if (tls->fault == TLS_FAULT_NONE) {
        warn_of_end(check, tls);
        warn_of_revocation(check, tls);
    }
    return tls->fault == TLS_FAULT_NONE && tls->verified;
}
