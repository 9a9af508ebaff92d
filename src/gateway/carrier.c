#include "gateway/carrier.h"

#include "courier/patience.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define IDLE_MAX        (5 * NANOS_PER_SECOND)
#define CONNECT_TIMEOUT (30 * NANOS_PER_SECOND)

struct carrier {
    struct carrier *next;
    struct destination *destination;
    struct relay *relay;
    struct next_hop *hop;
    struct tls_context *tls; /* of the session; NULL: none is needed */
    struct session *session;
    struct run *run;
    struct loop_timer *idle;
    unsigned messages;
    bool was_ready, quitting, draining;
};

static void quit(struct carrier *carrier)
{
    if (carrier->quitting)
        return;
    carrier->quitting = true;
    session_quit(carrier->session);
}

static void idle_too_long(void *arg)
{
    struct carrier *carrier = arg;
    if (carrier_is_idle(carrier))
        quit(carrier);
}

static void finish(struct carrier *carrier)
{
    destination_carrier_gone(carrier->destination, carrier, !carrier->was_ready);
    carrier_free(carrier);
}

/* --- A message --- */

static sv notify_word(unsigned notify, char *text, size_t cap)
{
    if (notify & INTAKE_NOTIFY_NEVER)
        return SV("NEVER");
    size_t n = (size_t)snprintf(text, cap, "%s%s%s", notify & INTAKE_NOTIFY_SUCCESS ? ",SUCCESS" : "",
                                notify & INTAKE_NOTIFY_FAILURE ? ",FAILURE" : "",
                                notify & INTAKE_NOTIFY_DELAY ? ",DELAY" : "");
    return n ? sv_make(text + 1, n - 1) : SV_NONE;
}

static void fill_recipients(struct run *run)
{
    for (size_t i = 0; i < run->count; i++) {
        const struct intake_recipient *said = &run->envelope.said.recipients[run->indexes[i]];
        char words[40];
        sv original = said->orcpt, type = sv_split(&original, ';');
        run->recipients[i] = (struct smtp_recipient){
            .address = said->address,
            .notify =
                said->notify ? arena_sv(run->arena, notify_word(said->notify, words, sizeof words)) : SV_NONE,
            .orcpt = original,
            .orcpt_type = type,
        };
    }
}

/* Some clients say SMTPUTF8 wherever it is offered: it is needed for what is beyond ASCII alone (RFC 6531
 * §3.6), and the session sees to the addresses. */
static bool needs_utf8(const struct intake_envelope *said, sv content)
{
    return said->utf8 && !sv_ascii(sv_first(content, sv_find(content, SV("\r\n\r\n"))));
}

/* Where SMTPUTF8 is missing for some recipients' addresses alone, the others get the message without them. */
static void refuse(struct run *run, const char *status, sv why)
{
    const struct intake_envelope *said = &run->envelope.said;
    bool apart =
        strcmp(status, "5.6.7") == 0 && sv_ascii(said->sender) && !needs_utf8(said, run->look.content);
    for (size_t i = 0; apart && i < run->count; i++)
        if (sv_ascii(run->recipients[i].address))
            run_set(run, i, OUTCOME_LATER, "4.6.7", SV("goes apart from recipients that need SMTPUTF8"));
    run_set_open(run, OUTCOME_FAILED, status, why);
}

/* False: it cannot go over this session as it is, and the run has its outcome. */
static bool send_message(struct carrier *carrier)
{
    struct run *run = carrier->run;
    struct err err = {.class = ERR_NONE};
    const struct intake_envelope *said = &run->envelope.said;
    fill_recipients(run);
    unsigned offered = session_offered(carrier->session).extensions;
    run->reports_itself = offered & SMTP_EXT_DSN;
    /* RFC 8689 §5: a report goes without it rather than not at all. */
    bool required = destination_wish(carrier->destination) == TLS_WISH_REQUIRED;
    bool requiretls = said->requiretls && (required || offered & SMTP_EXT_REQUIRETLS);
    struct smtp_envelope envelope = {
        .sender = said->sender,
        .recipients = run->recipients,
        .recipient_count = run->count,
        .envid = said->envid,
        .front = run->signature,
        .content = run->look.content,
        .utf8 = needs_utf8(said, run->look.content),
        .requiretls = requiretls,
        .return_full = said->ret == INTAKE_RETURN_FULL && !said->requiretls,
    };
    if (session_send(carrier->session, &envelope, &err) == 0)
        return true;
    if (required && strcmp(session_refusal(carrier->session), "5.7.30") == 0) {
        /* Another one may promise it. */
        destination_hop_refused(carrier->hop, err.cause);
        quit(carrier);
        run_return(run);
        return false;
    }
    refuse(run, session_refusal(carrier->session), sv_of(err.cause));
    run->touched = true;
    run_end(run);
    return false;
}

