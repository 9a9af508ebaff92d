#include "gateway/envelope.h"

#include "wire/pack.h"

enum { FORM = 1 }; /* of both; another one is not ours */

enum { EIGHT_BIT = 1, UTF8 = 2, REQUIRETLS = 4, HELD = 8, WARNED = 16, TLS_OPTIONAL = 32 };

size_t recipient_count(const struct recipient_set *set)
{
    size_t count = 0;
    for (size_t i = 0; i < RECIPIENT_WORDS; i++)
        count += (size_t)__builtin_popcountll(set->words[i]);
    return count;
}

int envelope_pack(struct buf *out, const struct envelope *envelope)
{
    const struct intake_envelope *said = &envelope->said;
    struct pack pack = PACK_INTO(out);
    pack_u32(&pack, FORM);
    pack_u32(&pack, (said->eight_bit ? EIGHT_BIT : 0U) | (said->utf8 ? UTF8 : 0U) |
                        (said->requiretls ? REQUIRETLS : 0U) | (said->held ? HELD : 0U) |
                        (said->tls_optional ? TLS_OPTIONAL : 0U));
    pack_u32(&pack, said->ret);
    pack_i64(&pack, envelope->arrived);
    const sv texts[] = {said->id,          said->sender,  said->envid, said->route, said->client_ip,
                        said->client_name, said->account, said->tls,   said->rule};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        pack_sv(&pack, texts[i]);
    pack_u32(&pack, (uint32_t)said->recipient_count);
    for (size_t i = 0; i < said->recipient_count; i++) {
        pack_sv(&pack, said->recipients[i].address);
        pack_sv(&pack, said->recipients[i].orcpt);
        pack_u32(&pack, said->recipients[i].notify);
    }
    return pack.ok ? 0 : -1;
}

static struct intake_recipient *unpack_recipients(struct unpack *unpack, size_t count, struct arena *arena)
{
    struct intake_recipient *recipients = arena_alloc(arena, count * sizeof *recipients);
    for (size_t i = 0; recipients && i < count; i++) {
        recipients[i].address = unpack_sv(unpack);
        recipients[i].orcpt = unpack_sv(unpack);
        recipients[i].notify = unpack_u32(unpack);
    }
    return recipients;
}

int envelope_unpack(sv bytes, struct arena *arena, struct envelope *ret)
{
    struct unpack unpack = UNPACK_FROM(bytes);
    struct envelope envelope = {.arrived = 0};
    struct intake_envelope *said = &envelope.said;
    if (unpack_u32(&unpack) != FORM)
        return -1;
    unsigned flags = unpack_u32(&unpack);
    said->eight_bit = flags & EIGHT_BIT;
    said->utf8 = flags & UTF8;
    said->requiretls = flags & REQUIRETLS;
    said->held = flags & HELD;
    said->tls_optional = flags & TLS_OPTIONAL;
    uint32_t ret_wish = unpack_u32(&unpack);
    said->ret = ret_wish <= INTAKE_RETURN_FULL ? (enum intake_return)ret_wish : INTAKE_RETURN_UNSAID;
    envelope.arrived = unpack_i64(&unpack);
    sv *const texts[] = {&said->id,          &said->sender,  &said->envid, &said->route, &said->client_ip,
                         &said->client_name, &said->account, &said->tls,   &said->rule};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = unpack_sv(&unpack);
    said->recipient_count = unpack_u32(&unpack);
    if (!unpack.ok || said->recipient_count < 1 || said->recipient_count > SMTP_RECIPIENTS_MAX)
        return -1;
    said->recipients = unpack_recipients(&unpack, said->recipient_count, arena);
    if (!said->recipients || !unpack_done(&unpack))
        return -1;
    *ret = envelope;
    return 0;
}

int envelope_state_pack(struct buf *out, const struct envelope_state *state)
{
    struct pack pack = PACK_INTO(out);
    pack_u32(&pack, FORM);
    pack_u32(&pack, (state->held ? HELD : 0U) | (state->warned ? WARNED : 0U));
    pack_u32(&pack, state->attempts);
    for (size_t i = 0; i < RECIPIENT_WORDS; i++)
        pack_u64(&pack, state->finished.words[i]);
    pack_sv(&pack, state->route);
    pack_sv(&pack, sv_first(state->trouble, TROUBLE_MAX));
    return pack.ok ? 0 : -1;
}

int envelope_state_unpack(sv bytes, struct envelope_state *ret)
{
    struct unpack unpack = UNPACK_FROM(bytes);
    struct envelope_state state = {.attempts = 0};
    if (bytes.n) {
        if (unpack_u32(&unpack) != FORM)
            return -1;
        unsigned flags = unpack_u32(&unpack);
        state.held = flags & HELD;
        state.warned = flags & WARNED;
        state.attempts = unpack_u32(&unpack);
        for (size_t i = 0; i < RECIPIENT_WORDS; i++)
            state.finished.words[i] = unpack_u64(&unpack);
        state.route = unpack_sv(&unpack);
        state.trouble = unpack_sv(&unpack);
        if (!unpack_done(&unpack))
            return -1;
    }
    *ret = state;
    return 0;
}
