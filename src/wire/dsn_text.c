#include "wire/dsn_private.h"

#include "base/buf.h"

#include <ctype.h>

/* Reports written for people, before RFC 3464 and beside it. Every server has its own words; all of them name
 * the recipient at the start of a line, say why behind it, and put the returned mail last. So the servers are
 * told apart by tables of phrases, and read by one reader. */

enum { LINES_MAX = 2000 };

/* Where the returned mail begins: at the start of a line, whatever dashes stand before it. */
static const char *const RETURNED[] = {
    "below this line is a copy",
    "this is a copy of",
    "this is a copy of the message",
    "the header of the original",
    "below the next line is the top of",
    "message headers follow",
    "message header follows",
    "original message follows",
    "original message headers",
    "original message header",
    "original message",
    "original mail as follows",
    "original mail follows",
    "unsent message follows",
    "unsent message",
    "unsent copy",
    "returned message follows",
    "undelivered message",
    "returned message",
    "the original message was:",
    "the following is a copy of the message",
    "message text follows",
    "copy of your message",
    "a copy of your message",
    "a copy of the original message",
    "your original message",
    "the body of your message",
    "received: from",
    "received: by",
    "received: (qmail",
    "return-path: <",
    "dkim-signature:",
    "---- original",
    "your message reads",
    "message contents follow",
};

/* What is only said of mail that did not arrive. */
static const char *const FAILURES[] = {
    "able to deliver",
    "unable to deliver",
    "not be delivered",
    "cannot be delivered",
    "couldn't be delivered",
    "wasn't delivered",
    "was not delivered",
    "not been delivered",
    "has not been able to deliver",
    "undeliverable",
    "undelivered",
    "failed permanently",
    "failed to deliver",
    "delivery failed",
    "delivery failure",
    "delivery error",
    "delivery problem",
    "permanent fatal error",
    "error delivering",
    "error occurred while trying to deliver",
    "delivery to the following",
    "following recipients was rejected",
    "following recipient(s)",
    "did not reach",
    "not reach the following",
    "could not deliver",
    "couldn't deliver",
    "returned mail",
    "returned to you",
    "message was rejected",
    "mail was rejected",
    "message has been rejected",
    "message you sent was rejected",
    "address(es) failed",
    "addresses failed",
    "address failed",
    "unknown user",
    "user unknown",
    "mailbox full",
    "could not send",
    "was not accepted",
    "can't be delivered",
    "cannot deliver",
    "account is disabled",
    "transcript of session",
    "mail delivery system",
    "could not be processed",
    "doesn't exist",
    "does not exist",
    "duplicated message-id",
    "wasn't able to",
    "unrouteable address",
    "didn't reach",
    "been blocked",
    "refused to accept",
    "as your mail is",
    "because of",
};

static const char *const DELAYS[] = {
    "has been delayed",
    "warning message only",
    "will be retried",
    "will continue to be attempted",
    "will keep trying",
    "will continue to try",
    "not yet been delivered",
    "delivery delayed",
    "no action is required on your part",
    "still being retried",
    "delivery attempts will continue",
    "do not need to resend",
};

static const char *const REPORT_SUBJECTS[] = {
    "undeliver",
    "delivery status",
    "delivery failure",
    "delivery failed",
    "delivery fail",
    "delivery error",
    "delivery problem",
    "delivery report",
    "delivery notif",
    "failure notice",
    "failure notif",
    "failed mail",
    "returned mail",
    "mail delivery",
    "mail system error",
    "mail error",
    "non remis",
    "could not send",
    "not delivered",
    "not be delivered",
    "unable to deliver",
    "could not deliver",
    "message delayed",
    "delayed mail",
    "nondeliverable",
    "non-delivery",
    "nondelivery",
    "message rejected",
    "error sending",
    "mail failure",
    "bounce",
    "bounced",
    "message status",
    "rejected:",
    "permanent delivery",
    "warning: could",
    "unzustellbar",
    "mailer-daemon",
    "message error",
    "dsn:",
    "user unknown",
    "delivery delay",
    "ml server",
    "mail rejected",
    "delivery incomplete",
};

