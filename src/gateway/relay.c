#include "gateway/relay.h"

#include "base/cstr.h"
#include "base/log.h"
#include "gateway/maildir.h"
#include "gateway/notification.h"
#include "gateway/relay_private.h"
#include "wire/smtp_address.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { SCRATCH_BYTES_MAX = 256 * 1024 };

#define HOUSEKEEPING_EVERY (10 * NANOS_PER_SECOND)
#define LOST_EXPIRE        (5 * 86400 * NANOS_PER_SECOND)
#define DRAIN_PATIENCE     (10 * NANOS_PER_SECOND)

/* --- Letters --- */

static void letter_link(struct relay *relay, struct letter *letter)
{
    letter->number = ++relay->numbered;
    letter->previous = relay->last;
    if (relay->last)
        relay->last->next = letter;
    else
        relay->first = letter;
    relay->last = letter;
    relay->letters++;
}

static void letter_free(struct letter *letter)
{
    struct relay *relay = letter->relay;
    assert(!letter->errands);
    if (letter->previous)
        letter->previous->next = letter->next;
    else
        relay->first = letter->next;
    if (letter->next)
        letter->next->previous = letter->previous;
    else
        relay->last = letter->previous;
    relay->letters--;
    free(letter->trouble);
    free(letter->route);
    free(letter);
}

static void replace(char **text, sv with)
{
    free(*text);
    *text = with.n ? strndup(with.p, with.n) : NULL;
    assert(*text || !with.n);
}

void letter_set_trouble(struct letter *letter, sv why)
{
    replace(&letter->trouble, sv_first(why, TROUBLE_MAX));
}

void letter_note(struct letter *letter)
{
    struct buf packed = BUF_INIT(SPOOL_STATE_MAX);
    struct envelope_state state = {.finished = letter->finished,
                                   .attempts = letter->attempts,
                                   .held = letter->held,
                                   .warned = letter->warned,
                                   .route = sv_of(letter->route),
                                   .trouble = sv_of(letter->trouble)};
    int failed = envelope_state_pack(&packed, &state);
    assert(!failed);
    spool_note(letter->message, buf_view(&packed));
    buf_free(&packed);
}

/* --- Errands --- */

/* Takes the one at *at off its letter. */
static void release(struct errand **at)
{
    struct errand *errand = *at;
    *at = errand->next_of_letter;
    destination_let_go(errand->destination);
    loop_timer_free(errand->rest);
    free(errand);
}

void errand_free(struct errand *errand)
{
    struct errand **at = &errand->letter->errands;
    while (*at != errand)
        at = &(*at)->next_of_letter;
    release(at);
}

static void errand_due(void *arg)
{
    struct errand *errand = arg;
    if (destination_is_retired(errand->destination))
        letter_renew(errand->letter);
    else
        destination_put(errand, false);
}

void errand_rest(struct errand *errand, nanos after)
{
    if (!errand->rest)
        errand->rest = loop_timer_new(errand->letter->relay->loop, errand_due, errand);
    errand->state = ERRAND_RESTING;
    loop_timer_set(errand->rest, after);
}

static struct errand *errand_for(struct letter *letter, struct destination *destination)
{
    for (struct errand *errand = letter->errands; errand; errand = errand->next_of_letter)
        if (errand->destination == destination && errand->state == ERRAND_NEW)
            return errand;
    struct errand *errand = calloc(1, sizeof *errand);
    assert(errand);
    errand->letter = letter;
    errand->destination = destination;
    errand->next_of_letter = letter->errands;
    letter->errands = errand;
    destination_keep(destination);
    return errand;
}

static const struct route *route_of(const struct letter *letter, const struct envelope *envelope, size_t i)
{
    struct smtp_address parts;
    const struct route_table *table = letter->relay->routes;
    sv named = letter->route ? sv_of(letter->route) : envelope->said.route;
    const struct route *route = named.n ? route_named(table, named) : NULL;
    if (route || smtp_address_parse(envelope->said.recipients[i].address, &parts) != SMTP_ADDRESS_NONE)
        return route;
    return route_for(table, parts.domain);
}

static sv domain_of(sv address)
{
    struct smtp_address parts;
    return smtp_address_parse(address, &parts) == SMTP_ADDRESS_NONE ? parts.domain : SV_NONE;
}

