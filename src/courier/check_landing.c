#include "courier/check_private.h"

#include "courier/message_id.h"
#include "courier/queue_id.h"
#include "wire/mail_trace.h"

#include <assert.h>
#include <stdio.h>

enum { MESSAGE_BYTES_MAX = 8 * 1024, BODY_BYTES_MAX = 2 * 1024 };

static const nanos LANDING_TIMEOUT = 60 * NANOS_PER_SECOND;

/* --- The test message --- */

static bool is_watched(const struct check *check)
{
    return config_postbox_present(&check->request.gateway.landing.box);
}

/* Whose mailbox can be looked into, else the first. */
static sv recipient_of(const struct check *check)
{
    const char *watched = check->request.gateway.landing.recipient;
    return is_watched(check) && watched ? config_mailbox_address(watched)
                                        : sv_of(check->request.recipients[0]);
}

static void put_body(struct check *check, const char *token, struct buf *to)
{
    int failed =
        buf_printf(to,
                   "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
                   "This is a test of the way that alerts take. Nothing has happened, and nothing is to "
                   "be done.\r\n\r\nGateway: %s port %d\r\nToken: %s\r\n",
                   check->request.gateway.address, check->report.port, token);
    assert(!failed);
}

static void compose(struct check *check)
{
    char date[40], token[STORE_TOKEN_MAX];
    struct buf *to = &check->dialogue.message, body = BUF_INIT(BODY_BYTES_MAX);
    *to = BUF_INIT(MESSAGE_BYTES_MAX);
    token_make(token);
    put_body(check, token, &body);
    snprintf(check->landing.message_id, sizeof check->landing.message_id, "<test.%s@%.200s>", token,
             check->helo);
    int failed =
        buf_printf(to,
                   "From: Vedette <%.320s>\r\nTo: <%.*s>\r\nSubject: Vedette: test of the mail path\r\n"
                   "Date: %s\r\nMessage-ID: %s\r\nAuto-Submitted: auto-generated\r\n"
                   "X-Vedette-Test: %s\r\n",
                   check->request.sender, SV_ARG(sv_first(recipient_of(check), 320)),
                   time_rfc5322(loop_now(), date, sizeof date), check->landing.message_id, token);
    failed |= mail_trace_put_mark(to, buf_view(&body));
    failed |= buf_put(to, SV("MIME-Version: 1.0\r\n")) | buf_put(to, buf_view(&body));
    assert(!failed);
    buf_free(&body);
}

void check_send_begin(struct check *check)
{
    struct check_dialogue *dialogue = &check->dialogue;
    struct err err;
    dialogue->sent = true;
    check_end(check, CHECK_RCPT);
    check_begin(check, CHECK_DATA);
    compose(check);
    dialogue->recipients[0].address = recipient_of(check);
    const struct smtp_envelope envelope = {
        .sender = sv_of(check->request.sender),
        .recipients = dialogue->recipients,
        .recipient_count = 1,
        .content = buf_view(&dialogue->message),
    };
    if (talk_send(dialogue->talk, &envelope, &err) == 0)
        return;
    check_find(check, ADVICE_data_address, "%s", err.cause);
    dialogue->over_reason = "not reached";
    talk_quit(dialogue->talk);
}

/* --- Where it lands --- */

/* "mail.example.org by ESMTPS, inbox.example.org by LMTP: 2 s by their clocks" */
static void list_hops(const struct mail_trace *trace, char *text, size_t cap)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < trace->hop_count && n + 1 < cap; i++) {
        const struct mail_trace_hop *hop = &trace->hops[i];
        if (i)
            n += sv_copy(text + n, cap - n, SV(", "));
        n += sv_copy(text + n, cap - n, *hop->by ? sv_of(hop->by) : SV("somebody"));
        if (*hop->with) {
            n += sv_copy(text + n, cap - n, SV(" by "));
            n += sv_copy(text + n, cap - n, sv_of(hop->with));
        }
    }
    if (trace->hop_count < 2 || n + 40 >= cap)
        return;
    nanos first = trace->hops[0].at, last = trace->hops[trace->hop_count - 1].at;
    if (first && last)
        snprintf(text + n, cap - n, ": %lld s by their clocks",
                 (long long)((last - first) / NANOS_PER_SECOND));
}

