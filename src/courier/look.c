#include "courier/look.h"

#include "io/route.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const nanos DNS_PATIENCE = 10 * NANOS_PER_SECOND;
static const nanos CONNECT_PATIENCE = 10 * NANOS_PER_SECOND;
static const nanos STAGE_PATIENCE = 30 * NANOS_PER_SECOND;

struct look {
    struct look_setup setup;
    struct config_gateway gateway; /* as configured, but without an account */
    struct address address;
    struct dns *dns;
    struct dns_query *queries[2]; /* A, AAAA */
    struct session *session;
    bool greeted;            /* EHLO was answered */
    struct loop_timer *over; /* done must not run inside what the look itself uses */
    struct look_found found;
};

static void check_over(struct look *look)
{
    if (!look->queries[0] && !look->queries[1] && !look->session)
        loop_timer_set(look->over, 0);
}

static void on_over(void *arg)
{
    struct look *look = arg;
    look->setup.done(look->setup.arg, &look->found);
}

/* --- The name --- */

static bool is_of_our_family(const struct look *look, const struct dns_answer *answer)
{
    return (answer->type == DNS_A) == (look->address.storage.ss_family == AF_INET);
}

static void take_addresses(struct look *look, const struct dns_answer *answer)
{
    char text[ADDRESS_TEXT_MAX], ours[ADDRESS_TEXT_MAX];
    address_ip_text(&look->address, ours);
    for (size_t i = 0; i < answer->record_count; i++) {
        size_t used = strlen(look->found.addresses);
        address_ip_text(&answer->records[i].address, text);
        snprintf(look->found.addresses + used, sizeof look->found.addresses - used, "%s%s", used ? ", " : "",
                 text);
        look->found.pinned = look->found.pinned || strcmp(text, ours) == 0;
    }
}

/* Whether the name can be resolved is judged by the family of the configured address. */
static void on_answer(void *arg, const struct dns_answer *answer)
{
    struct look *look = arg;
    look->queries[answer->type == DNS_A ? 0 : 1] = NULL;
    if (answer->status == DNS_FOUND)
        take_addresses(look, answer);
    if (is_of_our_family(look, answer)) {
        look->found.asked = true;
        look->found.status = answer->status;
        look->found.failure = answer->failure;
        sv_copy(look->found.why, sizeof look->found.why, sv_of(answer->why));
    }
    check_over(look);
}

static void ask_name(struct look *look)
{
    const struct config *config = &look->setup.settings->config;
    struct err err;
    if (!look->gateway.host)
        return;
    if (dns_new(&(struct dns_setup){.loop = look->setup.loop,
                                    .servers = config->resolvers.items,
                                    .server_count = config->resolvers.count,
                                    .trust_anchor_file = config->trust_anchor},
                &look->dns, &err) < 0) {
        look->found.asked = true;
        look->found.status = DNS_FAILED;
        look->found.failure = DNS_FAILURE_UNREACHABLE;
        sv_copy(look->found.why, sizeof look->found.why, sv_of(err.cause));
        return;
    }
    look->queries[0] = dns_ask(look->dns, DNS_A, look->gateway.host, DNS_PATIENCE, on_answer, look);
    look->queries[1] = dns_ask(look->dns, DNS_AAAA, look->gateway.host, DNS_PATIENCE, on_answer, look);
}

/* --- The way --- */

static void find_way(struct look *look)
{
    struct ip_route route;
    char source[ADDRESS_TEXT_MAX], router[ADDRESS_TEXT_MAX];
    if (route_to(&look->address, &route, NULL) < 0)
        return;
    address_ip_text(&route.source, source);
    if (route.on_link)
        snprintf(look->found.way, sizeof look->found.way, "directly, from %s on %s", source, route.interface);
    else
        snprintf(look->found.way, sizeof look->found.way, "by router %s, from %s on %s",
                 address_ip_text(&route.router, router), source, route.interface);
}

/* --- The session --- */

static nanos on_patience(void *arg, enum smtp_stage stage)
{
    (void)arg;
    (void)stage;
    return STAGE_PATIENCE;
}

