/* What an address of ours asks of everybody, before any rule is. */
#include "gateway/guard_private.h"

#include <stdio.h>
#include <string.h>

static const struct guard_listener *listener_of(const struct guard *guard, sv address)
{
    for (size_t i = 0; i < guard->listener_count; i++)
        if (sv_eq(sv_of(guard->listeners[i].address), address))
            return &guard->listeners[i];
    return NULL;
}

/* RFC 6409 §4.2. "postmaster" alone and the null sender have no domain, and nothing that is missing. */
static bool is_cut(sv domain)
{
    return domain.n && domain.p[0] != '[' && !memchr(domain.p, '.', domain.n);
}

static sv domain_of(sv mailbox)
{
    size_t at = sv_find_last(mailbox, '@');
    return at == SV_NPOS ? SV_NONE : sv_from(mailbox, at + 1);
}

bool guard_listener_refuses(const struct guard *guard, const struct guard_facts *facts,
                            struct guard_verdict *ret)
{
    const struct guard_question *question = facts->question;
    const struct guard_listener *listener = listener_of(guard, question->listener);
    bool identified = question->account.n || question->certificate_fingerprint.n;
    if (!listener)
        return false;
    if (listener->encrypt && !question->tls)
        guard_refuse(ret, GUARD_REJECT, 530, "5.7.0", "Must issue a STARTTLS command first");
    else if (listener->identify && !identified)
        guard_refuse(ret, GUARD_REJECT, 530, "5.7.0", "Authentication required");
    else if (listener->whole_domains && is_cut(domain_of(facts->sender)))
        guard_refuse(ret, GUARD_REJECT, 554, "5.1.8", "The sender's domain must be written in full");
    else if (listener->whole_domains && question->stage >= GUARD_RCPT && is_cut(facts->domain))
        guard_refuse(ret, GUARD_REJECT, 554, "5.1.2", "The recipient's domain must be written in full");
    else
        return false;
    ret->rule = guard_other_name(GUARD_OTHER_LISTENER);
    snprintf(ret->why, sizeof ret->why, "%s asks it of everybody", listener->address);
    return true;
}
