/* The decoders behind text_event.h, one for each program, and what they share. */
#ifndef VEDETTE_WIRE_TEXT_PRIVATE_H
#define VEDETTE_WIRE_TEXT_PRIVATE_H

#include "base/bytes.h"
#include "wire/ecs.h"

/* Each adds the fields of a message in words that it knows; false, and nothing added, if it does not. */
bool text_sshd(struct decoding *decoding, sv message);
bool text_sudo(struct decoding *decoding, sv message);
bool text_su(struct decoding *decoding, sv message);
bool text_pam(struct decoding *decoding, sv message);
bool text_account(struct decoding *decoding, sv message);
bool text_cron(struct decoding *decoding, sv message);

/* An audit record: "type=X msg=audit(time:serial): …", also with the node in front, as the kernel logs it
 * ("audit: type=1400 audit(…): …"), or as the journal does ("USER_LOGIN pid=…", with named_type). */
bool text_auditd(struct decoding *decoding, sv message, bool named_type);

/* Whether it surely is one, by its beginning. */
bool text_auditd_begins(sv message);

/* Cuts what stands in front of mark, and mark, off *s. False, and *s untouched, if there is no mark. */
static inline bool text_take_until(sv *s, sv mark, sv *ret)
{
    size_t at = mark.n == 1 ? bytes_find(*s, mark.p[0]) : sv_find(*s, mark);
    if (at >= s->n)
        return false;
    *ret = sv_first(*s, at);
    *s = sv_from(*s, at + mark.n);
    return true;
}

/* The same at the last mark. */
bool text_take_until_last(sv *s, sv mark, sv *ret);

#endif