static void take_certificate(struct look *look, const struct tls_report *report)
{
    struct look_found *found = &look->found;
    if (!report || report->sent_count == 0)
        return;
    const struct tls_certificate *own = &report->sent[0];
    sv_copy(found->fingerprint, sizeof found->fingerprint, sv_of(own->fingerprint));
    sv_copy(found->issuer, sizeof found->issuer, sv_of(own->issuer));
    found->not_after = found->chain_not_after = own->not_after;
    for (size_t i = 0; i < report->chain_count; i++)
        if (report->chain[i].not_after < found->chain_not_after)
            found->chain_not_after = report->chain[i].not_after;
    found->trusted = report->fault == TLS_FAULT_NONE;
    sv_copy(found->distrust, sizeof found->distrust, sv_of(report->cause));
    sv_copy(found->advice, sizeof found->advice, sv_of(report->advice));
}

static void on_hop(void *arg, const char *name, nanos took, sv said)
{
    struct look *look = arg;
    (void)took;
    (void)said;
    if (strcmp(name, "tls") == 0)
        take_certificate(look, session_tls_report(look->session));
    if (strcmp(name, "ehlo") == 0)
        look->greeted = true;
}

static void take_offer(struct look *look)
{
    struct session_offer offer = session_offered(look->session);
    sv_copy(look->found.mechanisms, sizeof look->found.mechanisms, offer.mechanisms);
    offer.mechanisms = SV_NONE;
    look->found.offer = offer;
}

static void on_ready(void *arg)
{
    struct look *look = arg;
    look->found.complete = true;
    take_offer(look);
    session_quit(look->session);
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct look *look = arg;
    if (!look->found.complete)
        take_offer(look);
    look->found.stripped = look->greeted && !look->found.complete && !look->found.fingerprint[0] &&
                           look->gateway.security == SMTP_SECURITY_STARTTLS && !end->answered &&
                           !end->timed_out && !(look->found.offer.extensions & SMTP_EXT_STARTTLS);
    session_free(look->session);
    look->session = NULL;
    check_over(look);
}

static void on_recipient(void *arg, size_t index, const struct smtp_answer *answer)
{
    (void)arg;
    (void)index;
    (void)answer;
}

static void on_sent(void *arg, const struct smtp_answer *answer, enum smtp_stage stage)
{
    (void)arg;
    (void)answer;
    (void)stage;
}

static const struct session_handler HANDLER = {
    .patience = on_patience,
    .hop = on_hop,
    .ready = on_ready,
    .recipient = on_recipient,
    .sent = on_sent,
    .ended = on_ended,
};

static void open_session(struct look *look)
{
    const struct session_setup setup = {
        .loop = look->setup.loop,
        .tls = look->setup.tls,
        .gateway = &look->gateway,
        .hostname = look->setup.settings->config.hostname,
        .connect_timeout = CONNECT_PATIENCE,
    };
    struct err err;
    look->session = session_open(&setup, &HANDLER, look, &err);
    assert(look->session); /* the configuration has checked the address */
}

/* --- Life --- */

struct look *look_new(const struct look_setup *setup)
{
    struct look *look = calloc(1, sizeof *look);
    assert(look);
    look->setup = *setup;
    settings_keep(setup->settings);
    look->gateway = setup->settings->config.gateways[setup->gateway];
    look->gateway.username = look->gateway.password = NULL; /* nothing is said but EHLO */
    look->over = loop_timer_new(setup->loop, on_over, look);
    sv_copy(look->found.gateway, sizeof look->found.gateway, sv_of(look->gateway.name));
    int parsed =
        address_parse(sv_of(look->gateway.address), (uint16_t)look->gateway.port, &look->address, NULL);
    assert(parsed == 0); /* the configuration has checked the address */
    ask_name(look);
    find_way(look);
    if (setup->tls || look->gateway.security == SMTP_SECURITY_NONE)
        open_session(look);
    check_over(look);
    return look;
}

void look_free(struct look *look)
{
    if (!look)
        return;
    session_free(look->session);
    dns_cancel(look->queries[0]);
    dns_cancel(look->queries[1]);
    dns_free(look->dns);
    loop_timer_free(look->over);
    settings_free(look->setup.settings);
    free(look);
}