/* A mistake in the configuration should not send mail back: it waits for a route. */
static void lose(struct letter *letter, sv recipient)
{
    char why[TROUBLE_MAX];
    snprintf(why, sizeof why, "no route leads to %.*s", SV_ARG(sv_first(domain_of(recipient), 200)));
    letter_set_trouble(letter, sv_of(why));
    letter->lost = true;
    LOG_WARNING("gateway has no route for a recipient of its queue", LOG_STR("id", letter->id),
                LOG_SV("recipient", recipient));
}

/* What stays on this machine needs no TLS, and only strangers' servers publish what may be ignored. A report
 * has no sender, and is not to be lost (RFC 8689 §4.2.1, §5). */
static enum tls_wish wish_of(const struct route *route, const struct intake_envelope *said)
{
    if (route->stays_here)
        return TLS_WISH_NONE;
    if (said->requiretls && said->sender.n)
        return TLS_WISH_REQUIRED;
    return said->tls_optional && route->kind == ROUTE_MX ? TLS_WISH_OPTIONAL : TLS_WISH_NONE;
}

/* Makes errands for all recipients that are neither finished nor in one, and puts them into their lines. */
static void letter_send(struct letter *letter)
{
    struct relay *relay = letter->relay;
    struct spool_look look = {.holder = NULL};
    struct envelope envelope;
    struct recipient_set cared_for = letter->finished;
    struct err err = {.class = ERR_NONE};
    letter->lost = letter->left_out = false;
    for (const struct errand *errand = letter->errands; errand; errand = errand->next_of_letter)
        recipient_unite(&cared_for, &errand->recipients);
    arena_reset(relay->scratch);
    if (spool_look(letter->message, &look, &err) < 0 ||
        envelope_unpack(look.meta, relay->scratch, &envelope) < 0) {
        LOG_ERROR("gateway cannot read a message of its queue and holds it", LOG_STR("id", letter->id),
                  LOG_ERR(&err));
        spool_look_end(&look);
        letter->held = true;
        return;
    }
    for (size_t i = 0; i < envelope.said.recipient_count; i++) {
        const struct route *route = route_of(letter, &envelope, i);
        if (recipient_has(&cared_for, i))
            continue;
        if (!route)
            lose(letter, envelope.said.recipients[i].address);
        else
            recipient_add(&errand_for(letter, destination_for(relay, route,
                                                              domain_of(envelope.said.recipients[i].address),
                                                              wish_of(route, &envelope.said)))
                               ->recipients,
                          i);
    }
    spool_look_end(&look);
    for (struct errand *errand = letter->errands, *next; errand; errand = next) {
        next = errand->next_of_letter; /* with the last one the letter may be gone */
        if (errand->state == ERRAND_NEW)
            destination_put(errand, false);
    }
}

void letter_settle(struct letter *letter)
{
    struct relay *relay = letter->relay;
    bool open = !letter->deleted && recipient_count(&letter->finished) < letter->recipients;
    if (letter->held || letter->reports || letter->lost)
        return;
    if (open && (!letter->errands || letter->left_out))
        letter_send(letter);
    if (open || letter->errands)
        return;
    spool_remove(letter->message);
    letter_free(letter);
    relay_check_drained(relay);
}

bool letter_is_active(const struct letter *letter)
{
    for (const struct errand *errand = letter->errands; errand; errand = errand->next_of_letter)
        if (errand->state == ERRAND_ACTIVE)
            return true;
    return false;
}

void letter_drop_idle(struct letter *letter)
{
    for (struct errand **at = &letter->errands; *at;) {
        if ((*at)->state == ERRAND_ACTIVE) {
            at = &(*at)->next_of_letter;
            continue;
        }
        if ((*at)->state == ERRAND_WAITING)
            destination_take_out(*at);
        release(at);
    }
}

void letter_renew(struct letter *letter)
{
    if (letter->held)
        return;
    letter_drop_idle(letter);
    letter->lost = false;
    letter->left_out = true;
    letter_settle(letter);
}

