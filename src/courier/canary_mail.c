#include "courier/canary_mail.h"

#include "wire/mail_trace.h"

#include <assert.h>
#include <stdio.h>

/* With a link, for the sake of those who rewrite links. */
static void put_body(const struct canary_mail *mail, struct buf *out)
{
    char when[40];
    int put =
        buf_printf(out,
                   "Content-Type: text/plain; charset=us-ascii\r\n\r\n"
                   "This is a test of Vedette: nothing happened, and nobody needs to do anything.\r\n\r\n"
                   "It was sent over the gateway \"%s\" by Vedette on %s at %s,\r\n"
                   "which now waits for it to arrive in this mailbox. When it does not, those who\r\n"
                   "receive the alerts are told.\r\n\r\n"
                   "A link, to see whether links are changed on the way:\r\n"
                   "https://www.example.org/vedette?canary=%s\r\n\r\n"
                   "Where Vedette cannot see this mailbox you can tell it that this has arrived:\r\n"
                   "vedette landing confirm %s\r\n",
                   mail->gateway->name, mail->config->hostname, time_rfc3339(mail->now, when, sizeof when),
                   mail->token, mail->token);
    assert(put == 0);
}

void canary_mail_write(const struct canary_mail *mail, char ret_message_id[static CANARY_MESSAGE_ID_MAX],
                       struct buf *out)
{
    char date[40];
    const char *sender = mail->gateway->sender ? mail->gateway->sender : mail->config->sender;
    struct buf body = BUF_INIT(CANARY_MAIL_BYTES_MAX);
    put_body(mail, &body);
    snprintf(ret_message_id, CANARY_MESSAGE_ID_MAX, "<canary.%s@%s>", mail->token, mail->config->hostname);
    int put =
        buf_printf(out,
                   "From: Vedette <%.*s>\r\nTo: <%.*s>\r\n"
                   "Subject: Vedette canary over %s\r\nDate: %s\r\nMessage-ID: %s\r\n"
                   "Auto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"
                   "X-Vedette-Canary: %s\r\nMIME-Version: 1.0\r\n",
                   SV_ARG(config_mailbox_address(sender)),
                   SV_ARG(config_mailbox_address(mail->gateway->landing.recipient)), mail->gateway->name,
                   time_rfc5322(mail->now, date, sizeof date), ret_message_id, mail->token);
    put |= mail_trace_put_mark(out, buf_view(&body));
    put |= buf_put(out, buf_view(&body));
    assert(put == 0);
    buf_free(&body);
}
