#include "cmd/mail_input.h"

#include "wire/mail_recode.h"
#include "wire/mime.h"

/* "Name:" at the start of a header line (RFC 5322 §2.2): its length with the colon, or 0. */
static size_t field_name(sv line)
{
    size_t colon = sv_find_char(line, ':');
    if (colon == SV_NPOS || colon == 0)
        return 0;
    for (size_t i = 0; i < colon; i++)
        if (line.p[i] <= ' ' || line.p[i] >= 0x7f)
            return 0;
    return colon + 1;
}

static bool is_field(sv line, const char *name)
{
    size_t n = field_name(line);
    return n && sv_ieq(sv_first(line, n - 1), sv_of(name));
}

/* Cuts the next line off *rest without its CRLF or LF. */
static sv next_line(sv *rest)
{
    sv line = sv_split(rest, '\n');
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static int put_line(struct mail_input *input, sv line, struct err *err)
{
    if (buf_put(&input->content, line) < 0 || buf_put(&input->content, SV("\r\n")) < 0)
        return err_set(err, ERR_LIMIT, NULL, "the mail is larger than %d bytes", MAIL_INPUT_BYTES_MAX);
    return 0;
}

static int add_mailbox(struct mail_input *input, InternetAddress *address, struct err *err)
{
    if (!INTERNET_ADDRESS_IS_MAILBOX(address))
        return 0;
    if (input->recipient_count == MAIL_INPUT_RECIPIENTS_MAX)
        return err_set(err, ERR_LIMIT, "send it in several parts", "more than %d recipients",
                       MAIL_INPUT_RECIPIENTS_MAX);
    const char *text = internet_address_mailbox_get_idn_addr(INTERNET_ADDRESS_MAILBOX(address));
    input->recipients[input->recipient_count++] = arena_cstr(input->arena, sv_of(text));
    return 0;
}

static int add_recipients(struct mail_input *input, sv value, struct err *err)
{
    char *text = arena_cstr(input->arena, value);
    InternetAddressList *list = text ? internet_address_list_parse(NULL, text) : NULL;
    int outcome = 0;
    for (int i = 0; list && outcome == 0 && i < internet_address_list_length(list); i++) {
        InternetAddress *address = internet_address_list_get_address(list, i);
        if (!INTERNET_ADDRESS_IS_GROUP(address)) {
            outcome = add_mailbox(input, address, err);
            continue;
        }
        InternetAddressList *members = internet_address_group_get_members(INTERNET_ADDRESS_GROUP(address));
        for (int j = 0; outcome == 0 && members && j < internet_address_list_length(members); j++)
            outcome = add_mailbox(input, internet_address_list_get_address(members, j), err);
    }
    if (list)
        g_object_unref(list);
    return outcome;
}

/* One header field with its folded lines, as it stands in raw. */
static sv take_field(sv *rest)
{
    const char *start = rest->p;
    sv line = next_line(rest);
    const char *end = line.p + line.n;
    while (rest->n && (rest->p[0] == ' ' || rest->p[0] == '\t')) {
        line = next_line(rest);
        end = line.p + line.n;
    }
    return sv_make(start, (size_t)(end - start));
}

/* A bare CR or a NUL means nothing in a header. */
static int put_field(struct mail_input *input, sv field, struct err *err)
{
    char *text = arena_cstr(input->arena, field);
    if (!text)
        return err_set(err, ERR_LIMIT, NULL, "the mail's header is too large");
    for (size_t i = 0; i < field.n; i++)
        if (text[i] == '\0' || (text[i] == '\r' && i + 1 < field.n && field.p[i + 1] != '\n'))
            text[i] = ' ';
    sv rest = sv_make(text, field.n);
    int outcome = 0;
    while (outcome == 0 && rest.p)
        outcome = put_line(input, next_line(&rest), err);
    return outcome;
}

struct seen {
    bool date, from, message_id;
};

/* True if the next line is a header field. */
static bool has_header(sv raw)
{
    sv rest = raw;
    return field_name(next_line(&rest)) != 0;
}

static int take_header(struct mail_input *input, sv *rest, struct seen *seen, struct err *err)
{
    while (has_header(*rest)) {
        sv field = take_field(rest);
        size_t name = field_name(field);
        seen->date |= is_field(field, "Date");
        seen->from |= is_field(field, "From");
        seen->message_id |= is_field(field, "Message-ID");
        bool bcc = is_field(field, "Bcc");
        if ((bcc || is_field(field, "To") || is_field(field, "Cc")) &&
            add_recipients(input, sv_from(field, name), err) < 0)
            return -1;
        if (!bcc && put_field(input, field, err) < 0)
            return -1;
    }
    return 0;
}

static void put_missing(struct mail_input *input, const struct seen *seen,
                        const struct mail_input_defaults *defaults)
{
    char date[64];
    if (!seen->from)
        buf_printf(&input->content, "From: %s\r\n", defaults->from);
    if (!seen->date)
        buf_printf(&input->content, "Date: %s\r\n", time_rfc5322(defaults->now, date, sizeof date));
    if (!seen->message_id)
        buf_printf(&input->content, "Message-ID: <vedette.send.%lld.%016llx@%s>\r\n",
                   (long long)defaults->now, (unsigned long long)defaults->unique, defaults->hostname);
}

static int take_body(struct mail_input *input, sv rest, bool dot_ends, struct err *err)
{
    while (rest.n) {
        sv line = next_line(&rest);
        if (dot_ends && sv_eq(line, SV(".")))
            return 0;
        if (put_line(input, line, err) < 0)
            return -1;
    }
    return 0;
}

static int make_fit(struct mail_input *input, struct err *err)
{
    struct buf fit = BUF_INIT(MAIL_INPUT_BYTES_MAX);
    int outcome = mail_recode(buf_view(&input->content), &fit, err);
    buf_free(&input->content);
    input->content = fit;
    return outcome;
}

int mail_input_read(struct mail_input *ret, sv raw, bool dot_ends, const struct mail_input_defaults *defaults,
                    struct err *err)
{
    struct seen seen = {0};
    struct mail_input input = {.content = BUF_INIT(MAIL_INPUT_BYTES_MAX),
                               .arena = arena_new(4 * 1024 * 1024)};
    mime_use();
    sv rest = raw;
    if (sv_starts(rest, SV("From ")))
        next_line(&rest);
    int outcome = has_header(rest) ? take_header(&input, &rest, &seen, err) : 0;
    if (outcome == 0) {
        put_missing(&input, &seen, defaults);
        outcome = put_line(&input, SV_NONE, err);
    }
    /* The blank line between header and body is written above, whether or not it was there. */
    if (rest.n && (rest.p[0] == '\n' || sv_starts(rest, SV("\r\n"))))
        next_line(&rest);
    if (outcome == 0)
        outcome = take_body(&input, rest, dot_ends, err);
    if (outcome == 0)
        outcome = make_fit(&input, err);
    if (outcome < 0) {
        mail_input_free(&input);
        return -1;
    }
    *ret = input;
    return 0;
}

void mail_input_free(struct mail_input *input)
{
    buf_free(&input->content);
    arena_free(input->arena);
    *input = (struct mail_input){0};
}
