#include "courier/check_private.h"

#include <stdio.h>

/* --- The account --- */

static bool has_word(sv words, sv wanted)
{
    for (sv word = sv_word(&words); word.n; word = sv_word(&words))
        if (sv_ieq(word, wanted))
            return true;
    return false;
}

/* Tells auth. False: the walk ends here. */
static bool auth_ready(struct check *check)
{
    const struct config_gateway *gateway = &check->request.gateway;
    const char *offered = *check->report.mechanisms ? check->report.mechanisms : "none";
    sv clear = sv_of(check->dialogue.clear_mechanisms);
    if (!address_is_loopback(&check->address) &&
        (has_word(clear, SV("PLAIN")) || has_word(clear, SV("LOGIN"))))
        check_find(check, ADVICE_auth_offered_clear,
                   "it asks for passwords in the clear: AUTH %.*s without TLS", SV_ARG(clear));
    if (gateway->username && check->report.security == SMTP_SECURITY_NONE) {
        check_find(check, ADVICE_auth_clear, "the account %s is not tried in the clear (offered: %s)",
                   gateway->username, offered);
        return false;
    }
    if (check->dialogue.auth_begun)
        check_fact(check, CHECK_AUTH, "%s is accepted by %s (offered: %s)", gateway->username,
                   check->dialogue.mechanism, offered);
    else if (gateway->username && !*check->report.mechanisms)
        check_find(check, ADVICE_auth_not_offered, "the gateway does not offer AUTH");
    else if (gateway->username)
        check_fact(check, CHECK_AUTH, "%s is not tried: no password is at hand (offered: %s)",
                   gateway->username, offered);
    else if (*check->report.mechanisms)
        check_fact(check, CHECK_AUTH, "no account is configured (offered: %s)", offered);
    check_skip(check, CHECK_AUTH, "no account is configured");
    return true;
}

/* --- Sender and recipients --- */

static bool asks_recipients(const struct check *check)
{
    return check->request.ask_recipients && check->request.recipient_count;
}

static void leave(struct check *check, const char *reason)
{
    if (!check->dialogue.over_reason)
        check->dialogue.over_reason = reason;
    talk_quit(check->dialogue.talk);
}

static void fill_recipients(struct check *check)
{
    for (size_t i = 0; i < check->request.recipient_count && i < CHECK_RECIPIENTS_MAX; i++)
        check->dialogue.recipients[i].address = sv_of(check->request.recipients[i]);
}

/* The envelope is not fit: is it the sender? */
static void tell_unfit(struct check *check, const struct err *err)
{
    bool sender = sv_find(sv_of(err->cause), SV("sender")) != SV_NPOS;
    check_find_at(check, sender ? CHECK_MAIL : CHECK_RCPT, sender ? ADVICE_mail_address : ADVICE_rcpt_address,
                  NULL, "%s", err->cause);
}

static void ask(struct check *check)
{
    struct err err;
    check->dialogue.asked = true;
    check_begin(check, CHECK_MAIL);
    fill_recipients(check);
    size_t count = asks_recipients(check) ? check->request.recipient_count : 0;
    const struct smtp_envelope envelope = {
        .sender = sv_of(check->request.sender),
        .recipients = check->dialogue.recipients,
        .recipient_count = count < CHECK_RECIPIENTS_MAX ? count : CHECK_RECIPIENTS_MAX,
        .ask_only = true,
        .ask_size = CHECK_ASK_BYTES,
    };
    if (talk_send(check->dialogue.talk, &envelope, &err) == 0)
        return;
    tell_unfit(check, &err);
    leave(check, "not reached");
}

void check_mail_ready(struct check *check)
{
    struct check_dialogue *dialogue = &check->dialogue;
    if (!dialogue->asked) {
        if (!auth_ready(check)) {
            leave(check, "not reached");
            return;
        }
        if (!check->request.sender) {
            leave(check, "no sender is given");
            return;
        }
        check_relay_begin(check);
        ask(check);
        return;
    }
    if (check->request.send && !dialogue->sent && !dialogue->mail_failed && dialogue->refused == 0) {
        check_send_begin(check);
        return;
    }
    leave(check,
          dialogue->mail_failed || dialogue->refused ? "not reached" : "nothing is sent without --send");
}

void check_mail_recipient(struct check *check, size_t index, const struct smtp_answer *answer)
{
    char words[300];
    struct check_dialogue *dialogue = &check->dialogue;
    if (dialogue->sent)
        return; /* asked before */
    check_begin(check, CHECK_RCPT);
    check->recipient = check->request.recipients[index];
    if (answer->code / 100 != 2) {
        dialogue->refused++;
        check_refused(check, CHECK_RCPT, SMTP_STAGE_RCPT, answer, check->recipient);
    } else if (dialogue->accepted++ < CHECK_NOTES_MAX / 4) {
        check_fact(check, CHECK_RCPT, "%s: %s", check->recipient,
                   check_words(check, answer, words, sizeof words));
    }
}

static void tell_asked(struct check *check, const struct smtp_answer *answer, enum smtp_stage stage)
{
    struct check_dialogue *dialogue = &check->dialogue;
    if (stage == SMTP_STAGE_MAIL && answer->code / 100 != 2) {
        dialogue->mail_failed = true;
        check_refused(check, CHECK_MAIL, SMTP_STAGE_MAIL, answer, check->request.sender);
        check_end(check, CHECK_MAIL);
        return;
    }
    check_fact(check, CHECK_MAIL, "%s may send", check->request.sender);
    check_end(check, CHECK_MAIL);
    if (!asks_recipients(check))
        check->dialogue.rcpt_skipped =
            check->request.recipient_count ? "not asked, as wanted" : "no recipient is given";
    else if (dialogue->refused && dialogue->accepted)
        check_fact(check, CHECK_RCPT, "%zu of %zu recipients are accepted", dialogue->accepted,
                   dialogue->accepted + dialogue->refused);
}

void check_mail_sent(struct check *check, const struct smtp_answer *answer, enum smtp_stage stage)
{
    if (check->dialogue.sent)
        check_send_told(check, answer, stage);
    else
        tell_asked(check, answer, stage);
}
