#include "gateway/notification.h"

#include "base/log.h"
#include "gateway/notification_mail.h"

#include <assert.h>
#include <stdlib.h>

#define AGAIN_AFTER (10 * NANOS_PER_SECOND)

static const sv report_rule = SV_INIT("report"); /* in the place of a rule's name */

/* One on its way into the queue. The letter waits for it. */
struct notice {
    struct notice *next;
    struct letter *letter;
    struct recipient_set failed; /* finished when it is on disk */
    struct loop_timer *again;
    bool delay;
};

static struct notice *notice_new(struct letter *letter)
{
    struct notice *notice = calloc(1, sizeof *notice);
    assert(notice);
    notice->letter = letter;
    notice->next = letter->relay->notices;
    letter->relay->notices = notice;
    letter->reports++;
    return notice;
}

static void notice_free(struct notice *notice)
{
    struct notice **at = &notice->letter->relay->notices;
    while (*at != notice)
        at = &(*at)->next;
    *at = notice->next;
    notice->letter->reports--;
    loop_timer_free(notice->again);
    free(notice);
}

void notices_forget(struct relay *relay)
{
    while (relay->notices)
        notice_free(relay->notices);
}

/* The report did not reach the disk: the recipients that it was about are tried again, and so is the report.
 */
static void try_again(void *arg)
{
    struct notice *notice = arg;
    struct letter *letter = notice->letter;
    notice_free(notice);
    letter_renew(letter);
}

static void on_disk(void *arg, const struct err *err)
{
    struct notice *notice = arg;
    struct letter *letter = notice->letter;
    if (err && !notice->delay) {
        notice->again = loop_timer_new(letter->relay->loop, try_again, notice);
        loop_timer_set(notice->again, AGAIN_AFTER);
        return;
    }
    recipient_unite(&letter->finished, &notice->failed);
    letter->warned |= notice->delay && !err;
    notice_free(notice);
    if (letter->errands || letter->held)
        letter_note(letter);
    letter_settle(letter);
}

/* Who is told: the sender, else the postmaster; nobody (empty) when that would be a report on a report to the
 * postmaster. */
static sv addressee(const struct letter *letter, const struct envelope *about)
{
    sv postmaster = letter->relay->postmaster ? sv_of(letter->relay->postmaster) : SV_NONE;
    if (about->said.sender.n)
        return about->said.sender;
    for (size_t i = 0; i < about->said.recipient_count; i++)
        if (sv_ieq(about->said.recipients[i].address, postmaster))
            return SV_NONE;
    return postmaster;
}

/* Composes and hands in. */
static void send_notice(struct notice *notice, struct notification *what)
{
    struct relay *relay = notice->letter->relay;
    struct intake_message *message = NULL;
    struct err err = {.class = ERR_NONE};
    char id[INTAKE_ID_MAX];
    struct buf mail = BUF_INIT(NOTIFICATION_BYTES_MAX);
    what->to = addressee(notice->letter, what->about);
    what->id = sv_of(intake_id(relay->intake, id));
    what->hostname = sv_of(relay->hostname);
    what->now = loop_now();
    if (!what->to.n) {
        LOG_WARNING("gateway drops a report that nobody is to get", LOG_STR("about", notice->letter->id));
        on_disk(notice, NULL);
        return;
    }
    int composed = notification_compose(&mail, what);
    if (composed == 0 && intake_begin(relay->intake, &message, &err) == 0) {
        struct intake_recipient to = {.address = what->to, .notify = INTAKE_NOTIFY_NEVER};
        struct intake_envelope envelope = {.id = what->id,
                                           .recipients = &to,
                                           .recipient_count = 1,
                                           .utf8 = !sv_ascii(what->to),
                                           .requiretls = what->about->said.requiretls,
                                           .rule = report_rule};
        intake_put(message, buf_view(&mail));
        LOG_INFO("gateway reports on a message", LOG_STR("id", id), LOG_STR("about", notice->letter->id),
                 LOG_SV("to", what->to));
        intake_commit(message, &envelope, on_disk, notice);
    } else {
        on_disk(notice, &err);
    }
    buf_free(&mail);
}

static bool wants(const struct intake_recipient *recipient, enum intake_notify what)
{
    if (recipient->notify)
        return recipient->notify & what;
    return what != INTAKE_NOTIFY_SUCCESS;
}

/* Our reports say NOTIFY=NEVER to everybody else; that one did not arrive is for the postmaster to know. */
static bool is_our_report(const struct intake_envelope *said)
{
    return !said->sender.n && !said->client_ip.n && sv_eq(said->rule, report_rule);
}

static bool wants_failure(const struct intake_envelope *said, size_t index)
{
    return is_our_report(said) || wants(&said->recipients[index], INTAKE_NOTIFY_FAILURE);
}

