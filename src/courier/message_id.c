#include "courier/message_id.h"

enum { MESSAGE_ID_MAX = 998 };

/* The first "<…>" in a field's value, without spaces or control characters. */
static sv bracketed(sv value)
{
    size_t open = sv_find_char(value, '<');
    if (open == SV_NPOS)
        return SV_NONE;
    sv rest = sv_from(value, open);
    size_t close = sv_find_char(rest, '>');
    if (close == SV_NPOS || close >= MESSAGE_ID_MAX)
        return SV_NONE;
    sv id = sv_first(rest, close + 1);
    return sv_printable(id) && sv_find_char(id, ' ') == SV_NPOS ? id : SV_NONE;
}

/* The field that starts at the front of head, its folded lines included. */
static sv field_at(sv head)
{
    size_t n = 0;
    do {
        size_t lf = sv_find_char(sv_from(head, n), '\n');
        if (lf == SV_NPOS)
            return head;
        n += lf + 1;
    } while (n < head.n && (head.p[n] == ' ' || head.p[n] == '\t'));
    return sv_first(head, n);
}

sv message_id_find(sv mail)
{
    static const sv NAME = SV_INIT("Message-ID:");
    while (mail.n) {
        sv field = field_at(mail);
        if (sv_trim(field).n == 0)
            return SV_NONE;
        if (sv_istarts(field, NAME))
            return bracketed(sv_from(field, NAME.n));
        mail = sv_from(mail, field.n);
    }
    return SV_NONE;
}
