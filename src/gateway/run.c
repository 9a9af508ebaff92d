/* One attempt to pass a message on: what it needs, and what comes of it. */
#include "base/log.h"
#include "courier/retry.h"
#include "gateway/ledger.h"
#include "gateway/notification.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define READ_AGAIN_AFTER (10 * NANOS_PER_SECOND)
#define SIGN_AGAIN_AFTER NANOS_PER_SECOND

static void run_clear(struct run *run)
{
    spool_look_end(&run->look);
    run->errand->hop = NULL;
    run->errand = NULL;
}

struct run *run_new(void)
{
    struct run *run = calloc(1, sizeof *run);
    assert(run);
    run->arena = arena_new(RUN_BYTES_MAX);
    return run;
}

void run_free(struct run *run)
{
    if (!run)
        return;
    if (run->errand)
        run_clear(run);
    arena_free(run->arena);
    free(run);
}

bool run_begin(struct run *run, struct errand *errand, const struct next_hop *hop)
{
    struct letter *letter = errand->letter;
    struct err err = {.class = ERR_NONE};
    arena_reset(run->arena);
    run->count = 0;
    run->accepted = (struct recipient_set){{0}};
    run->touched = run->reports_itself = run->final = false;
    run->hop = errand->hop = hop;
    run->tls[0] = '\0';
    run->signature = SV_NONE;
    if (spool_look(letter->message, &run->look, &err) < 0) {
        LOG_ERROR("gateway cannot read a message of its queue", LOG_STR("id", letter->id), LOG_ERR(&err));
        errand_rest(errand, READ_AGAIN_AFTER);
        return false;
    }
    int failed = envelope_unpack(run->look.meta, run->arena, &run->envelope);
    assert(!failed && "it was read before");
    for (size_t i = 0; i < run->envelope.said.recipient_count; i++) {
        if (!recipient_has(&errand->recipients, i))
            continue;
        run->indexes[run->count] = (uint8_t)i;
        run->outcomes[run->count++] = (struct outcome){.kind = OUTCOME_OPEN};
    }
    run->errand = errand;
    run->began = loop_monotonic();
    errand->state = ERRAND_ACTIVE;
    return true;
}

bool run_sign(struct run *run)
{
    struct errand *errand = run->errand;
    struct letter *letter = errand->letter;
    struct buf fields = BUF_INIT(SIGNER_BYTES_MAX);
    uint64_t now = (uint64_t)(loop_now() / NANOS_PER_SECOND);
    enum signer_outcome outcome = signer_sign(letter->relay->signer, run->look.content, now, &fields);
    if (outcome == SIGNER_SIGNED) {
        run->signature = arena_sv(run->arena, buf_view(&fields));
        assert(run->signature.n && "an envelope leaves room for it");
    }
    buf_free(&fields);
    if (outcome != SIGNER_WAITS)
        return true;
    letter_set_trouble(letter, SV("a DKIM key that is to sign it is not there yet"));
    run_clear(run);
    errand_rest(errand, SIGN_AGAIN_AFTER);
    return false;
}

static void set_outcome(struct outcome *outcome, enum outcome_kind kind, const char *status, sv kept)
{
    if (outcome->kind != OUTCOME_OPEN)
        return;
    outcome->kind = kind;
    sv_copy(outcome->status, sizeof outcome->status, sv_of(status));
    outcome->said = kept;
}

void run_set(struct run *run, size_t index, enum outcome_kind kind, const char *status, sv said)
{
    set_outcome(&run->outcomes[index], kind, status, arena_sv(run->arena, sv_first(said, SAID_MAX)));
}

void run_set_open(struct run *run, enum outcome_kind kind, const char *status, sv said)
{
    sv kept = arena_sv(run->arena, sv_first(said, SAID_MAX));
    for (size_t i = 0; i < run->count; i++)
        set_outcome(&run->outcomes[i], kind, status, kept);
}

