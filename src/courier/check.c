#include "courier/check_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const nanos CONNECT_TIMEOUT = 5 * NANOS_PER_SECOND;
static const nanos STAGE_TIMEOUT = 10 * NANOS_PER_SECOND;
/* How long what is only nice to know may keep its hop waiting; and how long once all else is told. */
static const nanos LUXURY = 1 * NANOS_PER_SECOND;
static const nanos LUXURY_AFTER = 20 * NANOS_PER_MS;

const char *check_hop_name(enum check_hop_id id)
{
    static const char *const names[] = {
#define X(name, word) word,
        CHECK_HOPS(X)
#undef X
    };
    assert(id < CHECK_HOP_COUNT);
    return names[id];
}

const char *check_state_name(enum check_state state)
{
    switch (state) {
    case CHECK_SKIPPED:
        return "skipped";
    case CHECK_OK:
        return "ok";
    case CHECK_WARN:
        return "warn";
    case CHECK_FAIL:
        return "fail";
    }
    return "fail"; /* not reached */
}

const char *check_text(struct check *check, sv text)
{
    const char *copy = arena_cstr(check->arena, text);
    return copy ? copy : "(too much was found)";
}

/* --- Order --- */

void check_set_security(struct check *check, enum smtp_security security)
{
    static const enum check_hop_id as_numbered[] = {
#define X(name, word) CHECK_##name,
        CHECK_HOPS(X)
#undef X
    };
    static const enum check_hop_id tls_first[] = {
        CHECK_NAME,     CHECK_ROUTE, CHECK_CONNECT, CHECK_TLS,  CHECK_CERTIFICATE, CHECK_BANNER,  CHECK_EHLO,
        CHECK_STARTTLS, CHECK_AUTH,  CHECK_MAIL,    CHECK_RCPT, CHECK_DATA,        CHECK_LANDING,
    };
    check->report.security = check->request.gateway.security = security;
    memcpy(check->order, security == SMTP_SECURITY_TLS ? tls_first : as_numbered, sizeof check->order);
}

static void decide(struct check *check)
{
    struct check_report *report = &check->report;
    report->verdict = CHECK_OK;
    for (size_t i = 0; i < CHECK_HOP_COUNT; i++) {
        const struct check_hop *hop = &report->hops[check->order[i]];
        if (hop->state <= report->verdict)
            continue;
        report->verdict = hop->state;
        report->decisive = &hop->notes[0];
    }
}

/* Tells the hops that are next and have ended. */
static void tell(struct check *check)
{
    while (check->told < CHECK_HOP_COUNT && check->ended[check->order[check->told]]) {
        const struct check_hop *hop = &check->report.hops[check->order[check->told++]];
        check->handler->hop(check->arg, hop);
    }
    if (check->told == CHECK_HOP_COUNT && !check->all_told) {
        check->all_told = true;
        loop_timer_set(check->turn, 0);
    }
}

/* --- Hops --- */

void check_begin(struct check *check, enum check_hop_id hop)
{
    if (check->begun[hop])
        return;
    check->begun[hop] = true;
    check->since[hop] = loop_monotonic();
}

static void sort_notes(struct check_hop *hop)
{
    for (size_t i = 1; i < hop->note_count; i++) {
        struct check_note note = hop->notes[i];
        size_t at = i;
        for (; at > 0 && hop->notes[at - 1].state < note.state; at--)
            hop->notes[at] = hop->notes[at - 1];
        hop->notes[at] = note;
    }
}

static void summarise(struct check_hop *hop)
{
    size_t n = 0;
    for (size_t i = 0; i < hop->note_count && n + 3 < sizeof hop->found; i++) {
        if (n)
            n += sv_copy(hop->found + n, sizeof hop->found - n, SV("; "));
        n += sv_copy(hop->found + n, sizeof hop->found - n, sv_of(hop->notes[i].text));
    }
}

void check_end(struct check *check, enum check_hop_id id)
{
    struct check_hop *hop = &check->report.hops[id];
    if (check->ended[id])
        return;
    check->ended[id] = true;
    hop->state = CHECK_OK;
    hop->took = check->begun[id] ? loop_monotonic() - check->since[id] : 0;
    sort_notes(hop);
    summarise(hop);
    if (hop->note_count && hop->notes[0].state > hop->state)
        hop->state = hop->notes[0].state;
    tell(check);
}

