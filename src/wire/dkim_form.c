#include "wire/dkim_form.h"

#include "base/ascii.h"

/* --- The body --- */

static void flush(struct dkim_body *body)
{
    if (body->n)
        body->put(body->arg, sv_make(body->piece, body->n));
    body->n = 0;
}

static void put_char(struct dkim_body *body, char c)
{
    if (body->n == sizeof body->piece)
        flush(body);
    body->piece[body->n++] = c;
    body->any = true;
}

static void put_byte(struct dkim_body *body, char c)
{
    for (; body->line_ends; body->line_ends--) {
        put_char(body, '\r');
        put_char(body, '\n');
    }
    if (body->space)
        put_char(body, ' ');
    body->space = false;
    put_char(body, c);
}

void dkim_body_open(struct dkim_body *body, dkim_put_fn *put, void *arg)
{
    body->put = put;
    body->arg = arg;
    body->line_ends = body->n = 0;
    body->space = body->cr = body->any = false;
}

static void feed_byte(struct dkim_body *body, char c)
{
    if (body->cr && c == '\n') {
        body->cr = body->space = false; /* space at the end of a line is none */
        body->line_ends++;
        return;
    }
    if (body->cr)
        put_byte(body, '\r');
    body->cr = c == '\r';
    if (c == ' ' || c == '\t')
        body->space = true;
    else if (!body->cr)
        put_byte(body, c);
}

void dkim_body_feed(struct dkim_body *body, sv bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        feed_byte(body, bytes.p[i]);
}

void dkim_body_end(struct dkim_body *body)
{
    if (body->cr)
        put_byte(body, '\r');
    body->cr = body->space = false;
    body->line_ends = 0;
    if (body->any) {
        put_char(body, '\r');
        put_char(body, '\n');
    }
    flush(body);
}

/* --- The header --- */

void dkim_split(sv content, sv *ret_head, sv *ret_body)
{
    if (sv_starts(content, SV("\r\n"))) {
        *ret_head = sv_first(content, 0);
        *ret_body = sv_from(content, 2);
        return;
    }
    size_t end = sv_find(content, SV("\r\n\r\n"));
    *ret_head = end == SV_NPOS ? content : sv_first(content, end + 2);
    *ret_body = end == SV_NPOS ? sv_from(content, content.n) : sv_from(content, end + 4);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Cuts the first field off, folded lines and all, without its last line end. False at the end. */
static bool next_field(sv *head, sv *ret)
{
    size_t at = 0;
    if (!head->n)
        return false;
    for (;;) {
        size_t end = sv_find(sv_from(*head, at), SV("\r\n"));
        if (end == SV_NPOS) {
            *ret = *head;
            *head = sv_from(*head, head->n);
            return true;
        }
        at += end + 2;
        if (at >= head->n || !is_space(head->p[at]))
            break;
    }
    *ret = sv_first(*head, at - 2);
    *head = sv_from(*head, at);
    return true;
}

static sv name_of(sv field)
{
    size_t colon = sv_find_char(field, ':');
    return colon == SV_NPOS ? SV_NONE : sv_trim(sv_first(field, colon));
}

size_t dkim_field_count(sv head, sv name)
{
    size_t count = 0;
    sv field;
    while (next_field(&head, &field))
        count += sv_ieq(name_of(field), name);
    return count;
}

/* "Name :  folded\r\n\tvalue " → "name:folded value" (§3.4.2). */
static int put_field(sv field, struct buf *out)
{
    sv name = name_of(field), value = sv_from(field, sv_find_char(field, ':') + 1);
    bool space = false, any = false;
    int failed = 0;
    for (size_t i = 0; i < name.n; i++) {
        failed |= buf_put_char(out, ascii_lower(name.p[i]));
    }
    failed |= buf_put_char(out, ':');
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n') {
            i++;
            continue;
        }
        if (is_space(c)) {
            space = true;
            continue;
        }
        if (space && any)
            failed |= buf_put_char(out, ' ');
        failed |= buf_put_char(out, c);
        space = false;
        any = true;
    }
    return failed;
}

/* The field of that name with so many of the same above it. */
static sv field_at(sv head, sv name, size_t index)
{
    sv field;
    while (next_field(&head, &field))
        if (sv_ieq(name_of(field), name) && index-- == 0)
            return field;
    return SV_NONE;
}

int dkim_form_header(sv head, const sv *names, size_t count, sv signature, struct buf *out)
{
    int failed = 0;
    for (size_t i = 0; i < count; i++) {
        size_t before = 0, there = dkim_field_count(head, names[i]);
        for (size_t j = 0; j < i; j++)
            before += sv_ieq(names[j], names[i]);
        if (before >= there)
            continue;
        failed |= put_field(field_at(head, names[i], there - 1 - before), out);
        failed |= buf_put(out, SV("\r\n"));
    }
    return put_field(signature, out) | failed;
}