static void run_log(const struct run *run)
{
    static const char *const words[] = {"open", "sent", "later", "failed"};
    const struct letter *letter = run->errand->letter;
    const struct intake_envelope *said = &run->envelope.said;
    const struct next_hop *hop = run->hop;
    for (size_t i = 0; i < run->count; i++) {
        const struct outcome *outcome = &run->outcomes[i];
        letter->relay->outcomes[outcome->kind]++;
        bool same = i && outcome->kind == run->outcomes[i - 1].kind &&
                    sv_eq(outcome->said, run->outcomes[i - 1].said);
        if (same)
            continue;
        const struct ledger line = {
            .id = sv_of(letter->id),
            .outcome = sv_of(words[outcome->kind]),
            .client = said->client_ip,
            .helo = said->client_name,
            .account = said->account,
            .tls = said->tls,
            .rule = said->rule,
            .sender = said->sender,
            .recipient = said->recipients[run->indexes[i]].address,
            .recipients = (int64_t)run->count,
            .bytes = (int64_t)run->look.content.n,
            .route = said->route,
            .next_hop = hop ? sv_of(hop->gateway.name) : SV_NONE,
            .next_hop_ip = hop ? sv_of(hop->address) : SV_NONE,
            .next_hop_tls = sv_of(run->tls),
            .status = sv_of(outcome->status),
            .reply = outcome->said,
            .attempts = letter->attempts,
            .took_ms = (loop_monotonic() - run->began) / NANOS_PER_MS,
            .queued_ms = (loop_now() - letter->arrived) / NANOS_PER_MS,
        };
        ledger_log("gateway message", &line);
    }
}

/* The recipients with that outcome. */
static struct recipient_set run_set_of(const struct run *run, enum outcome_kind kind)
{
    struct recipient_set set = {{0}};
    for (size_t i = 0; i < run->count; i++)
        if (run->outcomes[i].kind == kind)
            recipient_add(&set, run->indexes[i]);
    return set;
}

bool letter_is_expired(const struct letter *letter, const struct route *route)
{
    return loop_now() - letter->arrived >= route->expire;
}

/* What may pass has had its time. */
static void expire(struct run *run)
{
    for (size_t i = 0; i < run->count; i++)
        if (run->outcomes[i].kind == OUTCOME_LATER) {
            run->outcomes[i].kind = OUTCOME_FAILED;
            sv_copy(run->outcomes[i].status, sizeof run->outcomes[i].status, SV("4.4.7"));
        }
}

static void remember_trouble(struct letter *letter, const struct run *run)
{
    char text[NEXT_HOP_TEXT_MAX + SAID_MAX], hop[NEXT_HOP_TEXT_MAX];
    for (size_t i = 0; i < run->count; i++) {
        if (run->outcomes[i].kind != OUTCOME_LATER)
            continue;
        snprintf(text, sizeof text, "%s%s%.*s", run->hop ? next_hop_text(run->hop, hop) : "",
                 run->hop ? ": " : "", SV_ARG(run->outcomes[i].said));
        letter_set_trouble(letter, sv_of(text));
    }
}

void run_end(struct run *run)
{
    struct errand *errand = run->errand;
    struct letter *letter = errand->letter;
    const struct route *route = destination_route(errand->destination);
    if (letter_is_expired(letter, route))
        expire(run);
    run_log(run);
    struct recipient_set sent = run_set_of(run, OUTCOME_SENT), later = run_set_of(run, OUTCOME_LATER);
    recipient_unite(&letter->finished, &sent);
    letter->attempts += run->touched;
    if (!letter->deleted)
        notify_run(letter, run);
    remember_trouble(letter, run);
    run_clear(run);
    if (recipient_count(&later) && !letter->deleted && !letter->held) {
        errand->recipients = later;
        letter_note(letter);
        errand_rest(errand, retry_delay(route->retry_first, route->retry_max,
                                        letter->attempts ? (int)letter->attempts : 1, arc4random()));
        notify_delay(letter);
        return;
    }
    errand_free(errand);
    if (letter->errands || letter->held)
        letter_note(letter);
    letter_settle(letter);
}

void run_return(struct run *run)
{
    struct errand *errand = run->errand;
    run_clear(run);
    destination_put(errand, true);
}
