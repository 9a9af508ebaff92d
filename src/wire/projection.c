/* On the wire: head (ordinal, and what follows), rule, then unless it is of the event before: times, input,
 * record, and the message as a field without a name; then a count and the fields. Of a value that stands in
 * the record, as most do, only the place is packed. */
#include "wire/projection.h"

#include <assert.h>

enum {
    RAW_BYTES_MAX = 1024, /* of record and message, each */
    INPUT_BYTES_MAX = 2048,
    RULE_BYTES_MAX = 8192,
    NAME_BYTES_MAX = 256,
    VALUE_BYTES_MAX = 512,
    FIELD_BYTES = 4,  /* a field's head */
    FIXED_BYTES = 56, /* what is there with every event: heads, times, lengths and the count */
};

/* The head: an ordinal, and above it these. Earlier versions packed a whole finding behind a bare ordinal. */
#define HEAD_PLACES  (UINT64_C(1) << 63)
#define HEAD_AGAIN   (UINT64_C(1) << 62)
#define HEAD_ORDINAL (HEAD_AGAIN - 1)

/* A field's head: how long its name is, its type, whether its value is a place in the record, and how long
 * that is. */
enum { TYPE_SHIFT = 9, WITHIN_SHIFT = 12, VALUE_SHIFT = 13 };

static_assert(NAME_BYTES_MAX < 1 << TYPE_SHIFT && EVENT_NULL < 1 << (WITHIN_SHIFT - TYPE_SHIFT),
              "a field's head has room for them");

/* --- Packing --- */

/* A place takes two bytes: a text no longer than that is as well off by itself. */
static bool is_within(sv value, sv raw)
{
    return value.n > sizeof(uint16_t) && sv_lies_in(value, raw);
}

static char *put_field(char *to, sv name, enum event_field_type type, sv value, sv raw)
{
    bool within = is_within(value, raw);
    to = pack_u32_at(to, (uint32_t)(name.n | (size_t)type << TYPE_SHIFT | (size_t)within << WITHIN_SHIFT |
                                    value.n << VALUE_SHIFT));
    to = pack_bytes_at(to, name);
    return within ? pack_u16_at(to, (uint16_t)(value.p - raw.p)) : pack_bytes_at(to, value);
}

static char *put_text(char *to, sv text)
{
    return pack_bytes_at(pack_u32_at(to, (uint32_t)text.n), text);
}

static char *put_event(char *to, const struct finding *seen, sv raw)
{
    to = pack_u64_at(to, (uint64_t)seen->event_time);
    to = pack_u64_at(to, (uint64_t)seen->received_at);
    to = pack_u64_at(to, (uint64_t)seen->matched_at);
    to = put_text(to, sv_first(seen->input, INPUT_BYTES_MAX));
    to = put_text(to, raw);
    return put_field(to, SV(""), EVENT_STRING, sv_first(seen->message, RAW_BYTES_MAX), raw);
}

static size_t least(size_t n, size_t max)
{
    return n < max ? n : max;
}

/* What it takes at most. */
static size_t size_of(const struct finding *seen, size_t field_count)
{
    size_t n = FIXED_BYTES + least(seen->rule_id.n, RULE_BYTES_MAX) + least(seen->input.n, INPUT_BYTES_MAX) +
               least(seen->raw.n, RAW_BYTES_MAX) + least(seen->message.n, RAW_BYTES_MAX);
    for (size_t i = 0; i < field_count; i++)
        n += FIELD_BYTES + least(seen->fields[i].name.n, NAME_BYTES_MAX) +
             least(seen->fields[i].value.n, VALUE_BYTES_MAX);
    return n;
}

