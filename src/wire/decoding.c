#include "wire/decoding.h"

#include "base/ascii.h"

enum { FIELDS_FIRST = 64, IP_BYTES_MAX = 64 };

/* Doubles the array of fields. The old one stays in the arena: at most as much again as is used. */
bool decoding_grow(struct decoding *decoding)
{
    struct event *event = decoding->event;
    size_t cap = decoding->field_cap ? decoding->field_cap * 2 : FIELDS_FIRST;
    if (cap > EVENT_FIELDS_MAX)
        cap = EVENT_FIELDS_MAX;
    struct event_field *fields =
        cap == decoding->field_cap ? NULL : arena_take(decoding->arena, cap * sizeof *fields);
    if (!fields) {
        event->flags |= EVENT_FIELDS_DROPPED;
        return false;
    }
    if (event->field_count)
        memcpy(fields, event->fields, event->field_count * sizeof *fields);
    event->fields = fields;
    decoding->field_cap = cap;
    return true;
}

void decoding_add_number(struct decoding *decoding, sv name, sv value)
{
    int64_t number;
    decoding_add_typed(decoding, name, value, sv_to_i64(value, &number) ? EVENT_NUMBER : EVENT_STRING);
}

void decoding_add_address(struct decoding *decoding, enum decoding_end end, sv value)
{
    static const sv names[][3] = {
        [DECODING_SOURCE] = {SV_INIT("source.address"), SV_INIT("source.ip"), SV_INIT("source.domain")},
        [DECODING_DESTINATION] = {SV_INIT("destination.address"), SV_INIT("destination.ip"),
                                  SV_INIT("destination.domain")},
    };
    if (value.n == 0 || (value.n == 1 && (value.p[0] == '-' || value.p[0] == '?')) ||
        sv_eq(value, SV("None")))
        return;
    decoding_add(decoding, names[end][0], value);
    decoding_add(decoding, names[end][decoding_is_ip(value) ? 1 : 2], value);
}

void decoding_set_time(struct decoding *decoding, nanos time)
{
    decoding->event->time = time;
    decoding->event->flags &= ~(unsigned)EVENT_TIME_ASSUMED;
}

void decoding_set_time_since_epoch(struct decoding *decoding, uint64_t count, nanos unit)
{
    nanos time;
    if (!__builtin_mul_overflow(count, unit, &time))
        decoding_set_time(decoding, time);
}

static bool is_ipv4(sv s)
{
    unsigned dots = 0, digits = 0, part = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.') {
            if (digits == 0 || ++dots > 3)
                return false;
            digits = part = 0;
        } else if (ascii_digit(s.p[i])) {
            part = part * 10 + (unsigned)(s.p[i] - '0');
            if (++digits > 3 || part > 255)
                return false;
        } else {
            return false;
        }
    }
    return dots == 3 && digits > 0;
}

bool decoding_is_ip(sv s)
{
    if (s.n < 2 || s.n > IP_BYTES_MAX)
        return false;
    if (is_ipv4(s))
        return true;
    size_t zone = sv_find_char(s, '%');
    sv address = zone == SV_NPOS ? s : sv_first(s, zone);
    unsigned colons = 0;
    for (size_t i = 0; i < address.n; i++) {
        char c = address.p[i];
        if (c == ':')
            colons++;
        else if (ascii_hex(c) < 0 && c != '.')
            return false;
    }
    return colons == 0 ? is_ipv4(address) : colons >= 2 && colons <= 7;
}

size_t decoding_put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3f));
    out[0] = (char)((0xf0 << (4 - n)) | code);
    return n;
}