static void tell_way(struct check *check, const struct mail_trace *trace)
{
    char hops[600];
    size_t clear = 0;
    list_hops(trace, hops, sizeof hops);
    for (size_t i = 0; i < trace->hop_count; i++)
        clear += trace->hops[i].tls == MAIL_TRACE_TLS_NO;
    if (clear)
        check_find(check, ADVICE_landing_in_clear, "%zu of %zu hops on its way were without TLS (%s)", clear,
                   trace->hop_count, hops);
    else if (trace->hop_count)
        check_fact(check, CHECK_LANDING, "it came over %s", hops);
    else
        check_fact(check, CHECK_LANDING, "it bears no Received fields");
    bool failed = sv_ieq(sv_of(trace->spf), SV("fail")) || sv_ieq(sv_of(trace->dkim), SV("fail")) ||
                  sv_ieq(sv_of(trace->dmarc), SV("fail"));
    const char *spf = *trace->spf ? trace->spf : "not told", *dkim = *trace->dkim ? trace->dkim : "not told";
    const char *dmarc = *trace->dmarc ? trace->dmarc : "not told";
    if (failed)
        check_find(check, ADVICE_landing_not_authentic, "its receiver says: spf %s, dkim %s, dmarc %s", spf,
                   dkim, dmarc);
    else if (*trace->authserv)
        check_fact(check, CHECK_LANDING, "its receiver says: spf %s, dkim %s, dmarc %s", spf, dkim, dmarc);
    if (trace->body == MAIL_TRACE_BODY_CHANGED)
        check_find(check, ADVICE_landing_changed, "its content was altered (%.100s)", trace->changed);
}

static void finish(struct check *check)
{
    check->landing.waiting = false;
    loop_timer_cancel(check->landing.limit);
    check_end(check, CHECK_LANDING);
}

static void on_mail(void *arg, const struct postbox_mail *mail)
{
    struct check *check = arg;
    struct mail_trace trace;
    if (!check->landing.waiting || !sv_eq(message_id_find(mail->content), sv_of(check->landing.message_id)))
        return;
    mail_trace_read(mail->content, &trace);
    double seconds = (double)(loop_monotonic() - check->landing.sent_at) / (double)NANOS_PER_SECOND;
    if (mail->junk || trace.called_junk)
        check_find(check, ADVICE_landing_junk, "landed as junk in %.*s after %.1f s",
                   SV_ARG(sv_first(mail->folder, 80)), seconds);
    else
        check_fact(check, CHECK_LANDING, "landed in %.*s after %.1f s", SV_ARG(sv_first(mail->folder, 80)),
                   seconds);
    tell_way(check, &trace);
    finish(check);
}

static void on_trouble(void *arg, const struct err *err)
{
    struct check *check = arg;
    if (!err || !check->landing.waiting)
        return;
    check_find(check, ADVICE_landing_unreadable, "%s", err->cause);
    finish(check);
}

static void on_limit(void *arg)
{
    struct check *check = arg;
    check_find(check, ADVICE_landing_missing, "not landed after %.0f s",
               (double)(loop_monotonic() - check->landing.sent_at) / (double)NANOS_PER_SECOND);
    finish(check);
}

static void wait_for_landing(struct check *check)
{
    static const struct postbox_handler handler = {on_mail, on_trouble};
    struct check_landing *landing = &check->landing;
    nanos limit = check->request.landing_timeout ? check->request.landing_timeout : LANDING_TIMEOUT;
    const struct postbox_setup setup = {check->loop, check->request.keeper,
                                        &check->request.gateway.landing.box};
    landing->waiting = true;
    landing->sent_at = loop_monotonic();
    check_begin(check, CHECK_LANDING);
    landing->limit = loop_timer_new(check->loop, on_limit, check);
    loop_timer_set(landing->limit, limit);
    landing->postbox = postbox_new(&setup, &handler, check);
    postbox_expect(landing->postbox, loop_now() + limit);
}

void check_landing_stop(struct check *check)
{
    postbox_free(check->landing.postbox);
    check->landing.postbox = NULL;
    loop_timer_free(check->landing.limit);
    check->landing.limit = NULL;
}

void check_send_told(struct check *check, const struct smtp_answer *answer, enum smtp_stage stage)
{
    char words[300];
    if (answer->code / 100 != 2) {
        check_refused(check, CHECK_DATA, stage, answer, NULL);
        check->dialogue.over_reason = "not reached";
    } else {
        check->report.queue_id = check_text(check, queue_id_find(sv_of(answer->text)));
        check_fact(check, CHECK_DATA, "taken: %s", check_words(check, answer, words, sizeof words));
        check->dialogue.over_reason =
            "taken is not landed: look into the mailbox, or have landing watch it (vedette help config)";
        if (is_watched(check))
            wait_for_landing(check);
    }
    check_end(check, CHECK_DATA);
}