void check_skip(struct check *check, enum check_hop_id id, const char *reason)
{
    struct check_hop *hop = &check->report.hops[id];
    if (check->ended[id])
        return;
    if (hop->note_count && check->begun[id]) {
        check_end(check, id);
        return;
    }
    hop->note_count = 0;
    check->ended[id] = true;
    hop->state = CHECK_SKIPPED;
    sv_copy(hop->found, sizeof hop->found, sv_of(reason));
    tell(check);
}

bool check_failed(const struct check *check, enum check_hop_id hop)
{
    for (size_t i = 0; i < check->report.hops[hop].note_count; i++)
        if (check->report.hops[hop].notes[i].state == CHECK_FAIL)
            return true;
    return false;
}

/* --- Notes --- */

/* NULL when the hop is told already, or full: then findings take the place of plain facts. */
static struct check_note *new_note(struct check *check, enum check_hop_id id, bool finding)
{
    struct check_hop *hop = &check->report.hops[id];
    struct check_note *note = NULL;
    if (check->ended[id])
        return NULL;
    if (hop->note_count < CHECK_NOTES_MAX)
        note = &hop->notes[hop->note_count++];
    for (size_t i = CHECK_NOTES_MAX; i > 0 && !note && finding; i--)
        if (hop->notes[i - 1].state == CHECK_OK)
            note = &hop->notes[i - 1];
    if (!note)
        return NULL;
    *note = (struct check_note){.state = CHECK_OK, .advice = "", .text = ""};
    return note;
}

void check_fact(struct check *check, enum check_hop_id hop, const char *fmt, ...)
{
    char text[CHECK_NOTE_MAX];
    struct check_note *note = new_note(check, hop, false);
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (note)
        note->text = check_text(check, sv_of(text));
}

static int other_port(const struct check *check)
{
    return check_reach_other(check);
}

static const char *security_word(enum smtp_security security)
{
    switch (security) {
    case SMTP_SECURITY_TLS:
        return "tls";
    case SMTP_SECURITY_STARTTLS:
        return "starttls";
    case SMTP_SECURITY_NONE:
        return "none";
    }
    return "none"; /* not reached */
}

static const char *filled(struct check *check, const char *text)
{
    char port[16], other[16], to[CHECK_NOTE_MAX];
    const struct tls_report *tls = &check->report.tls;
    const struct tls_certificate *leaf = check->report.has_tls && tls->sent_count ? &tls->sent[0] : NULL;
    const char *suggested = check->report.suggested_verify_name;
    snprintf(port, sizeof port, "%d", check->report.port);
    snprintf(other, sizeof other, "%d", other_port(check));
    const struct advice_values values = {
        .address = check->report.address,
        .port = port,
        .other = other,
        .security = security_word(check->report.security),
        .name = suggested ? suggested : check->tls_name,
        .fingerprint = leaf ? leaf->fingerprint : NULL,
        .url = leaf && *leaf->issuer_url ? leaf->issuer_url : "its issuer",
        .sender = check->request.sender,
        .recipient = check->recipient,
        .helo = check->helo,
    };
    return check_text(check, sv_of(advice_fill(text, &values, to, sizeof to)));
}

__attribute__((format(printf, 5, 0))) static void find(struct check *check, enum check_hop_id hop,
                                                       enum advice advice, const struct cause_told *told,
                                                       const char *fmt, va_list args)
{
    char text[CHECK_NOTE_MAX];
    const struct advice_row *row = advice_row(advice);
    struct check_note *note = new_note(check, hop, true);
    if (!note)
        return;
    vsnprintf(text, sizeof text, fmt, args);
    check_begin(check, hop);
    *note = (struct check_note){
        .state = row->state,
        .has_cause = true,
        .cause = told ? told->cause : row->cause,
        .text = check_text(check, sv_of(text)),
        .row = row->name,
    };
    /* Words that say more than their class does have an advice of their own. */
    bool special =
        told && told->cause != CAUSE_UNKNOWN && told->advice != cause_tell(told->cause, NULL).advice;
    note->advice = filled(check, special ? told->advice : row->text);
}

void check_find(struct check *check, enum advice advice, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    find(check, advice_row(advice)->hop, advice, NULL, fmt, args);
    va_end(args);
}

