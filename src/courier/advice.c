#include "courier/advice.h"

#include <assert.h>
#include <errno.h>

static const struct advice_row rows[] = {{"none", CHECK_NAME, CHECK_OK, CAUSE_UNKNOWN, ""},
#define X(row, hop, state, cause, text) {#row, CHECK_##hop, CHECK_##state, CAUSE_##cause, text},
                                         ADVICE_ROWS(X)
#undef X
};

const struct advice_row *advice_row(enum advice advice)
{
    assert(advice < ADVICE_COUNT);
    return &rows[advice];
}

static const char *value_of(sv place, const struct advice_values *values)
{
    const struct {
        const char *name, *value;
    } places[] = {
#define X(place) {#place, values->place},
        ADVICE_PLACES(X)
#undef X
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        if (sv_eq(place, sv_of(places[i].name)))
            return places[i].value ? places[i].value : "?";
    assert(false && "a row has a place that is none");
    return "";
}

const char *advice_fill(const char *text, const struct advice_values *values, char *to, size_t cap)
{
    size_t n = 0;
    sv rest = sv_of(text);
    assert(cap > 0);
    while (rest.p && n + 1 < cap) {
        sv before = sv_split(&rest, '{');
        n += sv_copy(to + n, cap - n, before);
        if (rest.p && n + 1 < cap)
            n += sv_copy(to + n, cap - n, sv_of(value_of(sv_split(&rest, '}'), values)));
    }
    to[n] = '\0';
    return to;
}

/* --- Reach, route --- */

static enum advice of_icmp(const struct icmp_error *icmp, enum advice otherwise)
{
    switch (icmp->meaning) {
    case ICMP_PROHIBITED:
        return ADVICE_connect_prohibited;
    case ICMP_NO_ROUTE:
        return ADVICE_connect_no_route;
    case ICMP_NO_HOST:
        return ADVICE_connect_no_host;
    case ICMP_PORT_CLOSED:
        return ADVICE_connect_rejected;
    case ICMP_EXPIRED:
        return ADVICE_connect_circle;
    case ICMP_NONE:
    case ICMP_TOO_BIG:
    case ICMP_OTHER:
        break;
    }
    return otherwise;
}

/* The same router at two places of the way. */
static bool goes_round(const struct reach_report *reach)
{
    char a[ADDRESS_TEXT_MAX], b[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < reach->hop_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct icmp_error *one = &reach->hops[i].icmp, *two = &reach->hops[j].icmp;
            if (one->meaning == ICMP_EXPIRED && two->meaning == ICMP_EXPIRED && one->from.length &&
                two->from.length &&
                strcmp(address_ip_text(&one->from, a), address_ip_text(&two->from, b)) == 0)
                return true;
        }
    return false;
}

enum advice advice_of_reach(const struct reach_report *reach, bool other_open)
{
    switch (reach->state) {
    case REACH_OPEN:
        return ADVICE_NONE;
    case REACH_REFUSED:
        return other_open ? ADVICE_connect_refused_other : ADVICE_connect_refused;
    case REACH_REJECTED:
        return of_icmp(&reach->icmp, ADVICE_connect_rejected);
    case REACH_UNREACHABLE:
        return of_icmp(&reach->icmp,
                       reach->system == ENETUNREACH ? ADVICE_connect_no_route : ADVICE_connect_no_host);
    case REACH_FORBIDDEN:
        return ADVICE_connect_forbidden;
    case REACH_SILENT:
        if (reach->icmp.meaning == ICMP_EXPIRED || goes_round(reach))
            return ADVICE_connect_circle;
        return other_open ? ADVICE_connect_silent_other : ADVICE_connect_silent;
    case REACH_FAILED:
        return ADVICE_connect_failed;
    }
    return ADVICE_connect_failed;
}

enum advice advice_of_route(int system)
{
    switch (system) {
    case ENETUNREACH:
        return ADVICE_route_none;
    case EHOSTUNREACH:
        return ADVICE_route_unreachable;
    case EACCES:
        return ADVICE_route_prohibited;
    case EINVAL:
        return ADVICE_route_blackhole;
    case EAFNOSUPPORT:
        return ADVICE_route_no_family;
    }
    return ADVICE_route_none;
}

/* --- The dialogue --- */

static const enum advice silences[CHECK_HOP_COUNT][ADVICE_SILENCE_COUNT] = {
    [CHECK_BANNER] = {ADVICE_banner_silent, ADVICE_banner_closed, ADVICE_banner_malformed},
    [CHECK_EHLO] = {ADVICE_ehlo_silent, ADVICE_ehlo_closed, ADVICE_ehlo_malformed},
    [CHECK_STARTTLS] = {ADVICE_starttls_silent, ADVICE_starttls_closed, ADVICE_starttls_malformed},
    [CHECK_AUTH] = {ADVICE_auth_silent, ADVICE_auth_closed, ADVICE_auth_malformed},
    [CHECK_MAIL] = {ADVICE_mail_silent, ADVICE_mail_closed, ADVICE_mail_malformed},
    [CHECK_RCPT] = {ADVICE_rcpt_silent, ADVICE_rcpt_closed, ADVICE_rcpt_malformed},
    [CHECK_DATA] = {ADVICE_data_silent, ADVICE_data_closed, ADVICE_data_malformed},
};

enum advice advice_of_silence(enum check_hop_id hop, enum advice_silence silence)
{
    enum advice advice = silences[hop][silence];
    assert(advice != ADVICE_NONE);
    return advice;
}

/* A row holds if all that it names holds; the first that does tells. cause −1: any. */
static const struct refusal {
    enum check_hop_id hop;
    const char *phrase;
    int code, cause;
    enum advice advice;
} refusals[] = {
    {CHECK_BANNER, NULL, 0, CAUSE_RATE, ADVICE_banner_rate},
    {CHECK_BANNER, NULL, 0, CAUSE_REPUTATION, ADVICE_banner_reputation},
    {CHECK_BANNER, NULL, 0, CAUSE_SENDER_AUTHENTICATION, ADVICE_banner_reputation},
    {CHECK_BANNER, NULL, 0, CAUSE_RELAY_POLICY, ADVICE_banner_policy},
    {CHECK_BANNER, NULL, 0, CAUSE_SENDER_POLICY, ADVICE_banner_policy},
    {CHECK_BANNER, NULL, 0, CAUSE_DNS, ADVICE_banner_dns},
    {CHECK_BANNER, NULL, 0, -1, ADVICE_banner_refused},
    {CHECK_EHLO, NULL, 0, CAUSE_DNS, ADVICE_ehlo_name_refused},
    {CHECK_EHLO, NULL, 0, CAUSE_RATE, ADVICE_ehlo_rate},
    {CHECK_EHLO, NULL, 0, CAUSE_REPUTATION, ADVICE_ehlo_reputation},
    {CHECK_EHLO, NULL, 0, CAUSE_RELAY_POLICY, ADVICE_ehlo_policy},
    {CHECK_EHLO, NULL, 0, -1, ADVICE_ehlo_refused},
    {CHECK_STARTTLS, NULL, 454, -1, ADVICE_starttls_later},
    {CHECK_STARTTLS, NULL, 0, -1, ADVICE_starttls_refused},
    {CHECK_AUTH, "application-specific password", 0, -1, ADVICE_auth_app_password},
    {CHECK_AUTH, "app password", 0, -1, ADVICE_auth_app_password},
    {CHECK_AUTH, "basic authentication", 0, -1, ADVICE_auth_oauth},
    {CHECK_AUTH, "smtpclientauthentication", 0, -1, ADVICE_auth_oauth},
    {CHECK_AUTH, NULL, 0, CAUSE_TLS, ADVICE_auth_needs_tls},
    {CHECK_AUTH, NULL, 530, -1, ADVICE_auth_needs_tls},
    {CHECK_AUTH, NULL, 538, -1, ADVICE_auth_needs_tls},
    {CHECK_AUTH, NULL, 504, -1, ADVICE_auth_mechanism_refused},
    {CHECK_AUTH, NULL, 534, -1, ADVICE_auth_mechanism_refused},
    {CHECK_AUTH, NULL, 0, CAUSE_RATE, ADVICE_auth_rate},
    {CHECK_AUTH, NULL, 0, CAUSE_GATEWAY_FAULT, ADVICE_auth_gateway},
    {CHECK_AUTH, NULL, 454, -1, ADVICE_auth_later},
    {CHECK_AUTH, NULL, 535, -1, ADVICE_auth_wrong},
    {CHECK_AUTH, NULL, 0, -1, ADVICE_auth_refused},
    {CHECK_MAIL, "domain", 0, CAUSE_SENDER_POLICY, ADVICE_mail_sender_domain},
    {CHECK_MAIL, NULL, 0, CAUSE_SENDER_POLICY, ADVICE_mail_sender},
    {CHECK_MAIL, NULL, 0, CAUSE_RECIPIENT, ADVICE_mail_sender},
    {CHECK_MAIL, NULL, 0, CAUSE_AUTHENTICATION, ADVICE_mail_authentication},
    {CHECK_MAIL, NULL, 0, CAUSE_TLS, ADVICE_mail_tls},
    {CHECK_MAIL, NULL, 0, CAUSE_RELAY_POLICY, ADVICE_mail_relay},
    {CHECK_MAIL, "greylist", 0, CAUSE_RATE, ADVICE_mail_greylisted},
    {CHECK_MAIL, "graylist", 0, CAUSE_RATE, ADVICE_mail_greylisted},
    {CHECK_MAIL, NULL, 0, CAUSE_RATE, ADVICE_mail_rate},
    {CHECK_MAIL, NULL, 0, CAUSE_SIZE, ADVICE_mail_size},
    {CHECK_MAIL, NULL, 0, CAUSE_REPUTATION, ADVICE_mail_reputation},
    {CHECK_MAIL, NULL, 0, CAUSE_SENDER_AUTHENTICATION, ADVICE_mail_sender_authentication},
    {CHECK_MAIL, NULL, 0, CAUSE_DNS, ADVICE_mail_dns},
    {CHECK_MAIL, NULL, 0, CAUSE_GATEWAY_FAULT, ADVICE_mail_gateway},
    {CHECK_MAIL, NULL, 0, CAUSE_ROUTING, ADVICE_mail_gateway},
    {CHECK_MAIL, NULL, 0, -1, ADVICE_mail_refused},
    {CHECK_RCPT, NULL, 0, CAUSE_RECIPIENT, ADVICE_rcpt_unknown},
    {CHECK_RCPT, NULL, 0, CAUSE_RELAY_POLICY, ADVICE_rcpt_relay},
    {CHECK_RCPT, NULL, 0, CAUSE_MAILBOX_FULL, ADVICE_rcpt_full},
    {CHECK_RCPT, "greylist", 0, CAUSE_RATE, ADVICE_rcpt_greylisted},
    {CHECK_RCPT, "graylist", 0, CAUSE_RATE, ADVICE_rcpt_greylisted},
    {CHECK_RCPT, NULL, 0, CAUSE_RATE, ADVICE_rcpt_rate},
    {CHECK_RCPT, NULL, 0, CAUSE_SIZE, ADVICE_rcpt_size},
    {CHECK_RCPT, "domain", 0, CAUSE_SENDER_POLICY, ADVICE_rcpt_sender_domain},
    {CHECK_RCPT, NULL, 0, CAUSE_SENDER_POLICY, ADVICE_rcpt_sender},
    {CHECK_RCPT, NULL, 0, CAUSE_AUTHENTICATION, ADVICE_rcpt_authentication},
    {CHECK_RCPT, NULL, 0, CAUSE_TLS, ADVICE_rcpt_tls},
    {CHECK_RCPT, NULL, 0, CAUSE_REPUTATION, ADVICE_rcpt_reputation},
    {CHECK_RCPT, NULL, 0, CAUSE_SENDER_AUTHENTICATION, ADVICE_rcpt_sender_authentication},
    {CHECK_RCPT, NULL, 0, CAUSE_DNS, ADVICE_rcpt_dns},
    {CHECK_RCPT, NULL, 0, CAUSE_ROUTING, ADVICE_rcpt_routing},
    {CHECK_RCPT, NULL, 0, CAUSE_CONTENT, ADVICE_rcpt_content},
    {CHECK_RCPT, NULL, 0, CAUSE_GATEWAY_FAULT, ADVICE_rcpt_gateway},
    {CHECK_RCPT, NULL, 0, -1, ADVICE_rcpt_refused},
    {CHECK_DATA, NULL, 0, CAUSE_CONTENT, ADVICE_data_content},
    {CHECK_DATA, NULL, 0, CAUSE_REPUTATION, ADVICE_data_reputation},
    {CHECK_DATA, NULL, 0, CAUSE_SIZE, ADVICE_data_size},
    {CHECK_DATA, NULL, 0, CAUSE_RATE, ADVICE_data_rate},
    {CHECK_DATA, NULL, 0, CAUSE_SENDER_POLICY, ADVICE_data_sender},
    {CHECK_DATA, NULL, 0, CAUSE_SENDER_AUTHENTICATION, ADVICE_data_sender_authentication},
    {CHECK_DATA, NULL, 0, CAUSE_RELAY_POLICY, ADVICE_data_relay},
    {CHECK_DATA, NULL, 0, CAUSE_MAILBOX_FULL, ADVICE_data_full},
    {CHECK_DATA, NULL, 0, CAUSE_RECIPIENT, ADVICE_data_recipient},
    {CHECK_DATA, NULL, 0, CAUSE_GATEWAY_FAULT, ADVICE_data_gateway},
    {CHECK_DATA, NULL, 0, -1, ADVICE_data_refused},
};

enum advice advice_of_refusal(enum check_hop_id hop, const struct smtp_answer *answer, enum cause cause)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *row = &refusals[i];
        if (row->hop == hop && (!row->phrase || cause_says(sv_of(answer->text), row->phrase)) &&
            (!row->code || row->code == answer->code) && (row->cause < 0 || row->cause == (int)cause))
            return row->advice;
    }
    assert(false && "each hop that can be refused has a last row");
    return ADVICE_NONE;
}

