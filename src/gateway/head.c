#include "gateway/head.h"

#include "wire/mail_field.h"

#include <assert.h>
#include <stdio.h>

void head_open(struct head *head, sv our_name)
{
    *head = (struct head){.text = BUF_INIT(HEAD_BYTES_MAX), .state = HEAD_OPEN};
    snprintf(head->own, sizeof head->own, "by %.*s ", SV_ARG(sv_first(our_name, 255)));
}

void head_free(struct head *head)
{
    buf_free(&head->text);
}

/* "Name:" of RFC 5322 §2.2, with the blanks before the colon that its obsolete syntax has. */
static size_t name_length(sv line)
{
    size_t n = 0;
    while (n < line.n && line.p[n] > ' ' && line.p[n] < 0x7f && line.p[n] != ':')
        n++;
    size_t colon = n;
    while (colon < line.n && (line.p[colon] == ' ' || line.p[colon] == '\t'))
        colon++;
    return n > 0 && colon < line.n && line.p[colon] == ':' ? n : 0;
}

/* A Received field that says we wrote it; folded, "by" may stand on a line of its own. */
static bool names_us(const struct head *head, sv line)
{
    return sv_ifind(line, sv_of(head->own)) != SV_NPOS;
}

static void note_limits(struct head *head)
{
    if (head->fields > HEAD_FIELDS_MAX)
        head->state = HEAD_TOO_LARGE;
    if (head->received > HEAD_RECEIVED_MAX || head->owned > HEAD_OWN_MAX)
        head->state = HEAD_LOOP;
}

/* Looks at one line with its CRLF. */
static void take_line(struct head *head, sv line)
{
    assert(line.p && line.n > 0); /* it has its LF at least */
    if (sv_eq(line, SV("\r\n"))) {
        head->state = HEAD_WHOLE;
        return;
    }
    bool folded = line.p[0] == ' ' || line.p[0] == '\t';
    size_t name = folded ? 0 : name_length(line);
    if (folded ? head->fields == 0 : name == 0) {
        head->state = HEAD_WHOLE;
        head->bare = true;
        return;
    }
    if (!folded) {
        head->fields++;
        head->in_received = sv_ieq(sv_first(line, name), SV("Received"));
        head->received += head->in_received;
        head->tls_required += sv_ieq(sv_first(line, name), SV("TLS-Required"));
    }
    head->owned += head->in_received && names_us(head, line);
    head->line += line.n;
    note_limits(head);
}

size_t head_put(struct head *head, sv content)
{
    size_t used = 0;
    while (head->state == HEAD_OPEN && used < content.n) {
        sv rest = sv_from(content, used);
        size_t end = sv_find_char(rest, '\n');
        sv piece = end == SV_NPOS ? rest : sv_first(rest, end + 1);
        if (buf_put(&head->text, piece)) {
            head->state = HEAD_TOO_LARGE;
            break;
        }
        used += piece.n;
        if (end == SV_NPOS)
            break;
        take_line(head, sv_from(buf_view(&head->text), head->line));
    }
    return used;
}

void head_end(struct head *head)
{
    if (head->state != HEAD_OPEN)
        return;
    head->state = HEAD_WHOLE;
    head->bare = true;
}

bool head_tls_optional(const struct head *head)
{
    sv rest = head_text(head);
    struct mail_field field;
    while (head->tls_required == 1 && mail_field_next(&rest, &field))
        if (sv_ieq(field.name, SV("TLS-Required")))
            return sv_ieq(field.value, SV("No"));
    return false;
}

sv head_text(const struct head *head)
{
    return sv_first(buf_view(&head->text), head->line);
}

sv head_rest(const struct head *head)
{
    return head->bare ? sv_from(buf_view(&head->text), head->line) : SV_NONE;
}