void check_find_at(struct check *check, enum check_hop_id hop, enum advice advice,
                   const struct cause_told *told, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    find(check, hop, advice, told, fmt, args);
    va_end(args);
}

/* --- From beginning to end --- */

static void stop(struct check *check)
{
    check_dialogue_stop(check);
    check_landing_stop(check);
    check_name_stop(check);
    check_reach_stop(check);
    loop_timer_cancel(check->luxury);
    loop_timer_cancel(check->step);
}

void check_dialogue_is_over(struct check *check, const char *reason)
{
    if (check->dialogue_over)
        return;
    check->dialogue_over = true;
    for (size_t i = 0; i < CHECK_HOP_COUNT; i++)
        if (check->order[i] != CHECK_NAME && check->order[i] != CHECK_ROUTE &&
            !(check->order[i] == CHECK_LANDING && check->landing.waiting))
            check_skip(check, check->order[i], reason);
    if (!check->luxury_over)
        loop_timer_set(check->luxury, LUXURY_AFTER);
}

static void on_luxury(void *arg)
{
    struct check *check = arg;
    check->luxury_over = true;
    check_name_luxury_over(check);
    check_reach_luxury_over(check);
}

static void on_turn(void *arg)
{
    struct check *check = arg;
    if (check->all_told) {
        stop(check);
        decide(check);
        check->handler->done(check->arg, &check->report);
        return;
    }
    if (check->started)
        return;
    check->started = true;
    loop_timer_set(check->luxury, LUXURY);
    if (!check->unpinned)
        check_reach_begin(check); /* first, so that it is under way while the resolvers are set up */
    check_name_begin(check);
}

static void on_step(void *arg)
{
    check_dialogue_dial(arg);
}

static void fill_report(struct check *check)
{
    const struct config_gateway *gateway = &check->request.gateway;
    struct check_report *report = &check->report;
    report->gateway = gateway->name;
    report->address = gateway->address;
    report->port = gateway->port;
    report->mechanisms = report->software = "";
    for (size_t i = 0; i < CHECK_HOP_COUNT; i++)
        report->hops[i].id = (enum check_hop_id)i;
    check->helo = gateway->helo ? gateway->helo : "localhost";
    check->tls_name = gateway->verify_name ? gateway->verify_name
                      : gateway->host      ? gateway->host
                                           : gateway->address;
}

void check_take_address(struct check *check, const struct address *address)
{
    char ip[ADDRESS_TEXT_MAX];
    const char *text = check_text(check, sv_of(address_ip_text(address, ip)));
    check->request.gateway.address = check->report.address = text;
    int failed = address_parse(sv_of(text), (uint16_t)check->request.gateway.port, &check->address, NULL);
    assert(!failed);
    check_guess_begin(check);
    check_reach_begin(check);
}

int check_new(struct loop *loop, const struct check_request *request, const struct check_handler *handler,
              void *arg, struct check **ret, struct err *err)
{
    struct address address = {0};
    bool unpinned = !request->gateway.address && request->gateway.host;
    if (!request->gateway.address && !unpinned)
        return err_set(err, ERR_CONFIG, "give the gateway's IP address", "the gateway has no address");
    if (!unpinned &&
        address_parse(sv_of(request->gateway.address), (uint16_t)request->gateway.port, &address, err) < 0)
        return -1;
    struct check *check = calloc(1, sizeof *check);
    assert(check);
    *check =
        (struct check){.loop = loop, .request = *request, .handler = handler, .arg = arg, .address = address};
    check->unpinned = unpinned;
    check->arena = arena_new(CHECK_TEXTS_BYTES_MAX);
    check->connect_timeout = request->timeout ? request->timeout : CONNECT_TIMEOUT;
    check->stage_timeout = request->timeout ? request->timeout : STAGE_TIMEOUT;
    fill_report(check);
    check_set_security(check, request->gateway.security);
    check->turn = loop_timer_new(loop, on_turn, check);
    check->luxury = loop_timer_new(loop, on_luxury, check);
    check->step = loop_timer_new(loop, on_step, check);
    if (!unpinned)
        check_guess_begin(check);
    loop_timer_set(check->turn, 0);
    *ret = check;
    return 0;
}

void check_free(struct check *check)
{
    if (!check)
        return;
    stop(check);
    loop_timer_free(check->turn);
    loop_timer_free(check->luxury);
    loop_timer_free(check->step);
    arena_free(check->arena);
    free(check);
}