static const char *proof_word(enum tls_proof proof)
{
    switch (proof) {
    case TLS_PROOF_NONE:
        return "not verified";
    case TLS_PROOF_AUTHORITY:
        return "verified";
    case TLS_PROOF_PIN:
        return "pinned";
    case TLS_PROOF_DANE:
        return "dane";
    }
    abort();
}

static void describe_tls(struct carrier *carrier)
{
    struct run *run = carrier->run;
    const struct tls_info *info = session_tls(carrier->session);
    if (info)
        snprintf(run->tls, sizeof run->tls, "%s, %s", info->version, proof_word(info->proof));
    else
        sv_copy(run->tls, sizeof run->tls, SV("none"));
}

static void go_on(struct carrier *carrier)
{
    while (session_is_ready(carrier->session) && !carrier->quitting) {
        struct errand *errand = carrier->draining || carrier->messages >= CARRIER_MESSAGES_MAX
                                    ? NULL
                                    : destination_take(carrier->destination);
        if (!errand) {
            if (carrier->draining || carrier->messages >= CARRIER_MESSAGES_MAX)
                quit(carrier);
            else
                loop_timer_set(carrier->idle, IDLE_MAX);
            return;
        }
        if (!run_begin(carrier->run, errand, carrier->hop) || !run_sign(carrier->run))
            continue;
        describe_tls(carrier);
        if (send_message(carrier))
            return;
    }
}

bool carrier_is_idle(const struct carrier *carrier)
{
    return carrier->was_ready && !carrier->quitting && !carrier->run->errand &&
           session_is_ready(carrier->session);
}

void carrier_go(struct carrier *carrier)
{
    go_on(carrier);
}

void carrier_hurry(struct carrier *carrier)
{
    session_hurry(carrier->session);
}

void carrier_drain(struct carrier *carrier)
{
    carrier->draining = true;
    if (carrier_is_idle(carrier))
        quit(carrier);
    else if (!carrier->run->errand && !carrier->quitting)
        finish(carrier); /* there is no server yet to take leave of, or none that hears */
}

/* --- What the session says --- */

static nanos patience(void *arg, enum smtp_stage stage)
{
    const struct carrier *carrier = arg;
    /* Strangers' servers may be slow for reasons of their own (RFC 5321 §4.5.3.2), unless others wait. */
    bool hurry = destination_route(carrier->destination)->kind == ROUTE_MX
                     ? carrier->relay->anteroom != NULL
                     : destination_has_other(carrier->destination, carrier->hop);
    return patience_for(stage, carrier->hop->gateway.stage_timeout, hurry);
}

static void on_hop(void *arg, const char *name, nanos took, sv said)
{
    (void)arg;
    (void)name;
    (void)took;
    (void)said;
}

static void on_ready(void *arg)
{
    struct carrier *carrier = arg;
    if (!carrier->was_ready) {
        carrier->was_ready = true;
        destination_connected(carrier->destination);
        destination_hop_works(carrier->destination, carrier->hop);
    }
    go_on(carrier);
}