static const char *const ANSWER_SUBJECTS[] = {
    "out of office",
    "out of the office",
    "automatic reply",
    "auto reply",
    "autoreply",
    "auto-reply",
    "autoresponse",
    "auto response",
    "auto:",
    "vacation",
    "away from",
    "on leave",
    "on holiday",
    "abwesenheit",
    "read:",
    "not read:",
    "r\303\251ponse automatique",
    "absence",
};

static const char *const DAEMONS[] = {
    "mailer-daemon",
    "mail-daemon",
    "mailerdaemon",
    "postmaster",
    "mail delivery",
    "mail system",
    "mail administrator",
    "mail router",
    "bounce",
    "microsoftexchange",
    "mdaemon",
    "maildaemon",
    "amazonses",
    "no-reply@sns",
    "mail-deliv",
    "system administrator",
    "post.master",
    "delivery subsystem",
    "noreply",
    "no-reply",
    "admin",
    "mail-admin",
    "mlservice",
    "ml-admin",
    "fml",
    "-request",
    "root@",
};

static bool says_any(sv text, const char *const *phrases, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (sv_ifind(text, sv_of(phrases[i])) != SV_NPOS)
            return true;
    return false;
}
#define SAYS_ANY(text, phrases) says_any(text, phrases, sizeof phrases / sizeof *phrases)

bool dsn_subject_is_report(sv subject)
{
    return SAYS_ANY(subject, REPORT_SUBJECTS);
}

bool dsn_subject_is_answer(sv subject)
{
    return SAYS_ANY(subject, ANSWER_SUBJECTS);
}

bool dsn_sender_is_daemon(sv from)
{
    return SAYS_ANY(from, DAEMONS);
}

enum dsn_kind dsn_text_kind(sv text)
{
    if (SAYS_ANY(text, DELAYS))
        return DSN_DELAYED;
    return SAYS_ANY(text, FAILURES) ? DSN_FAILED : DSN_NOT_A_REPORT;
}

static sv without_ornament(sv line)
{
    line = sv_trim(line);
    while (line.n && strchr("-=*_#>| \t", line.p[0]))
        line = sv_from(line, 1);
    return line;
}

sv dsn_text_report(sv text)
{
    sv rest = text;
    bool said_something = false;
    for (int i = 0; i < LINES_MAX && rest.n; i++) {
        size_t at = (size_t)(rest.p - text.p);
        sv line = without_ornament(sv_split(&rest, '\n'));
        for (size_t k = 0; said_something && k < sizeof RETURNED / sizeof *RETURNED; k++)
            if (sv_istarts(line, sv_of(RETURNED[k])))
                return sv_first(text, at);
        said_something |= line.n > 0;
    }
    return text;
}

/* Words that may stand before the recipient's address on its line. */
static const char *const LABELS[] = {
    "recipient address:",
    "recipient:",
    "recipient",
    "to:",
    "rcpt to:",
    "user:",
    "address:",
    "mail to:",
    "failed recipient:",
    "final-recipient: rfc822;",
    "original-recipient: rfc822;",
    "message to",
    "your message to",
    "your mail to",
    "your email to",
    "the message to",
    "unable to deliver message to:",
    "unable to deliver to:",
    "could not be delivered to:",
    "could not deliver message to:",
    "there was an error delivering your mail to",
    "delivery to",
    "mail to",
    "delivery failed:",
    "undeliverable to",
    "undelivered to:",
    "undeliverable address:",
    "unknown user:",
    "unknown recipient:",
    "failed to deliver to",
    "user mailbox exceeds allowed size:",
    "bad recipient:",
    "invalid recipient:",
    "could not send message to",
    "cannot send message to",
    "the user",
    "smtp:",
    "rfc822;",
    "i couldn't deliver to",
    "wasn't delivered to",
    "message wasn't delivered to",
    "for <",
    "mailbox for",
    "recipients:",
    "email:",
    "e-mail:",
    "the following recipient(s):",
    "550",
    "account",
};