/* --- TLS --- */

enum advice advice_of_tls_failure(enum tls_failure failure)
{
    switch (failure) {
    case TLS_FAILURE_PLAIN_TEXT:
        return ADVICE_tls_plain_text;
    case TLS_FAILURE_TOO_OLD:
        return ADVICE_tls_too_old;
    case TLS_FAILURE_NO_CIPHER:
        return ADVICE_tls_no_cipher;
    case TLS_FAILURE_NAME:
        return ADVICE_tls_name_unknown;
    case TLS_FAILURE_CLIENT_CERTIFICATE:
        return ADVICE_tls_client_certificate;
    case TLS_FAILURE_RENEGOTIATION:
        return ADVICE_tls_renegotiation;
    case TLS_FAILURE_HUNG_UP:
        return ADVICE_tls_hung_up;
    case TLS_FAILURE_BROKEN:
        return ADVICE_tls_broken;
    case TLS_FAILURE_NONE:
    case TLS_FAILURE_CERTIFICATE:
    case TLS_FAILURE_OTHER:
        break;
    }
    return ADVICE_tls_other;
}

enum advice advice_of_fault(enum tls_fault fault)
{
    switch (fault) {
    case TLS_FAULT_NONE:
        return ADVICE_NONE;
    case TLS_FAULT_EXPIRED:
        return ADVICE_cert_expired;
    case TLS_FAULT_NOT_YET_VALID:
        return ADVICE_cert_not_yet_valid;
    case TLS_FAULT_NAME_MISMATCH:
        return ADVICE_cert_name;
    case TLS_FAULT_CN_ONLY:
        return ADVICE_cert_cn_only;
    case TLS_FAULT_SELF_SIGNED:
        return ADVICE_cert_self_signed;
    case TLS_FAULT_UNKNOWN_ISSUER:
        return ADVICE_cert_unknown_issuer;
    case TLS_FAULT_MISSING_INTERMEDIATE:
        return ADVICE_cert_no_intermediate;
    case TLS_FAULT_WEAK_KEY:
        return ADVICE_cert_weak_key;
    case TLS_FAULT_WEAK_SIGNATURE:
        return ADVICE_cert_weak_signature;
    case TLS_FAULT_REVOKED:
        return ADVICE_cert_revoked;
    case TLS_FAULT_PIN_MISMATCH:
        return ADVICE_cert_pin;
    case TLS_FAULT_WRONG_PURPOSE:
        return ADVICE_cert_purpose;
    case TLS_FAULT_OTHER:
        break;
    }
    return ADVICE_cert_other;
}
