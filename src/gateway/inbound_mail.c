#include "gateway/inbound_private.h"

#include "base/log.h"
#include "wire/smtp_xtext.h"

#include <assert.h>
#include <stdlib.h>

void inbound_forget_mail(struct inbound *session)
{
    struct inbound_mail *mail = session->mail;
    if (!mail)
        return;
    inbound_forget_content(mail);
    guard_free(mail->guard);
    arena_free(mail->arena);
    free(mail);
    session->mail = NULL;
    session->waiting = false;
    smtp_server_forgive_bare_lf(session->server, false);
}

static void begin_mail(struct inbound *session)
{
    struct inbound_mail *mail = calloc(1, sizeof *mail);
    assert(mail);
    mail->arena = arena_new(INBOUND_ENVELOPE_BYTES_MAX);
    mail->guard = guard_hold(session->house->guard);
    session->mail = mail;
}

void inbound_decide(const struct inbound *session, const struct guard *guard,
                    const struct guard_question *question, struct guard_verdict *ret)
{
    guard_ask(guard, session->house->limits, question, ret);
    if (ret->action != GUARD_LATER)
        activity_decided(session->house->activity, question, ret);
}

static sv decode_xtext(struct arena *arena, sv xtext)
{
    struct buf plain = BUF_INIT(1024);
    sv kept = SV_NONE;
    if (xtext.n && smtp_xtext_decode(xtext, &plain) == 0)
        kept = arena_sv(arena, buf_view(&plain));
    buf_free(&plain);
    return kept;
}

/* As it may go to every next hop: one of the type utf-8 in its form of 7 bits. */
static sv decode_orcpt(struct arena *arena, sv orcpt)
{
    sv plain = decode_xtext(arena, orcpt);
    struct buf ascii = BUF_INIT(2048);
    if (!sv_ascii(plain) && sv_istarts(plain, SV("utf-8;")))
        plain = smtp_utf8_xtext(plain, "", &ascii) == 0 ? arena_sv(arena, buf_view(&ascii)) : SV_NONE;
    buf_free(&ascii);
    return plain;
}

void inbound_answer_mail(struct inbound *session)
{
    const struct smtp_server_mail *said = smtp_server_mail(session->server);
    struct guard_verdict verdict;
    struct guard_question question;
    struct err err = {.class = ERR_NONE};
    if (session->house->draining) {
        smtp_server_close(session->server, 421, "4.3.2", "Shutting down, try again later");
        return;
    }
    if (intake_full(relay_intake(session->house->relay), &err)) {
        LOG_WARNING("gateway has no room", LOG_STR("client", session->client_ip), LOG_ERR(&err));
        inbound_refuse(session, "mail", 452, "4.3.1", "No room now, try again later");
        return;
    }
    inbound_ask(session, GUARD_MAIL, &question);
    question.sender = said->sender;
    question.size = said->size;
    inbound_decide(session, session->house->guard, &question, &verdict);
    if (verdict.action == GUARD_REJECT || verdict.action == GUARD_DEFER) {
        inbound_refuse(session, "mail", verdict.code, verdict.enhanced, verdict.text);
        return;
    }
    begin_mail(session);
    session->mail->said = *said;
    session->mail->sender = arena_sv(session->mail->arena, said->sender);
    session->mail->envid = decode_xtext(session->mail->arena, said->envid);
    smtp_server_accept(session->server, NULL);
}

/* Keeps the verdict without what only the refusal needs. False if the envelope has become too large. */
static bool keep_recipient(struct inbound_mail *mail, const struct smtp_server_recipient *asked,
                           const struct guard_verdict *verdict)
{
    if (!mail->recipients)
        mail->recipients = arena_alloc(mail->arena, SMTP_RECIPIENTS_MAX * sizeof *mail->recipients);
    if (!mail->recipients || mail->count == SMTP_RECIPIENTS_MAX)
        return false;
    struct inbound_recipient *recipient = &mail->recipients[mail->count];
    *recipient = (struct inbound_recipient){.address = arena_sv(mail->arena, asked->whole),
                                            .orcpt = decode_orcpt(mail->arena, asked->orcpt),
                                            .notify = asked->notify,
                                            .action = verdict->action,
                                            .foreseen = verdict->action,
                                            .options = verdict->options,
                                            .rule = verdict->rule};
    sv target = sv_of(verdict->recipient);
    recipient->target = target.n ? arena_sv(mail->arena, target) : SV_NONE;
    bool kept = recipient->address.p && (!target.n || recipient->target.p);
    mail->count += kept;
    return kept;
}

/* Refuses what would have to be bounced later: what no route takes, and a mailbox that its route has not. */
static bool refuse_lost(struct inbound *session, sv recipient, const struct guard_verdict *verdict)
{
    struct smtp_address address;
    if (verdict->recipient[0])
        recipient = sv_of(verdict->recipient);
    if (smtp_address_parse(recipient, &address) != SMTP_ADDRESS_NONE)
        return false; /* postmaster */
    const struct route *route = relay_route(session->house->relay, verdict->options.route, address.domain);
    if (!route)
        inbound_refuse(session, "rcpt", 550, "5.1.2", "No route leads to this domain");
    else if (!route_has_mailbox(route, recipient))
        inbound_refuse(session, "rcpt", 550, "5.1.1", "No such mailbox here");
    else
        return false;
    return true;
}

void inbound_answer_rcpt(struct inbound *session)
{
    const struct smtp_server_recipient *asked = smtp_server_recipient(session->server);
    struct inbound_mail *mail = session->mail;
    struct guard_verdict verdict;
    struct guard_question question;
    inbound_ask(session, GUARD_RCPT, &question);
    question.sender = mail->sender;
    question.size = mail->said.size;
    question.recipient = asked->whole;
    question.recipients = mail->count;
    inbound_decide(session, mail->guard, &question, &verdict);
    if (verdict.action == GUARD_REJECT || verdict.action == GUARD_DEFER)
        inbound_refuse(session, "rcpt", verdict.code, verdict.enhanced, verdict.text);
    else if (refuse_lost(session, asked->whole, &verdict))
        return;
    else if (!keep_recipient(mail, asked, &verdict))
        inbound_refuse(session, "rcpt", 452, "4.5.3", "Too many recipients");
    else
        smtp_server_accept(session->server, NULL);
}