/* Failures that nobody wants to hear of are finished at once. */
static void finish_silently(struct letter *letter, size_t index)
{
    recipient_add(&letter->finished, index);
}

/* RFC 3464 §2.3.5. */
static sv remote_of(const struct run *run)
{
    const struct next_hop *hop = run->hop;
    if (!hop)
        return SV_NONE;
    return hop->gateway.host ? sv_of(hop->gateway.host) : arena_printf(run->arena, "[%s]", hop->address);
}

static void notify_failed(struct letter *letter, const struct run *run)
{
    struct notification_recipient told[SMTP_RECIPIENTS_MAX];
    struct recipient_set failed = {{0}};
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++) {
        const struct outcome *outcome = &run->outcomes[i];
        size_t index = run->indexes[i];
        if (outcome->kind != OUTCOME_FAILED)
            continue;
        if (wants_failure(&run->envelope.said, index)) {
            recipient_add(&failed, index);
            told[count++] = (struct notification_recipient){index, NOTIFICATION_FAILED, outcome->status,
                                                            outcome->said, remote_of(run)};
        } else {
            finish_silently(letter, index);
        }
    }
    if (!count)
        return;
    struct notice *notice = notice_new(letter);
    notice->failed = failed;
    send_notice(notice, &(struct notification){.about = &run->envelope,
                                               .recipients = told,
                                               .count = count,
                                               .content = run->look.content});
}

static void notify_success(struct letter *letter, const struct run *run)
{
    struct notification_recipient told[SMTP_RECIPIENTS_MAX];
    size_t count = 0;
    if (run->reports_itself || !run->envelope.said.sender.n)
        return;
    for (size_t i = 0; i < run->count; i++)
        if (run->outcomes[i].kind == OUTCOME_SENT &&
            wants(&run->envelope.said.recipients[run->indexes[i]], INTAKE_NOTIFY_SUCCESS))
            told[count++] = (struct notification_recipient){
                run->indexes[i], run->final ? NOTIFICATION_DELIVERED : NOTIFICATION_RELAYED, "2.0.0", SV_NONE,
                remote_of(run)};
    if (count)
        send_notice(notice_new(letter), &(struct notification){.about = &run->envelope,
                                                               .recipients = told,
                                                               .count = count,
                                                               .content = run->look.content});
}

void notify_run(struct letter *letter, const struct run *run)
{
    notify_failed(letter, run);
    notify_success(letter, run);
}

void notify_failure(struct letter *letter, const struct envelope *envelope, sv content,
                    const struct recipient_set *failed, const char *status, sv why)
{
    struct notification_recipient told[SMTP_RECIPIENTS_MAX];
    size_t count = 0;
    struct notice *notice = notice_new(letter);
    for (size_t i = 0; i < envelope->said.recipient_count; i++) {
        if (!recipient_has(failed, i))
            continue;
        recipient_add(&notice->failed, i);
        if (wants_failure(&envelope->said, i))
            told[count++] = (struct notification_recipient){i, NOTIFICATION_FAILED, status, why, SV_NONE};
    }
    if (count)
        send_notice(notice, &(struct notification){
                                .about = envelope, .recipients = told, .count = count, .content = content});
    else
        on_disk(notice, NULL); /* nobody wants to hear of it */
}

static nanos warn_after(const struct letter *letter)
{
    const struct route *route = letter->errands ? destination_route(letter->errands->destination) : NULL;
    return route ? route->warn_after : 0;
}

void notify_delay(struct letter *letter)
{
    struct notification_recipient told[SMTP_RECIPIENTS_MAX];
    struct relay *relay = letter->relay;
    struct spool_look look;
    struct envelope envelope;
    size_t count = 0;
    nanos patience = warn_after(letter);
    if (letter->warned || letter->held || letter->reports || !patience ||
        loop_now() - letter->arrived < patience || spool_look(letter->message, &look, NULL) < 0)
        return;
    arena_reset(relay->scratch);
    int read = envelope_unpack(look.meta, relay->scratch, &envelope);
    for (size_t i = 0; read == 0 && envelope.said.sender.n && i < envelope.said.recipient_count; i++)
        if (!recipient_has(&letter->finished, i) && wants(&envelope.said.recipients[i], INTAKE_NOTIFY_DELAY))
            told[count++] = (struct notification_recipient){i, NOTIFICATION_DELAYED, "4.4.7",
                                                            sv_of(letter->trouble), SV_NONE};
    letter->warned = count == 0; /* nobody wants to know */
    if (count) {
        struct notice *notice = notice_new(letter);
        notice->delay = true;
        send_notice(notice,
                    &(struct notification){.about = &envelope,
                                           .recipients = told,
                                           .count = count,
                                           .content = look.content,
                                           .until = letter->arrived +
                                                    destination_route(letter->errands->destination)->expire});
    }
    spool_look_end(&look);
}
