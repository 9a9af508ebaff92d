#include "courier/check_private.h"

#include <stdio.h>

/* --- Does it speak TLS where a greeting was expected? --- */

static bool on_probe_secured(void *arg, const struct tls_info *info, const struct tls_report *tls, nanos took)
{
    struct check *check = arg;
    (void)tls;
    (void)took;
    check->dialogue.speaks_tls = true;
    sv_copy(check->dialogue.probe_version, sizeof check->dialogue.probe_version, sv_of(info->version));
    return false;
}

static void on_probe_ended(void *arg, const struct talk_end *end)
{
    struct check *check = arg;
    bool closed = check->dialogue.closed_words != NULL;
    (void)end;
    if (check->dialogue_over || (!check->dialogue.speaks_tls && !closed))
        return;
    if (!closed && !talk_unanswered(check->dialogue.talk))
        return; /* the greeting did come */
    if (check->dialogue.speaks_tls && check_guess_next(check, CHECK_BANNER)) {
        check_dialogue_again(check);
        return;
    }
    if (check->dialogue.speaks_tls)
        check_find(check, ADVICE_banner_wants_tls, "it speaks TLS (%s) from the first byte at this port",
                   check->dialogue.probe_version);
    else
        check_find(check, ADVICE_banner_closed, "%s", check->dialogue.closed_words);
    check_dialogue_finish(check, "not reached");
}

void check_probe_begin(struct check *check)
{
    static const struct talk_handler handler = {.secured = on_probe_secured, .ended = on_probe_ended};
    struct talk_setup setup;
    check_talk_setup(check, &setup);
    setup.security = SMTP_SECURITY_TLS;
    talk_free(check->dialogue.probe);
    check->dialogue.speaks_tls = false;
    check->dialogue.probe = talk_new(&setup, &handler, check);
}

/* --- Is it of long ago? --- */

static bool on_antique_secured(void *arg, const struct tls_info *info, const struct tls_report *tls,
                               nanos took)
{
    struct check *check = arg;
    (void)tls;
    (void)took;
    check_find_at(check, CHECK_TLS, ADVICE_tls_too_old, NULL, "it speaks no TLS later than %s",
                  info->version);
    return false;
}

static void on_antique_ended(void *arg, const struct talk_end *end)
{
    struct check *check = arg;
    enum check_hop_id hop = CHECK_TLS;
    (void)end;
    if (!check_failed(check, hop))
        check_find_at(check, hop, ADVICE_tls_too_old, NULL, "%s", check->dialogue.tls_words);
    check_dialogue_finish(check, "not reached");
}

void check_antique_begin(struct check *check, const char *words)
{
    static const struct talk_handler handler = {.secured = on_antique_secured, .ended = on_antique_ended};
    struct talk_setup setup;
    struct tls_context *context = tls_antique_context();
    check_talk_setup(check, &setup);
    setup.tls = check->dialogue.antique_context = context;
    check->dialogue.tls_words = check_text(check, sv_of(words));
    check->dialogue.antique = talk_new(&setup, &handler, check);
}

/* --- Does it relay for strangers? --- */

static bool on_relay_secured(void *arg, const struct tls_info *info, const struct tls_report *tls, nanos took)
{
    (void)arg;
    (void)info;
    (void)took;
    return tls && tls->verified && tls->fault == TLS_FAULT_NONE;
}

static void on_relay_ready(void *arg)
{
    struct check *check = arg;
    struct check_dialogue *dialogue = &check->dialogue;
    struct err err;
    dialogue->stranger = (struct smtp_recipient){.address = SV("vedette-relay-test@example.net")};
    const struct smtp_envelope envelope = {
        .sender = SV("vedette-relay-test@example.com"),
        .recipients = &dialogue->stranger,
        .recipient_count = 1,
        .ask_only = true,
    };
    if (dialogue->relay_asked || talk_send(dialogue->relay, &envelope, &err) < 0)
        talk_quit(dialogue->relay);
    dialogue->relay_asked = true;
}

static void on_relay_recipient(void *arg, size_t index, const struct smtp_answer *answer)
{
    struct check *check = arg;
    (void)index;
    check->dialogue.relayed = answer->code / 100 == 2;
}

static void on_relay_ended(void *arg, const struct talk_end *end)
{
    struct check *check = arg;
    (void)end;
    check->dialogue.relay_over = true;
    if (check->dialogue.finishing)
        check_dialogue_finish(check,
                              check->dialogue.over_reason ? check->dialogue.over_reason : "not reached");
}

void check_relay_begin(struct check *check)
{
    static const struct talk_handler handler = {.secured = on_relay_secured,
                                                .ready = on_relay_ready,
                                                .recipient = on_relay_recipient,
                                                .ended = on_relay_ended};
    struct talk_setup setup;
    if (!check->request.ask_relay || !check->request.sender || check->dialogue.relay)
        return;
    check_talk_setup(check, &setup);
    check->dialogue.relay = talk_new(&setup, &handler, check);
}

void check_relay_tell(struct check *check)
{
    if (!check->dialogue.relayed)
        return;
    check->dialogue.relayed = false;
    if (address_is_loopback(&check->address))
        check_fact(check, CHECK_RCPT, "it relays for this machine without a login");
    else
        check_find(
            check, ADVICE_rcpt_open_relay,
            "an open relay, at least for this machine: without a login it takes mail from example.com to "
            "example.net");
}