void relay_take(struct relay *relay, struct spool_message *message)
{
    struct spool_look look;
    struct envelope envelope;
    struct envelope_state state;
    struct letter *letter = calloc(1, sizeof *letter);
    assert(letter);
    letter->relay = relay;
    letter->message = message;
    spool_set_owner(message, letter);
    letter_link(relay, letter);
    arena_reset(relay->scratch);
    bool readable = spool_look(message, &look, NULL) == 0;
    if (readable && envelope_unpack(look.meta, relay->scratch, &envelope) == 0 &&
        envelope_state_unpack(look.state, &state) == 0) {
        sv_copy(letter->id, sizeof letter->id, envelope.said.id);
        letter->recipients = envelope.said.recipient_count;
        letter->arrived = envelope.arrived;
        letter->held = look.state.n ? state.held : envelope.said.held;
        letter->finished = state.finished;
        letter->attempts = state.attempts;
        letter->warned = state.warned;
        replace(&letter->trouble, state.trouble);
        replace(&letter->route, state.route);
    } else {
        LOG_ERROR("gateway holds a message that it cannot read", LOG_INT("serial", spool_serial(message)));
        letter->held = true;
    }
    if (readable)
        spool_look_end(&look);
    letter_settle(letter);
}

static void on_found(void *arg, struct spool_message *message)
{
    relay_take(arg, message);
}

/* --- Time --- */

/* No route came in all the time. */
static void give_up_lost(struct letter *letter)
{
    struct spool_look look;
    struct envelope envelope;
    struct recipient_set open = {{0}};
    if (letter->held || letter->reports || loop_now() - letter->arrived < LOST_EXPIRE ||
        spool_look(letter->message, &look, NULL) < 0)
        return;
    arena_reset(letter->relay->scratch);
    if (envelope_unpack(look.meta, letter->relay->scratch, &envelope) == 0) {
        for (size_t i = 0; i < envelope.said.recipient_count; i++)
            if (!recipient_has(&letter->finished, i))
                recipient_add(&open, i);
        notify_failure(letter, &envelope, look.content, &open, "5.4.4", sv_of(letter->trouble));
        letter->lost = false; /* only now may it go */
    }
    spool_look_end(&look);
    letter_settle(letter);
}

/* Fails what waits in line for too long. */
static void expire_waiting(struct errand *errand)
{
    struct letter *letter = errand->letter;
    if (errand->state == ERRAND_ACTIVE || !letter_is_expired(letter, destination_route(errand->destination)))
        return;
    struct run *run = letter->relay->spare;
    if (errand->state == ERRAND_WAITING)
        destination_take_out(errand);
    if (!run_begin(run, errand, NULL))
        return;
    run_set_open(run, OUTCOME_LATER, "4.4.7",
                 letter->trouble ? sv_of(letter->trouble) : sv_of(destination_trouble(errand->destination)));
    run_end(run);
}

static void keep_house(void *arg)
{
    struct relay *relay = arg;
    for (struct letter *letter = relay->first, *next; letter; letter = next) {
        next = letter->next;
        notify_delay(letter);
        if (letter->lost && !letter->errands) {
            give_up_lost(letter);
            continue;
        }
        for (struct errand *errand = letter->errands, *other; errand; errand = other) {
            other = errand->next_of_letter;
            bool last = !other;
            expire_waiting(errand);
            if (last)
                break; /* the letter may be gone */
        }
    }
    destinations_sweep(relay);
    loop_timer_set(relay->housekeeping, HOUSEKEEPING_EVERY);
}

/* --- The relay --- */

/* Makes the table, and the Maildirs that it names. */
static int make_routes(const struct config *config, struct route_table **ret, struct err *err)
{
    struct route_table *table = NULL;
    struct maildir *maildir = NULL;
    const struct route *route;
    if (route_table_new(config, &table, err) < 0)
        return -1;
    for (size_t i = 0; (route = route_at(table, i)); i++) {
        if (route->kind != ROUTE_MAILDIR)
            continue;
        if (maildir_open(route->maildir, loop_now(), &maildir, err) < 0) {
            route_table_free(table);
            return -1;
        }
        maildir_free(maildir);
    }
    *ret = table;
    return 0;
}

static char *postmaster_of(const struct config *config)
{
    sv address = config->relay.postmaster ? config_mailbox_address(config->relay.postmaster) : SV_NONE;
    return address.n ? strndup(address.p, address.n) : NULL;
}

static struct sts *sts_for(const struct relay *relay, const struct config *config)
{
    const struct sts_setup setup = {.loop = relay->loop,
                                    .asker = relay->asker,
                                    .folder = config->relay.spool,
                                    .ca_file = config->relay.mta_sts_ca};
    return config->relay.mta_sts && route_table_wants_sts(relay->routes) ? sts_new(&setup) : NULL;
}

/* What is made of one configuration. Routes and sts are made apart. */
static void furnish(struct relay *relay, const struct config *config)
{
    relay->hostname = cstr_copy(config->hostname ? config->hostname : "localhost");
    relay->postmaster = postmaster_of(config);
    relay->signer = signer_new(relay->loop, relay->keeper, &config->relay);
    relay->asker = asker_new(relay->loop, config);
    relay->ourselves = ourselves_new(config);
}

