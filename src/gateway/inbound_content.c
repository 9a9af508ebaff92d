#include "gateway/inbound_private.h"

#include "base/cstr.h"
#include "base/log.h"
#include "gateway/cleanup.h"
#include "gateway/ledger.h"
#include "gateway/trace.h"

#include <assert.h>
#include <stdio.h>

enum { FRONT_BYTES_MAX = HEAD_BYTES_MAX + 16 * 1024 /* the trace, a tag and the header */ };

void inbound_forget_content(struct inbound_mail *mail)
{
    for (size_t i = 0; i < mail->batch_count; i++) {
        struct inbound_batch *batch = &mail->batches[i];
        if (batch->message && batch->committed)
            intake_forget(batch->message);
        else
            intake_abort(batch->message);
        batch->message = NULL;
    }
    mail->batch_count = 0;
    head_free(&mail->head);
}

/* The message is refused whole once it is here; the first reason counts. */
static void doom(struct inbound_mail *mail, int code, const char *enhanced, const char *text)
{
    if (mail->code)
        return;
    mail->code = code;
    sv_copy(mail->enhanced, sizeof mail->enhanced, sv_of(enhanced));
    sv_copy(mail->text, sizeof mail->text, sv_of(text));
}

void inbound_answer_data(struct inbound *session)
{
    struct inbound_mail *mail = session->mail;
    bool bare_lf = true;
    for (size_t i = 0; i < mail->count; i++)
        bare_lf = bare_lf && mail->recipients[i].options.bare_lf;
    head_open(&mail->head, inbound_name(session));
    smtp_server_forgive_bare_lf(session->server, bare_lf);
    smtp_server_accept(session->server, NULL);
}

/* ---- From the header on ---------------------------------------------------------------------------------
 */

static void ask_again(struct inbound *session, enum guard_stage stage,
                      const struct inbound_recipient *recipient, size_t index, struct guard_question *ret)
{
    const struct inbound_mail *mail = session->mail;
    inbound_ask(session, stage, ret);
    ret->sender = mail->sender;
    ret->recipient = recipient->address;
    ret->recipients = index;
    ret->header = head_text(&mail->head);
    ret->size = stage == GUARD_CONTENT ? smtp_server_content_bytes(session->server) : mail->said.size;
}

/* Whether a recipient's bytes and way are those of another verdict. */
static bool same_way(const struct inbound_recipient *recipient, const struct guard_options *options,
                     enum guard_action action, const char *rule)
{
    const struct guard_options *own = &recipient->options;
    return own->clean_header == options->clean_header && cstr_same(own->tag, options->tag) &&
           cstr_same(own->sender, options->sender) && cstr_same(own->route, options->route) &&
           (recipient->foreseen == GUARD_QUARANTINE) == (action == GUARD_QUARANTINE) &&
           cstr_same(recipient->rule, rule);
}

static void pass_over(void *arg, const char *rule, const char *file, int line, enum guard_match match,
                      const char *why)
{
    (void)arg;
    (void)rule;
    (void)file;
    (void)line;
    (void)match;
    (void)why;
}

static void take_verdict(struct inbound_mail *mail, struct inbound_recipient *recipient,
                         const struct guard_verdict *verdict)
{
    recipient->foreseen = verdict->action;
    recipient->options = verdict->options;
    recipient->rule = verdict->rule;
    sv target = sv_of(verdict->recipient);
    recipient->target = target.n ? arena_sv(mail->arena, target) : SV_NONE;
    if (target.n && !recipient->target.p)
        doom(mail, 452, "4.3.1", "The envelope is too large");
}

/* What is still open at the header depends on the size, which nobody knows yet; yet the bytes in front of the
 * body depend on the verdict. So the verdict is foreseen from the size that was announced, and confirmed at
 * the end. */
static void judge_header(struct inbound *session, struct inbound_recipient *recipient, size_t index)
{
    struct inbound_mail *mail = session->mail;
    struct guard_question question;
    struct guard_verdict verdict;
    if (recipient->action != GUARD_LATER)
        return;
    ask_again(session, GUARD_HEADER, recipient, index, &question);
    inbound_decide(session, mail->guard, &question, &verdict);
    if (verdict.action == GUARD_REJECT || verdict.action == GUARD_DEFER) {
        doom(mail, verdict.code, verdict.enhanced, verdict.text);
        return;
    }
    recipient->action = verdict.action;
    if (verdict.action == GUARD_LATER) {
        question.stage = GUARD_CONTENT;
        uint64_t seen = smtp_server_content_bytes(session->server);
        question.size = mail->said.size > seen ? mail->said.size : seen;
        guard_explain(mail->guard, session->house->limits, &question, pass_over, NULL, &verdict);
    }
    take_verdict(mail, recipient, &verdict);
}

/* As it will be sent. */
static sv sender_of(const struct inbound_mail *mail, const struct inbound_recipient *recipient)
{
    return recipient->options.sender ? sv_of(recipient->options.sender) : mail->sender;
}