/* What is wrong with security or login says nothing about the message. */
static bool is_about_us(int code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

static enum outcome_kind kind_of(const struct smtp_answer *answer)
{
    if (answer->code / 100 == 2)
        return OUTCOME_SENT;
    return answer->code / 100 == 5 && !is_about_us(answer->code) ? OUTCOME_FAILED : OUTCOME_LATER;
}

static const char *status_of(const struct smtp_answer *answer, char text[static 12])
{
    bool told = answer->enhanced[0] != 0;
    unsigned class = (unsigned)(told ? answer->enhanced[0] : answer->code / 100) % 10;
    unsigned subject = told ? (unsigned)answer->enhanced[1] % 1000 : 0;
    unsigned detail = told ? (unsigned)answer->enhanced[2] % 1000 : 0;
    snprintf(text, 12, "%u.%u.%u", class, subject, detail);
    return text;
}

/* An LMTP server answers twice: to RCPT, and for each recipient after the dot. */
static void on_recipient(void *arg, size_t index, const struct smtp_answer *answer)
{
    struct carrier *carrier = arg;
    struct run *run = carrier->run;
    char status[12], text[SAID_MAX];
    run->touched = true;
    if (answer->code / 100 == 2 && !recipient_has(&run->accepted, index))
        recipient_add(&run->accepted, index);
    else
        run_set(run, index, kind_of(answer), status_of(answer, status),
                sv_of(session_answer_text(answer, text, sizeof text)));
}

static void on_sent(void *arg, const struct smtp_answer *answer, enum smtp_stage stage)
{
    struct carrier *carrier = arg;
    char status[12], text[SAID_MAX];
    (void)stage;
    carrier->messages++;
    carrier->run->touched = true;
    run_set_open(carrier->run, kind_of(answer), status_of(answer, status),
                 sv_of(session_answer_text(answer, text, sizeof text)));
    run_end(carrier->run);
}

static void on_ended(void *arg, const struct session_end *end)
{
    struct carrier *carrier = arg;
    struct destination *destination = carrier->destination;
    struct run *run = carrier->run;
    bool was_connecting = !carrier->was_ready;
    char why[SESSION_SAID_MAX + 40];
    snprintf(why, sizeof why, "%s: %s", end->hop ? end->hop : "", end->said);
    bool tls = end->cause.cause == CAUSE_TLS || end->cause.cause == CAUSE_TRUST;
    if (end->failed && was_connecting && tls)
        destination_tls_failed(destination, carrier->hop, why, !end->timed_out && end->code / 100 != 4);
    else if (end->failed && (was_connecting || end->timed_out || end->code == 421))
        destination_hop_failed(destination, carrier->hop, why);
    if (run->errand && end->unheard && !end->uncertain) {
        run_return(run); /* the peer had closed before it heard of the message */
    } else if (run->errand) {
        run->touched = true;
        run_set_open(run, OUTCOME_LATER, "4.4.2", sv_of(why));
        run_end(run);
    }
    finish(carrier);
}

static const struct session_handler handler = {
    .patience = patience,
    .hop = on_hop,
    .ready = on_ready,
    .recipient = on_recipient,
    .sent = on_sent,
    .ended = on_ended,
};

struct carrier *carrier_open(struct destination *destination, struct next_hop *hop, struct relay *relay)
{
    struct carrier *carrier = calloc(1, sizeof *carrier);
    struct err err = {.class = ERR_NONE};
    assert(carrier);
    carrier->destination = destination;
    carrier->relay = relay;
    carrier->hop = hop;
    carrier->run = run_new();
    carrier->idle = loop_timer_new(relay->loop, idle_too_long, carrier);
    bool mx = destination_route(destination)->kind == ROUTE_MX;
    bool clear = next_hop_is_clear(hop, loop_monotonic());
    carrier->tls = clear ? NULL : tls_context_keep(hop->tls);
    if (mx)
        hop->gateway.security = clear ? SMTP_SECURITY_NONE : SMTP_SECURITY_STARTTLS;
    struct session_setup setup = {
        .loop = relay->loop,
        .keeper = relay->keeper,
        .tls = carrier->tls,
        .opportunistic = mx && !clear && hop->level == TLS_LEVEL_OFFERED,
        .gateway = &hop->gateway,
        .hostname = relay->hostname,
        .lmtp = destination_route(destination)->kind == ROUTE_LMTP,
        .connect_timeout = hop->gateway.connect_timeout ? hop->gateway.connect_timeout : CONNECT_TIMEOUT,
    };
    carrier->session = session_open(&setup, &handler, carrier, &err);
    if (carrier->session)
        return carrier;
    destination_hop_failed(destination, hop, err.cause);
    carrier_free(carrier);
    return NULL;
}

void carrier_free(struct carrier *carrier)
{
    session_free(carrier->session);
    run_free(carrier->run);
    loop_timer_free(carrier->idle);
    tls_context_free(carrier->tls);
    free(carrier);
}

struct carrier *carrier_next(const struct carrier *carrier)
{
    return carrier->next;
}

void carrier_link(struct carrier *carrier, struct carrier *next)
{
    carrier->next = next;
}

struct next_hop *carrier_hop(const struct carrier *carrier)
{
    return carrier->hop;
}
