/* How decoders tell what they say in words of their own (wire/derived.h). Private to this room: each of these
 * stands beside the code that says it. */
#ifndef VEDETTE_WIRE_DERIVE_H
#define VEDETTE_WIRE_DERIVE_H

#include "wire/derived.h"

/* Where it is told. */
struct derive {
    derived_fn *fn;
    void *arg;
};

static inline void derive_value(const struct derive *derive, sv name, sv value, sv mark)
{
    derive->fn(derive->arg, &(struct derived){.name = name, .value = value, .mark = mark});
}

static inline void derive_name(const struct derive *derive, sv name, sv mark)
{
    derive->fn(derive->arg, &(struct derived){.name = name, .mark = mark});
}

static inline void derive_framed(const struct derive *derive, sv name, sv mark)
{
    derive->fn(derive->arg, &(struct derived){.name = name, .mark = mark, .framed = true});
}

/* Words that mean an action and an outcome; either may be empty. */
static inline void derive_action(const struct derive *derive, sv words, sv action, sv outcome)
{
    if (action.n)
        derive_value(derive, SV("event.action"), action, words);
    if (outcome.n)
        derive_value(derive, SV("event.outcome"), outcome, words);
}

void decode_derive(const struct derive *derive);
void syslog_derive(const struct derive *derive);
void ecs_derive(const struct derive *derive);
void json_event_derive(const struct derive *derive);
void json_shape_derive(const struct derive *derive);
void windows_event_derive(const struct derive *derive);
void device_derive(const struct derive *derive);
void cyberark_derive(const struct derive *derive);
void cyberark_audit_derive(const struct derive *derive);
void kubernetes_event_derive(const struct derive *derive);
void text_sshd_derive(const struct derive *derive);
void text_sudo_derive(const struct derive *derive);
void text_su_derive(const struct derive *derive);
void text_pam_derive(const struct derive *derive);
void text_account_derive(const struct derive *derive);
void text_auditd_derive(const struct derive *derive);

#endif
