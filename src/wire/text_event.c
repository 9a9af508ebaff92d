#include "wire/text_event.h"

#include "wire/text_private.h"

static const struct names programs = {
    .by_length = {
        [2] = NAMES(NAME("su", TEXT_SU)),
        [4] = NAMES(NAME("sshd", TEXT_SSHD), NAME("sudo", TEXT_SUDO), NAME("cron", TEXT_CRON),
                    NAME("CRON", TEXT_CRON)),
        [5] = NAMES(NAME("audit", TEXT_AUDITD), NAME("crond", TEXT_CRON), NAME("chage", TEXT_ACCOUNT)),
        [6] = NAMES(NAME("auditd", TEXT_AUDITD), NAME("passwd", TEXT_ACCOUNT)),
        [7] =
            NAMES(NAME("useradd", TEXT_ACCOUNT), NAME("usermod", TEXT_ACCOUNT), NAME("userdel", TEXT_ACCOUNT),
                  NAME("gpasswd", TEXT_ACCOUNT), NAME("audispd", TEXT_AUDITD), NAME("crontab", TEXT_CRON)),
        [8] = NAMES(NAME("groupadd", TEXT_ACCOUNT), NAME("groupmod", TEXT_ACCOUNT),
                    NAME("groupdel", TEXT_ACCOUNT), NAME("chpasswd", TEXT_ACCOUNT)),
        [9] = NAMES(NAME("sshd-auth", TEXT_SSHD)),
        [12] = NAMES(NAME("sshd-session", TEXT_SSHD)),
    }};

bool text_take_until_last(sv *s, sv mark, sv *ret)
{
    if (mark.n == 0 || s->n < mark.n)
        return false;
    for (size_t before = s->n - mark.n + 1; before > 0;) {
        const char *hit = memrchr(s->p, mark.p[0], before);
        if (!hit)
            return false;
        size_t at = (size_t)(hit - s->p);
        if (memcmp(hit, mark.p, mark.n) == 0) {
            *ret = sv_first(*s, at);
            *s = sv_from(*s, at + mark.n);
            return true;
        }
        before = at;
    }
    return false;
}

bool text_event_program(sv program)
{
    return names_find(&programs, program) >= 0;
}

static const sv services[] = {
    [TEXT_PLAIN] = {NULL, 0},         [TEXT_SSHD] = SV_INIT("sshd"), [TEXT_SUDO] = SV_INIT("sudo"),
    [TEXT_SU] = SV_INIT("su"),        [TEXT_PAM] = SV_INIT("pam"),   [TEXT_AUDITD] = SV_INIT("auditd"),
    [TEXT_ACCOUNT] = SV_INIT("auth"), [TEXT_CRON] = SV_INIT("cron"),
};

static inline bool begins_audit(sv message)
{
    switch (message.n ? message.p[0] : '\0') {
    case 't':
        return sv_starts(message, SV("type="));
    case 'n':
        return sv_starts(message, SV("node="));
    case 'a':
        return sv_starts(message, SV("audit: type="));
    default:
        return false;
    }
}

static inline bool begins_pam(sv message)
{
    return sv_starts(message, SV("pam_")) || sv_starts(message, SV("PAM "));
}

/* What every program may write in another's words: PAM's, and the kernel's for the audit system. */
static enum text_kind decode_foreign(struct decoding *decoding, sv message)
{
    if (begins_audit(message) && text_auditd(decoding, message, false))
        return TEXT_AUDITD;
    if (begins_pam(message) && text_pam(decoding, message))
        return TEXT_PAM;
    return TEXT_PLAIN;
}

/* By the words alone. */
static enum text_kind decode_unnamed(struct decoding *decoding, sv message)
{
    if (text_sshd(decoding, message))
        return TEXT_SSHD;
    if (sv_find(message, SV("COMMAND=")) != SV_NPOS && text_sudo(decoding, message))
        return TEXT_SUDO;
    return TEXT_PLAIN;
}

static void decode_named(struct decoding *decoding, enum text_kind kind, sv message)
{
    switch (kind) {
    case TEXT_SSHD:
        text_sshd(decoding, message);
        return;
    case TEXT_SUDO:
        text_sudo(decoding, message);
        return;
    case TEXT_SU:
        text_su(decoding, message);
        return;
    case TEXT_AUDITD:
        text_auditd(decoding, message, true);
        return;
    case TEXT_ACCOUNT:
        text_account(decoding, message);
        return;
    case TEXT_CRON:
        text_cron(decoding, message);
        return;
    case TEXT_PAM:
    case TEXT_PLAIN:
        return;
    }
}

enum text_kind text_event_decode(struct decoding *decoding, sv message)
{
    enum text_kind kind = decode_foreign(decoding, message);
    if (kind == TEXT_PLAIN && decoding->program.n == 0)
        kind = decode_unnamed(decoding, message);
    int named = kind == TEXT_PLAIN ? names_find(&programs, decoding->program) : -1;
    if (named >= 0) {
        kind = (enum text_kind)named;
        decode_named(decoding, kind, message);
    }
    if (kind != TEXT_PLAIN)
        decoding->event->source = (struct logsource){.product = SV("linux"), .service = services[kind]};
    return kind;
}

bool text_event_source(sv program, sv message, struct logsource *ret)
{
    int named = names_find(&programs, program);
    *ret = (struct logsource){.product = SV("linux")};
    if (begins_audit(message) && text_auditd_begins(message))
        ret->service = services[TEXT_AUDITD];
    else if (named < 0)
        return false;
    else if (!begins_audit(message) && !begins_pam(message))
        ret->service = services[named];
    return true;
}
