#include "wire/dsn_private.h"

#include "wire/smtp_client.h"

#include <ctype.h>

void dsn_copy(char *dst, size_t cap, sv text)
{
    size_t n = 0;
    bool space = false;
    for (size_t i = 0; i < text.n && n + 2 < cap; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c <= 0x20 || c == 0x7f) {
            space = n > 0;
            continue;
        }
        if (space)
            dst[n++] = ' ';
        space = false;
        dst[n++] = (char)c;
    }
    dst[n] = '\0';
    if (sv_utf8((sv){dst, n}))
        return;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)dst[i] >= 0x80)
            dst[i] = '?';
}

static bool is_address_char(char c)
{
    unsigned char u = (unsigned char)c;
    return u > 0x20 && u != 0x7f && !strchr("<>()[]\",;:", c);
}

sv dsn_address(sv value)
{
    size_t at = sv_find_char(value, '@');
    if (at == SV_NPOS || at == 0)
        return SV_NONE;
    size_t from = at, to = at + 1;
    while (from > 0 && is_address_char(value.p[from - 1]))
        from--;
    while (to < value.n && is_address_char(value.p[to]))
        to++;
    while (to > at + 1 && strchr(".'`", value.p[to - 1]))
        to--;
    while (from < at && (value.p[from] == '\'' || value.p[from] == '`'))
        from++;
    if (from == at || to == at + 1 || to - from >= DSN_ADDRESS_MAX)
        return SV_NONE;
    return (sv){value.p + from, to - from};
}

static bool starts_word(sv text, size_t at)
{
    return at == 0 || (!isalnum((unsigned char)text.p[at - 1]) && !strchr("./@=-+_", text.p[at - 1]));
}

size_t dsn_find_reply(sv text, int *ret_code)
{
    for (size_t i = 0; i + 3 <= text.n; i++) {
        const char *p = text.p + i;
        if ((p[0] != '4' && p[0] != '5') || p[1] < '0' || p[1] > '5' || !isdigit((unsigned char)p[2]))
            continue;
        char after = i + 3 < text.n ? p[3] : ' ';
        if (!starts_word(text, i) || !strchr(" -\t\r\n:,_", after))
            continue;
        *ret_code = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
        return i;
    }
    return SV_NPOS;
}

/* "5.7.26" at p; returns its length or 0. */
static size_t read_status(sv text, int ret[static 3])
{
    size_t at = 1;
    if (text.n < 5 || (text.p[0] != '4' && text.p[0] != '5'))
        return 0;
    ret[0] = text.p[0] - '0';
    for (int part = 1; part < 3; part++) {
        size_t digits = 0;
        if (at >= text.n || text.p[at] != '.')
            return 0;
        for (ret[part] = 0; at + 1 + digits < text.n && digits < 4; digits++) {
            char c = text.p[at + 1 + digits];
            if (!isdigit((unsigned char)c))
                break;
            ret[part] = ret[part] * 10 + (c - '0');
        }
        if (digits == 0 || digits > 3)
            return 0;
        at += 1 + digits;
    }
    bool ends = at >= text.n || (!isalnum((unsigned char)text.p[at]) && text.p[at] != '.');
    bool stop =
        at < text.n && text.p[at] == '.' && (at + 1 >= text.n || !isdigit((unsigned char)text.p[at + 1]));
    return ends || stop ? at : 0;
}

bool dsn_find_status(sv text, int ret[static 3])
{
    int found[3];
    for (size_t i = 0; i + 5 <= text.n; i++) {
        bool begins = starts_word(text, i) || text.p[i - 1] == '-';
        if (!begins || read_status(sv_from(text, i), found) == 0 || (found[1] == 0 && found[2] == 0))
            continue;
        memcpy(ret, found, sizeof found);
        return true;
    }
    return false;
}

static const struct {
    const char *phrase;
    enum smtp_stage stage;
} STAGES[] = {
    {"end of data", SMTP_STAGE_DOT},
    {"final data", SMTP_STAGE_DOT},
    {"reply to data", SMTP_STAGE_DATA},
    {"after data", SMTP_STAGE_DOT},
    {"data command", SMTP_STAGE_DATA},
    {">>> data", SMTP_STAGE_DATA},
    {"reply to rcpt", SMTP_STAGE_RCPT},
    {"after rcpt", SMTP_STAGE_RCPT},
    {"rcpt to", SMTP_STAGE_RCPT},
    {"rcpt command", SMTP_STAGE_RCPT},
    {"does not like recipient", SMTP_STAGE_RCPT},
    {"reply to mail", SMTP_STAGE_MAIL},
    {"mail from", SMTP_STAGE_MAIL},
    {"sender was rejected", SMTP_STAGE_MAIL},
    {"starttls", SMTP_STAGE_STARTTLS},
    {"reply to helo", SMTP_STAGE_EHLO},
    {"reply to ehlo", SMTP_STAGE_EHLO},
    {">>> helo", SMTP_STAGE_EHLO},
    {">>> ehlo", SMTP_STAGE_EHLO},
    {"my name was rejected", SMTP_STAGE_EHLO},
    {"after helo", SMTP_STAGE_EHLO},
    {"after ehlo", SMTP_STAGE_EHLO},
    {"greeting failed", SMTP_STAGE_BANNER},
    {"initial connection", SMTP_STAGE_BANNER},
    {"while talking to", SMTP_STAGE_CLOSED},
};

int dsn_find_stage(sv text)
{
    for (size_t i = 0; i < sizeof STAGES / sizeof *STAGES; i++)
        if (STAGES[i].stage != SMTP_STAGE_CLOSED && sv_ifind(text, sv_of(STAGES[i].phrase)) != SV_NPOS)
            return (int)STAGES[i].stage;
    return -1;
}

void dsn_complete(struct dsn_recipient *recipient)
{
    sv said = sv_of(recipient->said), told = sv_of(recipient->told);
    int status[3], code = 0;
    if (said.n == 0 && told.n > 0) {
        size_t at = dsn_find_reply(told, &code);
        dsn_copy(recipient->said, sizeof recipient->said, sv_from(told, at == SV_NPOS ? 0 : at));
        said = sv_of(recipient->said);
    }
    if (recipient->code == 0 &&
        (dsn_find_reply(said, &code) != SV_NPOS || dsn_find_reply(told, &code) != SV_NPOS))
        recipient->code = code;
    /* The remote server's own code is more exact than what the reporter made of it. */
    if (dsn_find_status(said, status) || (recipient->status[0] == 0 && dsn_find_status(told, status)))
        memcpy(recipient->status, status, sizeof status);
    recipient->stage = dsn_find_stage(said);
    if (recipient->stage < 0)
        recipient->stage = dsn_find_stage(told);
}
