#include "courier/cause_words.h"

#include <assert.h>

enum { ANY = -1 };

/* Statuses that mean one thing, whoever says them; read before what cause.c takes from general words. */
static const struct {
    int enhanced[3];
    enum cause cause;
} STATUSES[] = {
    {{ANY, 7, 25}, CAUSE_REPUTATION},
    {{ANY, 7, 606}, CAUSE_REPUTATION},
    {{ANY, 7, 650}, CAUSE_REPUTATION},
    {{ANY, 7, 20}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 21}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 22}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 23}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 24}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 26}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 27}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 509}, CAUSE_SENDER_AUTHENTICATION},
    {{ANY, 7, 515}, CAUSE_SENDER_AUTHENTICATION},
    {{5, 7, 13}, CAUSE_RECIPIENT},
    {{5, 1, 6}, CAUSE_RECIPIENT},
    {{ANY, 1, 2}, CAUSE_DNS},
    {{ANY, 4, 312}, CAUSE_DNS},
    {{ANY, 4, 316}, CAUSE_ROUTING},
    {{ANY, 4, 7}, CAUSE_ROUTING},
    {{5, 4, 14}, CAUSE_ROUTING},
    {{ANY, 2, 2}, CAUSE_MAILBOX_FULL},
    {{5, 3, 4}, CAUSE_SIZE},
};

/* When neither words nor cause.c know more. */
static const struct {
    int enhanced[3];
    enum cause cause;
} REMAINDER[] = {
    {{5, 1, 0}, CAUSE_RECIPIENT},  {{5, 2, 0}, CAUSE_RECIPIENT},  {{ANY, 7, 6}, CAUSE_TLS},
    {{5, 7, 0}, CAUSE_REPUTATION}, {{5, 7, 1}, CAUSE_REPUTATION}, {{5, 4, 0}, CAUSE_ROUTING},
};

static bool bears(const int status[static 3], const int row[static 3])
{
    bool class = row[0] == ANY ? status[0] == 4 || status[0] == 5 : status[0] == row[0];
    return class && status[1] == row[1] && status[2] == row[2];
}

static bool of_general_words(sv text, struct cause_told *ret)
{
    struct cause_told told = cause_of_phrase(text);
    if (told.cause != CAUSE_UNKNOWN)
        *ret = told;
    return told.cause != CAUSE_UNKNOWN;
}

static bool of_status(const int status[static 3], struct cause_told *ret)
{
    for (size_t i = 0; i < sizeof STATUSES / sizeof *STATUSES; i++) {
        if (!bears(status, STATUSES[i].enhanced))
            continue;
        *ret = cause_tell(STATUSES[i].cause, NULL);
        return true;
    }
    return false;
}

static struct cause_told of_codes(const struct dsn_recipient *recipient)
{
    struct smtp_answer answer = {.code = recipient->code};
    memcpy(answer.enhanced, recipient->status, sizeof answer.enhanced);
    enum smtp_stage stage = recipient->stage < 0 ? SMTP_STAGE_CLOSED : (enum smtp_stage)recipient->stage;
    struct cause_told told = cause_of_answer(stage, &answer);
    for (size_t i = 0; told.cause == CAUSE_UNKNOWN && i < sizeof REMAINDER / sizeof *REMAINDER; i++)
        if (bears(recipient->status, REMAINDER[i].enhanced))
            told = cause_tell(REMAINDER[i].cause, NULL);
    return told;
}

/* A server that does not let the other one begin means its address or its name. */
static bool of_greeting(const struct dsn_recipient *recipient, struct cause_told *ret)
{
    if ((recipient->stage != SMTP_STAGE_BANNER && recipient->stage != SMTP_STAGE_EHLO) ||
        recipient->code < 500)
        return false;
    *ret = cause_tell(CAUSE_REPUTATION, NULL);
    return true;
}

/* NTT docomo takes the recipient and refuses the mail as for an unknown one: its filter for senders. */
static bool of_late_refusal(const struct dsn_recipient *recipient, struct cause_told *ret)
{
    if (recipient->stage != SMTP_STAGE_DOT || !cause_says(sv_of(recipient->said), "unknown user") ||
        sv_ifind(sv_of(recipient->told), SV("docomo")) == SV_NPOS)
        return false;
    *ret = cause_tell(CAUSE_SENDER_POLICY, "have the recipient's filter let mail from this sender through");
    return true;
}

static bool of_denial(const struct dsn_recipient *recipient, struct cause_told *ret)
{
    sv said = sv_of(recipient->said);
    if (!cause_says(said, "access denied") || cause_says(said, "relay") ||
        (recipient->status[1] != 7 && !cause_says(said, "5.7.1")))
        return false;
    *ret = recipient->stage == SMTP_STAGE_MAIL
               ? cause_tell(CAUSE_SENDER_POLICY, NULL)
               : cause_tell(CAUSE_AUTHENTICATION, "ask the recipient's mail server why it denies access");
    return true;
}

/* Google says in the reader's language, whichever that is, that the group is not there or not for us. */
static bool of_group(const struct dsn_recipient *recipient, struct cause_told *ret)
{
    if (!sv_iends(sv_of(recipient->final_recipient), SV("@googlegroups.com")) || recipient->code)
        return false;
    *ret = cause_tell(CAUSE_SENDER_POLICY, "have the group let this sender post, or check its address");
    return true;
}

struct cause_told cause_of_report(const struct dsn_recipient *recipient)
{
    assert(recipient);
    struct cause_told told;
    sv said = sv_of(recipient->said), more = sv_of(recipient->told);
    if (cause_of_words(said, &told) || of_status(recipient->status, &told) || of_denial(recipient, &told) ||
        of_late_refusal(recipient, &told) || of_general_words(said, &told) || cause_of_words(more, &told) ||
        of_general_words(more, &told) || of_greeting(recipient, &told) || cause_of_giving_up(said, &told) ||
        cause_of_giving_up(more, &told) || of_group(recipient, &told))
        return told;
    told = of_codes(recipient);
    if (told.cause == CAUSE_UNKNOWN)
        (void)(cause_of_loose_words(said, &told) || cause_of_loose_words(more, &told));
    if (told.cause == CAUSE_UNKNOWN && cause_says(said, "does not exist"))
        return cause_tell(CAUSE_DNS, NULL);
    return told;
}
