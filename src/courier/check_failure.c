#include "courier/check_private.h"

/* Another attempt is made in place of this one: what was not told yet is forgotten. */
void check_dialogue_again(struct check *check)
{
    for (size_t i = 0; i < CHECK_HOP_COUNT; i++)
        if (i != CHECK_NAME && i != CHECK_ROUTE && !check->ended[i])
            check->report.hops[i].note_count = 0;
    check->report.has_tls = false;
    loop_timer_set(check->step, 0);
}

void check_dialogue_finish(struct check *check, const char *reason)
{
    struct check_dialogue *dialogue = &check->dialogue;
    loop_timer_cancel(dialogue->patience);
    if (dialogue->relay && !dialogue->relay_over) {
        dialogue->finishing = true;
        return;
    }
    check_relay_tell(check);
    if (dialogue->rcpt_skipped)
        check_skip(check, CHECK_RCPT, dialogue->rcpt_skipped);
    check_dialogue_is_over(check, reason);
}

static bool is_tls_bytes(sv first)
{
    return first.n >= 3 && (first.p[0] == 0x15 || first.p[0] == 0x16) && first.p[1] == 3;
}

static const char *protocol_of(sv first)
{
    static const struct {
        const char *start, *name;
    } known[] = {{"SSH-", "SSH"}, {"HTTP/", "HTTP"}, {"+OK", "POP3"},   {"* OK", "IMAP"},
                 {"RFB ", "VNC"}, {"<html", "HTTP"}, {"<!DOC", "HTTP"}, {"* BYE", "IMAP"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sv_istarts(first, sv_of(known[i].start)))
            return known[i].name;
    return NULL;
}

static void banner_failed(struct check *check, enum advice_silence how, const struct talk_end *end)
{
    const char *protocol = protocol_of(end->first);
    if (check->dialogue.speaks_tls || is_tls_bytes(end->first))
        check_find(check, ADVICE_banner_wants_tls, "it speaks TLS from the first byte at this port");
    else if (protocol)
        check_find(check, ADVICE_banner_other_protocol, "it speaks %s and not SMTP", protocol);
    else if (how == ADVICE_SILENT && end->flow.out_of_order)
        check_find(check, ADVICE_banner_lost, "it greets, and the greeting is lost on the way");
    else
        check_find(check, advice_of_silence(CHECK_BANNER, how), "%s", end->err->cause);
}

static void silence(struct check *check, enum check_hop_id hop, enum advice_silence how,
                    const struct talk_end *end)
{
    bool tls = end->stage == SMTP_STAGE_TLS;
    if (hop == CHECK_BANNER)
        banner_failed(check, how, end);
    else if (tls && (check_reach_big_lost(check) || end->flow.out_of_order))
        check_find_at(check, hop, ADVICE_tls_big_lost, NULL,
                      "%s in the handshake, and big packets are lost (path MTU)", end->err->cause);
    else if (how == ADVICE_SILENT && end->flow.unacknowledged)
        check_find_at(check, hop, tls ? ADVICE_tls_lost : ADVICE_ehlo_lost, NULL,
                      "%s, not even for the packet that we sent", end->err->cause);
    else if (tls)
        check_find_at(check, hop, ADVICE_tls_silent, NULL, "%s in the handshake", end->err->cause);
    else if (hop == CHECK_AUTH && how == ADVICE_MALFORMED && end->answer->code == 235)
        check_find(check, ADVICE_auth_unproven, "%s", end->err->cause);
    else
        check_find_at(check, hop, advice_of_silence(hop, how), NULL, "%s", end->err->cause);
}

/* We do not go on. */
static void ours(struct check *check, const struct talk_end *end)
{
    if (check_takes_tls_now(check) && check->dialogue.masked)
        check_find(check, ADVICE_starttls_stripped, "STARTTLS is overwritten with X's on the way");
    else if (check_takes_tls_now(check))
        check_find(check, ADVICE_starttls_not_offered, "STARTTLS is not offered");
    else if (end->stage == SMTP_STAGE_EHLO)
        check_find(check, ADVICE_auth_not_offered, "%s", end->err->cause);
    else
        check_find_at(check, CHECK_AUTH,
                      check->dialogue.auth_begun ? ADVICE_auth_unproven : ADVICE_auth_no_mechanism, NULL,
                      "%s", end->err->cause);
}

static void tls_failed(struct check *check, enum check_hop_id hop, const struct talk_end *end)
{
    enum advice advice = advice_of_tls_failure(end->failure);
    if (end->stage == SMTP_STAGE_EHLO && end->failure == TLS_FAILURE_CLIENT_CERTIFICATE)
        advice = ADVICE_ehlo_client_certificate;
    else if (end->stage == SMTP_STAGE_BANNER)
        advice = end->failure == TLS_FAILURE_CLIENT_CERTIFICATE ? ADVICE_tls_client_certificate
                                                                : ADVICE_banner_tls_handshake;
    check_find_at(check, hop, advice, NULL, "%s", end->err->cause);
}

static void tell_failure(struct check *check, const struct talk_end *end)
{
    enum check_hop_id hop = check_hop_of(end->stage);
    check_begin(check, hop);
    switch (end->outcome) {
    case TALK_DONE:
    case TALK_UNCONNECTED:
        break;
    case TALK_REFUSED:
        check_refused(check, hop, end->stage, end->answer, NULL);
        break;
    case TALK_CLOSED:
        silence(check, hop, ADVICE_CLOSED, end);
        break;
    case TALK_SILENT:
        silence(check, hop, ADVICE_SILENT, end);
        break;
    case TALK_MALFORMED:
        silence(check, hop, ADVICE_MALFORMED, end);
        break;
    case TALK_INJECTED:
        check->report.hops[CHECK_STARTTLS].note_count = 0;
        check_find(check, ADVICE_starttls_injected, "%s", end->err->cause);
        break;
    case TALK_TLS:
        tls_failed(check, hop, end);
        break;
    case TALK_OURS:
        ours(check, end);
        break;
    }
}

/* True when the failure is not told, since something else is tried. */
static bool tries_on(struct check *check, const struct talk_end *end)
{
    check->dialogue.tls_failure = end->failure;
    bool in_clear = end->outcome == TALK_OURS && check_takes_tls_now(check) && check->guessing &&
                    !check->dialogue.masked && !check->request.security_given;
    if (in_clear) {
        check_set_security(check, SMTP_SECURITY_NONE);
        check_dialogue_again(check);
        return true;
    }
    if (end->outcome != TALK_DONE && end->outcome != TALK_UNCONNECTED && end->outcome != TALK_REFUSED &&
        check_guess_next(check, check_hop_of(end->stage))) {
        check_dialogue_again(check);
        return true;
    }
    if (end->outcome == TALK_TLS && end->failure == TLS_FAILURE_TOO_OLD) {
        check_antique_begin(check, end->err->cause);
        return true;
    }
    /* Closed without a word: was it waiting for TLS? */
    if (end->stage == SMTP_STAGE_BANNER && end->outcome == TALK_CLOSED && !check->dialogue.probe &&
        end->first.n == 0 && check->report.security != SMTP_SECURITY_TLS) {
        check->dialogue.closed_words = check_text(check, sv_of(end->err->cause));
        check_probe_begin(check);
        return true;
    }
    return false;
}

/* A first attempt may have connected, and the next one not. */
static void unconnected(struct check *check, const struct talk_end *end)
{
    if (!check->ended[CHECK_CONNECT]) {
        check_reach_dial_failed(check);
        return;
    }
    enum check_hop_id hop = check->ended[CHECK_BANNER] ? CHECK_EHLO : CHECK_BANNER;
    if (check_guess_next(check, hop)) {
        check_dialogue_again(check);
        return;
    }
    check_find(check, advice_of_silence(hop, ADVICE_CLOSED), "it connected once, and now: %s",
               end->err->cause);
    check_dialogue_finish(check, "not reached");
}

void check_dialogue_ended(void *arg, const struct talk_end *end)
{
    struct check *check = arg;
    loop_timer_cancel(check->dialogue.patience);
    if (end->outcome == TALK_UNCONNECTED) {
        unconnected(check, end);
        return;
    }
    if (tries_on(check, end))
        return;
    tell_failure(check, end);
    check_dialogue_finish(check, end->outcome == TALK_DONE && check->dialogue.over_reason
                                     ? check->dialogue.over_reason
                                     : "not reached");
}
