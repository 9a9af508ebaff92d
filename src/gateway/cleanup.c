#include "gateway/cleanup.h"

#include "wire/smtp_address.h"

enum { MISSING_DATE, MISSING_MESSAGE_ID, MISSING_FROM, MISSING_COUNT };

static const sv repaired[MISSING_COUNT] = {
    [MISSING_DATE] = SV_INIT("Date"),
    [MISSING_MESSAGE_ID] = SV_INIT("Message-ID"),
    [MISSING_FROM] = SV_INIT("From"),
};

/* One field as it stands, its folds and its CRLF included. name is what stands before the colon, without
 * spaces, which old senders put there (RFC 5322 §4.5). */
struct raw_field {
    sv whole, name, value;
};

/* The bytes of the line at the front, its CRLF included. */
static size_t line_end(sv text)
{
    size_t crlf = sv_find(text, SV("\r\n"));
    return crlf == SV_NPOS ? text.n : crlf + 2;
}

/* Takes the field at the front of *rest. False at the end, or at a line that is no field. */
static bool field_next(sv *rest, struct raw_field *ret)
{
    sv text = *rest;
    size_t colon = sv_find_char(sv_first(text, line_end(text)), ':'), end = line_end(text);
    if (text.n == 0 || colon == SV_NPOS || colon == 0)
        return false;
    for (size_t i = 0; i < colon; i++)
        if ((unsigned char)text.p[i] <= ' ' && !(text.p[i] == ' ' || text.p[i] == '\t'))
            return false;
    sv name = sv_trim(sv_first(text, colon));
    if (name.n == 0 || text.p[0] == ' ' || text.p[0] == '\t' || sv_find_char(name, ' ') != SV_NPOS)
        return false;
    while (end < text.n && (text.p[end] == ' ' || text.p[end] == '\t'))
        end += line_end(sv_from(text, end));
    *ret = (struct raw_field){sv_first(text, end), name, sv_trim(sv_from(sv_first(text, end), colon + 1))};
    *rest = sv_from(text, end);
    return true;
}

/* The domain of the last address in a From, as far as it takes to see whether anybody could answer. */
static sv domain_of(sv from)
{
    size_t at = sv_find_last(from, '@'), end = 0;
    sv domain = at == SV_NPOS ? SV_NONE : sv_from(from, at + 1);
    while (end < domain.n && !strchr("> \t\r\n,;)", domain.p[end]))
        end++;
    return sv_first(domain, end);
}

/* Names that only the appliance itself knows (RFC 6761, RFC 2606), and no name at all. */
static bool nobody_can_answer(sv from)
{
    static const sv suffixes[] = {SV_INIT(".localhost"), SV_INIT(".localdomain"), SV_INIT(".local"),
                                  SV_INIT(".invalid"),   SV_INIT(".lan"),         SV_INIT(".internal")};
    sv domain = domain_of(from);
    if (domain.n == 0 || domain.p[0] == '[' || sv_find_char(domain, '.') == SV_NPOS)
        return true;
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (sv_iends(domain, suffixes[i]))
            return true;
    return false;
}

static bool is_dropped(const struct raw_field *field)
{
    return sv_ieq(field->name, SV("Bcc")) || sv_ieq(field->name, SV("Resent-Bcc"));
}

/* What the header has of the fields that are repaired; an empty one counts as missing, and is dropped. */
struct found {
    bool there[MISSING_COUNT];
    bool body; /* it ends at a line that is no field */
};

static bool is_replaced(const struct cleanup *cleanup, const struct raw_field *field)
{
    for (size_t i = 0; i < MISSING_COUNT; i++)
        if (cleanup->repair && sv_ieq(field->name, repaired[i]) && field->value.n == 0)
            return true;
    return cleanup->new_from && cleanup->sender.n && sv_ieq(field->name, SV("From")) &&
           nobody_can_answer(field->value);
}

static struct found look(sv header, const struct cleanup *cleanup)
{
    struct found found = {.body = false};
    struct raw_field field;
    while (field_next(&header, &field))
        for (size_t i = 0; i < MISSING_COUNT; i++)
            found.there[i] |= sv_ieq(field.name, repaired[i]) && !is_replaced(cleanup, &field);
    found.body = header.n > 0;
    return found;
}

static int put_tag(struct buf *out, const struct cleanup *cleanup)
{
    return cleanup->tag.n ? buf_printf(out, "%.*s\r\n", SV_ARG(cleanup->tag)) : 0;
}

/* An envelope sender that could not stand in a header as it is does not get there. */
static bool may_be_from(sv sender)
{
    return smtp_address_parse(sender, NULL) == SMTP_ADDRESS_NONE;
}

static int put_from(struct buf *out, const struct cleanup *cleanup)
{
    if (may_be_from(cleanup->sender))
        return buf_printf(out, "From: <%.*s>\r\n", SV_ARG(cleanup->sender));
    return buf_printf(out, "From: <MAILER-DAEMON@%.*s>\r\n", SV_ARG(cleanup->our_name));
}

static int put_missing(struct buf *out, const struct cleanup *cleanup, const struct found *found)
{
    char date[40];
    int outcome = 0;
    if (cleanup->repair && !found->there[MISSING_DATE])
        outcome |= buf_printf(out, "Date: %s\r\n", time_rfc5322(cleanup->now, date, sizeof date));
    if (cleanup->repair && !found->there[MISSING_MESSAGE_ID])
        outcome |=
            buf_printf(out, "Message-ID: <%.*s@%.*s>\r\n", SV_ARG(cleanup->id), SV_ARG(cleanup->our_name));
    if ((cleanup->repair || cleanup->new_from) && !found->there[MISSING_FROM])
        outcome |= put_from(out, cleanup);
    return outcome;
}

/* Content that came by BDAT may end within its last line; what is added must not join that. */
static int put_field(struct buf *out, const struct raw_field *field, const struct cleanup *cleanup)
{
    bool mends = cleanup->repair || cleanup->new_from;
    int outcome = buf_put(out, field->whole);
    return mends && !sv_ends(field->whole, SV("\r\n")) ? outcome | buf_put(out, SV("\r\n")) : outcome;
}

int cleanup_write(struct buf *out, sv header, const struct cleanup *cleanup)
{
    struct found found = look(header, cleanup);
    struct raw_field field;
    int outcome = put_tag(out, cleanup);
    while (field_next(&header, &field)) {
        bool dropped = (cleanup->repair && is_dropped(&field)) || is_replaced(cleanup, &field);
        if (!dropped)
            outcome |= put_field(out, &field, cleanup);
    }
    outcome |= put_missing(out, cleanup, &found);
    /* What is no field is not for us to judge: it follows as it came. */
    if (found.body && (cleanup->repair || cleanup->new_from || cleanup->tag.n))
        outcome |= buf_put(out, SV("\r\n"));
    outcome |= buf_put(out, header);
    return outcome ? -1 : 0;
}