void projection_pack(struct pack *pack, const struct projection *projection, bool again)
{
    const struct finding *seen = &projection->seen;
    size_t count = least(seen->field_count, FINDING_FIELDS_MAX);
    sv raw = sv_first(seen->raw, RAW_BYTES_MAX);
    char *start = pack_room(pack, size_of(seen, count)), *to = start;
    if (!start)
        return;
    to = pack_u64_at(to, (projection->ordinal & HEAD_ORDINAL) | HEAD_PLACES | (again ? HEAD_AGAIN : 0));
    to = put_text(to, sv_first(seen->rule_id, RULE_BYTES_MAX));
    if (!again)
        to = put_event(to, seen, raw);
    to = pack_u32_at(to, (uint32_t)count);
    for (size_t i = 0; i < count; i++)
        to = put_field(to, sv_first(seen->fields[i].name, NAME_BYTES_MAX), seen->fields[i].type,
                       sv_first(seen->fields[i].value, VALUE_BYTES_MAX), raw);
    buf_added(pack->buf, (size_t)(to - start));
}

/* --- Unpacking --- */

static sv unpack_text(struct unpack *unpack, size_t max)
{
    sv text = unpack_sv(unpack);
    unpack->ok &= text.n <= max;
    return text;
}

/* One that lies ends all unpacking. */
static void unpack_field(struct unpack *unpack, sv raw, size_t value_max, struct event_field *ret)
{
    uint32_t head = unpack_u32(unpack);
    size_t n = head >> VALUE_SHIFT, name = head & ((1U << TYPE_SHIFT) - 1);
    unsigned type = head >> TYPE_SHIFT & ((1U << (WITHIN_SHIFT - TYPE_SHIFT)) - 1);
    ret->name = unpack_bytes(unpack, name);
    ret->type = (enum event_field_type)type;
    if (head >> WITHIN_SHIFT & 1) {
        size_t at = unpack_u16(unpack);
        unpack->ok &= at <= raw.n && n <= raw.n - at;
        ret->value = unpack->ok ? sv_make(raw.p + at, n) : SV_NONE;
    } else
        ret->value = unpack_bytes(unpack, n);
    unpack->ok &= name <= NAME_BYTES_MAX && type <= EVENT_NULL && n <= value_max;
}

static void unpack_event(struct unpack *unpack, struct finding *seen)
{
    struct event_field message;
    seen->event_time = unpack_i64(unpack);
    seen->received_at = unpack_i64(unpack);
    seen->matched_at = unpack_i64(unpack);
    seen->input = unpack_text(unpack, INPUT_BYTES_MAX);
    seen->raw = unpack_text(unpack, RAW_BYTES_MAX);
    unpack_field(unpack, seen->raw, RAW_BYTES_MAX, &message);
    seen->message = message.value;
}

static bool unpack_fields(struct unpack *unpack, struct finding *seen, struct arena *arena)
{
    size_t count = unpack_u32(unpack);
    if (!unpack->ok || count > FINDING_FIELDS_MAX)
        return false;
    seen->fields = count ? arena_alloc(arena, count * sizeof *seen->fields) : NULL;
    if (count && !seen->fields)
        return false;
    for (seen->field_count = 0; unpack->ok && seen->field_count < count; seen->field_count++)
        unpack_field(unpack, seen->raw, VALUE_BYTES_MAX, &seen->fields[seen->field_count]);
    return unpack->ok;
}

/* Of the event before: all but what is a rule's own. */
static struct finding same_event(const struct finding *before)
{
    return (struct finding){.event_time = before->event_time,
                            .received_at = before->received_at,
                            .matched_at = before->matched_at,
                            .input = before->input,
                            .raw = before->raw,
                            .message = before->message};
}

bool projection_unpack(struct unpack *unpack, const struct projection *before, struct projection *ret,
                       struct arena *arena)
{
    uint64_t head = unpack_u64(unpack);
    struct projection projection = {.ordinal = head & HEAD_ORDINAL};
    struct finding *seen = &projection.seen;
    bool again = head & HEAD_AGAIN;
    if (!(head & HEAD_PLACES)) {
        if (!unpack->ok || !finding_unpack(unpack, seen, arena))
            return false;
        *ret = projection;
        return true;
    }
    sv rule = unpack_text(unpack, RULE_BYTES_MAX);
    if (again && !before)
        return false;
    if (again)
        *seen = same_event(&before->seen);
    else
        unpack_event(unpack, seen);
    seen->rule_id = rule;
    if (!unpack_fields(unpack, seen, arena))
        return false;
    *ret = projection;
    return true;
}
