#include "courier/message_id.h"

#include "wire/mail_field.h"

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

sv message_id_find(sv mail)
{
    struct mail_field field;
    while (mail_field_next(&mail, &field))
        if (sv_ieq(field.name, SV("Message-ID")))
            return bracketed(field.value);
    return SV_NONE;
}