/* The address that this line is about, or none. */
static sv recipient_of(sv line)
{
    int code;
    line = without_ornament(line);
    if (dsn_find_reply(sv_first(line, 4), &code) == 0)
        line = sv_trim(sv_from(line, 4)); /* a line of the dialogue */
    size_t longest = 0;
    for (size_t i = 0; i < sizeof LABELS / sizeof *LABELS; i++) {
        sv label = sv_of(LABELS[i]);
        if (label.n > longest && sv_istarts(line, label))
            longest = label.n;
    }
    sv rest = sv_trim(sv_from(line, longest));
    sv word = rest;
    if (word.n && word.p[0] == '"')
        word = sv_from(word, 1);
    size_t end = 0;
    while (end < word.n && !isspace((unsigned char)word.p[end]))
        end++;
    return dsn_address(sv_first(word, end));
}

static struct dsn_recipient *known(struct dsn *dsn, sv address)
{
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (sv_ieq(sv_of(dsn->recipients[i].final_recipient), address) ||
            sv_ieq(sv_of(dsn->recipients[i].original_recipient), address))
            return &dsn->recipients[i];
    return NULL;
}

static bool is_reporter(const struct dsn *dsn, sv address)
{
    for (size_t i = 0; i < dsn->address_count; i++)
        if (sv_ifind(sv_of(dsn->addresses[i]), address) != SV_NPOS)
            return true;
    return false;
}

static void add_failed(sv failed, enum dsn_kind kind, struct dsn *dsn)
{
    while (failed.n) {
        sv address = dsn_address(sv_split(&failed, ','));
        struct dsn_recipient *recipient = address.n && !known(dsn, address) ? dsn_add(dsn) : NULL;
        if (!recipient)
            continue;
        recipient->kind = kind;
        dsn_copy(recipient->final_recipient, DSN_ADDRESS_MAX, address);
    }
}

static void append(struct dsn_recipient *recipient, sv line)
{
    size_t n = strlen(recipient->told);
    if (n && n + 2 < sizeof recipient->told) {
        recipient->told[n++] = ' ';
        recipient->told[n] = '\0';
    }
    dsn_copy(recipient->told + n, sizeof recipient->told - n, line);
}

static struct dsn_recipient *elsewhere(struct dsn *dsn, sv line, const struct dsn_recipient *here)
{
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        sv address = sv_of(dsn->recipients[i].final_recipient);
        if (&dsn->recipients[i] != here && address.n && sv_ifind(line, address) != SV_NPOS)
            return &dsn->recipients[i];
    }
    return NULL;
}

/* Lines go to the recipient that they follow, or to the one that they name. */
static void read_lines(sv text, enum dsn_kind kind, bool may_add, struct dsn *dsn)
{
    struct dsn_recipient *here = NULL;
    sv rest = text;
    for (int i = 0; i < LINES_MAX && rest.n; i++) {
        sv line = sv_split(&rest, '\n');
        sv address = recipient_of(line);
        struct dsn_recipient *next = address.n ? known(dsn, address) : NULL;
        if (address.n && !next && may_add && !is_reporter(dsn, address)) {
            next = dsn_add(dsn);
            if (next) {
                next->kind = kind;
                dsn_copy(next->final_recipient, DSN_ADDRESS_MAX, address);
            }
        }
        struct dsn_recipient *other = next ? NULL : elsewhere(dsn, line, here);
        if (next)
            here = next;
        else if (other && (other->told[0] || !here))
            here = other;
        if (here)
            append(here, line);
    }
}

void dsn_read_text(sv text, sv failed, enum dsn_kind kind, struct dsn *dsn)
{
    bool had = dsn->recipient_count > 0;
    if (!had)
        add_failed(failed, kind, dsn);
    read_lines(text, kind, !had && dsn->recipient_count == 0, dsn);
    if (dsn->recipient_count == 0) {
        struct dsn_recipient *recipient = dsn_add(dsn);
        recipient->kind = kind;
    }
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (strlen(dsn->recipients[i].told) <= strlen(dsn->recipients[i].final_recipient) + 4)
            append(&dsn->recipients[i], text);
}
