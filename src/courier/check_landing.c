#include "courier/check_private.h"

#include "courier/queue_id.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>

enum { MESSAGE_BYTES_MAX = 8 * 1024 };

/* --- The test message --- */

static void make_token(char *token, size_t cap)
{
    unsigned char bytes[12];
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2hex(token, cap, bytes, sizeof bytes);
}

static void compose(struct check *check)
{
    struct buf *to = &check->dialogue.message;
    char date[40];
    *to = BUF_INIT(MESSAGE_BYTES_MAX);
    make_token(check->dialogue.token, sizeof check->dialogue.token);
    int failed = buf_printf(to,
                            "From: Vedette <%s>\r\nTo: <%s>\r\nSubject: Vedette: test of the mail path\r\n"
                            "Date: %s\r\nMessage-ID: <test.%s@%s>\r\nAuto-Submitted: auto-generated\r\n"
                            "X-Vedette-Test: %s\r\nMIME-Version: 1.0\r\n"
                            "Content-Type: text/plain; charset=us-ascii\r\n\r\n",
                            check->request.sender, check->request.recipients[0],
                            time_rfc5322(loop_now(), date, sizeof date), check->dialogue.token, check->helo,
                            check->dialogue.token);
    failed |=
        buf_printf(to,
                   "This is a test of the way that alerts take. Nothing has happened, and nothing is to "
                   "be done.\r\n\r\nGateway: %s port %d\r\nToken: %s\r\n",
                   check->request.gateway.address, check->report.port, check->dialogue.token);
    assert(!failed);
}

void check_send_begin(struct check *check)
{
    struct check_dialogue *dialogue = &check->dialogue;
    struct err err;
    dialogue->sent = true;
    check_end(check, CHECK_RCPT);
    check_begin(check, CHECK_DATA);
    compose(check);
    dialogue->recipients[0].address = sv_of(check->request.recipients[0]);
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

void check_send_told(struct check *check, const struct smtp_answer *answer, enum smtp_stage stage)
{
    char words[300];
    (void)stage;
    if (answer->code / 100 != 2) {
        check_refused(check, CHECK_DATA, SMTP_STAGE_DOT, answer, NULL);
        check->dialogue.over_reason = "not reached";
    } else {
        check->report.queue_id = check_text(check, queue_id_find(sv_of(answer->text)));
        check_fact(check, CHECK_DATA, "taken: %s", check_words(check, answer, words, sizeof words));
        check->dialogue.over_reason = "no landing configured";
    }
    check_end(check, CHECK_DATA);
}