static int write_front(const struct inbound *session, const struct inbound_batch *batch, struct buf *out)
{
    const struct inbound_mail *mail = session->mail;
    const struct inbound_recipient *first = &mail->recipients[batch->first];
    const struct tls_info *tls = stream_tls_info(session->stream);
    sv cipher = tls ? sv_of(tls->cipher) : SV_NONE;
    struct trace trace = {
        .recipients = &first->address,
        .recipient_count = mail->count,
        .client_name = smtp_server_hello(session->server),
        .client_ip = sv_of(session->client_ip),
        .our_name = inbound_name(session),
        .extended = smtp_server_extended(session->server),
        .utf8 = mail->said.utf8,
        .encrypted = tls != NULL,
        .authenticated = session->account != NULL,
        .cipher =
            sv_starts(cipher, SV("TLS_")) ? cipher : SV_NONE, /* older ones have names of OpenSSL's own */
        .id = sv_of(batch->id),
        .now = loop_now(),
    };
    struct cleanup cleanup = {.repair = first->options.clean_header,
                              .tag = sv_of(first->options.tag),
                              .sender = sender_of(mail, first),
                              .new_from = first->options.sender != NULL,
                              .id = sv_of(batch->id),
                              .our_name = inbound_name(session),
                              .now = trace.now};
    int failed = trace_write(out, &trace);
    if (cleanup.repair || cleanup.tag.n || cleanup.new_from)
        failed |= cleanup_write(out, head_text(&mail->head), &cleanup);
    else
        failed |= buf_put(out, head_text(&mail->head));
    return failed | buf_put(out, SV("\r\n"));
}

static void open_batch(struct inbound *session, size_t first)
{
    struct inbound_mail *mail = session->mail;
    struct err err = {.class = ERR_NONE};
    if (mail->batch_count == INBOUND_BATCHES_MAX) {
        doom(mail, 452, "4.5.3", "These recipients go too many ways, send them one by one");
        return;
    }
    struct inbound_batch *batch = &mail->batches[mail->batch_count];
    *batch = (struct inbound_batch){.session = session, .first = first};
    intake_id(relay_intake(session->house->relay), batch->id);
    if (intake_begin(relay_intake(session->house->relay), &batch->message, &err)) {
        LOG_WARNING("gateway has no room", LOG_STR("client", session->client_ip), LOG_ERR(&err));
        doom(mail, 452, "4.3.1", "No room now, try again later");
        return;
    }
    mail->batch_count++;
    struct buf front = BUF_INIT(FRONT_BYTES_MAX);
    int failed = write_front(session, batch, &front);
    assert(!failed); /* the bounds add up */
    intake_put(batch->message, buf_view(&front));
    buf_free(&front);
}

static void sort_recipients(struct inbound *session)
{
    struct inbound_mail *mail = session->mail;
    for (size_t i = 0; i < mail->count && !mail->code; i++) {
        struct inbound_recipient *recipient = &mail->recipients[i];
        size_t batch = 0;
        while (batch < mail->batch_count &&
               !same_way(&mail->recipients[mail->batches[batch].first], &recipient->options,
                         recipient->action, recipient->rule))
            batch++;
        if (batch == mail->batch_count)
            open_batch(session, i);
        recipient->batch = batch;
    }
}

static void put_body(struct inbound_mail *mail, sv bytes)
{
    for (size_t i = 0; i < mail->batch_count && bytes.n; i++)
        intake_put(mail->batches[i].message, bytes);
}

static void end_header(struct inbound *session)
{
    struct inbound_mail *mail = session->mail;
    mail->head_done = true;
    if (mail->head.state == HEAD_TOO_LARGE)
        doom(mail, 552, "5.3.4", "The header is too large");
    if (mail->head.state == HEAD_LOOP)
        doom(mail, 554, "5.4.6", "This message has been here before, or passed too many servers: a loop");
    for (size_t i = 0; i < mail->count && !mail->code; i++)
        judge_header(session, &mail->recipients[i], i);
    sort_recipients(session);
    put_body(mail, head_rest(&mail->head));
}

void inbound_answer_content(struct inbound *session)
{
    struct inbound_mail *mail = session->mail;
    sv content = smtp_server_content(session->server);
    if (!mail->head_done) {
        content = sv_from(content, head_put(&mail->head, content));
        if (mail->head.state == HEAD_OPEN)
            return;
        end_header(session);
    }
    if (!mail->code)
        put_body(mail, content);
}

/* ---- The end --------------------------------------------------------------------------------------------
 */

static void judge_content(struct inbound *session, struct inbound_recipient *recipient, size_t index)
{
    struct inbound_mail *mail = session->mail;
    struct guard_question question;
    struct guard_verdict verdict;
    if (recipient->action != GUARD_LATER)
        return;
    ask_again(session, GUARD_CONTENT, recipient, index, &question);
    inbound_decide(session, mail->guard, &question, &verdict);
    if (verdict.action == GUARD_REJECT || verdict.action == GUARD_DEFER)
        doom(mail, verdict.code, verdict.enhanced, verdict.text);
    else if (!same_way(recipient, &verdict.options, verdict.action, verdict.rule))
        doom(mail, 451, "4.3.0", "The message is larger than foreseen: announce its SIZE and try again");
    else
        recipient->action = verdict.action;
}