/* Nobody may wait for an answer of asker's or sts's. */
static void clear_out(struct relay *relay)
{
    free(relay->hostname);
    free(relay->postmaster);
    signer_free(relay->signer);
    sts_free(relay->sts);
    asker_free(relay->asker);
    ourselves_free(relay->ourselves);
    route_table_free(relay->routes);
}

int relay_new(const struct relay_setup *setup, struct relay **ret, struct err *err)
{
    struct relay *relay = calloc(1, sizeof *relay);
    assert(relay);
    relay->loop = setup->loop;
    relay->keeper = setup->keeper;
    relay->scratch = arena_new(SCRATCH_BYTES_MAX);
    relay->intake = intake_new(relay);
    furnish(relay, setup->config);
    relay->spare = run_new();
    relay->housekeeping = loop_timer_new(setup->loop, keep_house, relay);
    struct spool_setup spool = {.loop = setup->loop, .directory = setup->config->relay.spool};
    if (make_routes(setup->config, &relay->routes, err) < 0 ||
        spool_open(&spool, on_found, relay, &relay->spool, err) < 0) {
        relay_free(relay);
        return -1;
    }
    relay->sts = sts_for(relay, setup->config);
    loop_timer_set(relay->housekeeping, HOUSEKEEPING_EVERY);
    *ret = relay;
    return 0;
}

int relay_prepare(struct relay *relay, const struct config *config, struct err *err)
{
    route_table_free(relay->next_routes);
    relay->next_routes = NULL;
    return make_routes(config, &relay->next_routes, err);
}

void relay_reload(struct relay *relay, const struct config *config)
{
    assert(relay->next_routes);
    destinations_retire(relay);
    clear_out(relay); /* first: the old sts writes what the new one is to read */
    relay->routes = relay->next_routes;
    relay->next_routes = NULL;
    furnish(relay, config);
    relay->sts = sts_for(relay, config);
    for (struct letter *letter = relay->first, *next; letter; letter = next) {
        next = letter->next;
        letter_renew(letter);
    }
}

struct intake *relay_intake(struct relay *relay)
{
    return relay->intake;
}

const struct route *relay_route(const struct relay *relay, const char *name, sv domain)
{
    const struct route *route = name ? route_named(relay->routes, sv_of(name)) : NULL;
    return route ? route : route_for(relay->routes, domain);
}

static void report_drained(void *arg)
{
    struct relay *relay = arg;
    loop_timer_cancel(relay->patience);
    relay->done(relay->done_arg);
}

void relay_check_drained(struct relay *relay)
{
    if (!relay->draining || loop_timer_pending(relay->report))
        return;
    for (struct destination *at = relay->destinations; at; at = destination_next(at))
        if (destination_is_busy(at))
            return;
    loop_timer_set(relay->report, 0);
}

void relay_drain(struct relay *relay, loop_fn *done, void *arg)
{
    relay->draining = true;
    relay->done = done;
    relay->done_arg = arg;
    relay->patience = loop_timer_new(relay->loop, report_drained, relay);
    relay->report = loop_timer_new(relay->loop, report_drained, relay);
    loop_timer_set(relay->patience, DRAIN_PATIENCE);
    for (struct destination *at = relay->destinations, *next; at; at = next) {
        next = destination_next(at);
        destination_drain(at);
    }
    relay_check_drained(relay);
}

/* Their destinations are gone. */
static void free_letters(struct relay *relay)
{
    for (struct letter *letter = relay->first, *next; letter; letter = next) {
        next = letter->next;
        while (letter->errands) {
            struct errand *errand = letter->errands;
            letter->errands = errand->next_of_letter;
            loop_timer_free(errand->rest);
            free(errand);
        }
        letter_free(letter);
    }
}

void relay_free(struct relay *relay)
{
    if (!relay)
        return;
    while (relay->destinations)
        destination_free(relay->destinations);
    notices_forget(relay);
    run_free(relay->spare);
    spool_close(relay->spool);
    free_letters(relay);
    clear_out(relay);
    intake_free(relay->intake);
    route_table_free(relay->next_routes);
    loop_timer_free(relay->housekeeping);
    loop_timer_free(relay->patience);
    loop_timer_free(relay->report);
    arena_free(relay->scratch);
    free(relay);
}
