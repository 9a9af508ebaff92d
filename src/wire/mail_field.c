#include "wire/mail_field.h"

/* The field at the front of head, its folded lines included. */
static sv whole_field(sv head)
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

bool mail_field_next(sv *head, struct mail_field *ret)
{
    sv field = whole_field(*head);
    if (sv_trim(field).n == 0)
        return false;
    *head = sv_from(*head, field.n);
    size_t colon = sv_find_char(field, ':');
    if (colon == SV_NPOS)
        *ret = (struct mail_field){.name = SV_NONE, .value = sv_trim(field)};
    else
        *ret = (struct mail_field){.name = sv_trim(sv_first(field, colon)),
                                   .value = sv_trim(sv_from(field, colon + 1))};
    return true;
}