static void finish(struct inbound *session)
{
    struct inbound_mail *mail = session->mail;
    char text[64];
    snprintf(text, sizeof text, "Ok: queued as %s", mail->batches[0].id);
    if (mail->code)
        inbound_refuse(session, "content", mail->code, mail->enhanced, mail->text);
    else
        smtp_server_accept(session->server, text);
    inbound_forget_mail(session);
    if (session->house->draining)
        smtp_server_close(session->server, 421, "4.3.2", "Shutting down");
}

static void on_committed(void *arg, const struct err *err)
{
    struct inbound_batch *batch = arg;
    struct inbound *session = batch->session;
    struct inbound_mail *mail = session->mail;
    batch->message = NULL;
    mail->waiting--;
    if (err) {
        LOG_ERROR("gateway cannot keep a message", LOG_STR("id", batch->id), LOG_ERR(err));
        if (err->class == ERR_TEMPORARY)
            doom(mail, 452, "4.3.1", "The disk is full, try again later");
        else
            doom(mail, 451, "4.3.0", "The message cannot be kept, try again later");
    }
    if (mail->waiting)
        return;
    finish(session);
    inbound_pump(session);
}

static size_t list_recipients(const struct inbound_mail *mail, size_t batch, struct intake_recipient *ret)
{
    size_t count = 0;
    for (size_t i = 0; i < mail->count; i++) {
        const struct inbound_recipient *recipient = &mail->recipients[i];
        if (recipient->batch == batch)
            ret[count++] = (struct intake_recipient){.address = recipient->target.n ? recipient->target
                                                                                    : recipient->address,
                                                     .orcpt = recipient->orcpt,
                                                     .notify = recipient->notify};
    }
    return count;
}

static enum intake_return intake_ret(enum smtp_return said)
{
    switch (said) {
    case SMTP_RETURN_UNSAID:
        return INTAKE_RETURN_UNSAID;
    case SMTP_RETURN_FULL:
        return INTAKE_RETURN_FULL;
    case SMTP_RETURN_HEADERS:
        return INTAKE_RETURN_HEADERS;
    }
    return INTAKE_RETURN_UNSAID;
}

static void commit(struct inbound *session, size_t index)
{
    struct inbound_mail *mail = session->mail;
    struct inbound_batch *batch = &mail->batches[index];
    const struct inbound_recipient *first = &mail->recipients[batch->first];
    const struct tls_info *tls = stream_tls_info(session->stream);
    struct intake_recipient recipients[SMTP_RECIPIENTS_MAX];
    struct intake_envelope envelope = {
        .id = sv_of(batch->id),
        .sender = sender_of(mail, first),
        .recipients = recipients,
        .recipient_count = list_recipients(mail, index, recipients),
        .envid = mail->envid,
        .ret = intake_ret(mail->said.ret),
        .eight_bit = mail->said.eightbit,
        .utf8 = mail->said.utf8,
        .requiretls = mail->said.requiretls,
        .tls_optional = !mail->said.requiretls && head_tls_optional(&mail->head),
        .held = first->foreseen == GUARD_QUARANTINE,
        .route = sv_of(first->options.route),
        .client_ip = sv_of(session->client_ip),
        .client_name = smtp_server_hello(session->server),
        .account = sv_of(session->account),
        .tls = tls ? sv_of(tls->version) : SV_NONE,
        .rule = sv_of(first->rule),
    };
    const struct ledger line = {
        .id = envelope.id,
        .client = envelope.client_ip,
        .helo = envelope.client_name,
        .listener = sv_of(session->listener),
        .account = envelope.account,
        .certificate = tls ? sv_of(tls->subject) : SV_NONE,
        .tls = envelope.tls,
        .rule = envelope.rule,
        .sender = mail->sender,
        .recipient = first->address,
        .recipients = (int64_t)envelope.recipient_count,
        .bytes = (int64_t)smtp_server_content_bytes(session->server),
    };
    ledger_log("gateway takes a message", &line);
    activity_took(session->house->activity, envelope.client_ip, envelope.account, mail->sender,
                  smtp_server_content_bytes(session->server), loop_now());
    batch->committed = true;
    mail->waiting++;
    intake_commit(batch->message, &envelope, on_committed, batch);
}

void inbound_answer_end(struct inbound *session)
{
    struct inbound_mail *mail = session->mail;
    if (!mail->head_done) {
        head_end(&mail->head);
        end_header(session);
    }
    for (size_t i = 0; i < mail->count && !mail->code; i++)
        judge_content(session, &mail->recipients[i], i);
    if (mail->code) {
        finish(session);
        return;
    }
    session->waiting = true;
    for (size_t i = 0; i < mail->batch_count; i++)
        commit(session, i);
}
