#include "wire/control.h"

#include <assert.h>
#include <endian.h>

const char *control_type_name(enum control_type type)
{
    switch (type) {
#define X(name, number)  \
    case CONTROL_##name: \
        return #name;
        CONTROL_TYPES(X)
#undef X
    }
    return "unknown";
}

static bool known(uint32_t type)
{
    switch (type) {
#define X(name, number) case number:
        CONTROL_TYPES(X)
#undef X
        return true;
    }
    return false;
}

static uint32_t read_u32(const char *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return le32toh(value);
}

void control_head(enum control_type type, sv body, char ret[static CONTROL_HEAD_BYTES])
{
    assert(known(type) && body.n <= CONTROL_BODY_BYTES_MAX);
    uint32_t head[2] = {htole32((uint32_t)body.n), htole32((uint32_t)type)};
    memcpy(ret, head, sizeof head);
}

int control_put(struct buf *out, enum control_type type, sv body)
{
    char head[CONTROL_HEAD_BYTES];
    assert(known(type));
    if (body.n > CONTROL_BODY_BYTES_MAX || buf_room(out) < sizeof head + body.n)
        return -1;
    control_head(type, body, head);
    if (buf_put(out, sv_make(head, sizeof head)) < 0)
        return -1;
    return buf_put(out, body);
}

enum control_event control_take(sv in, enum control_type *ret_type, sv *ret_body, size_t *ret_used)
{
    if (in.n >= 4 && read_u32(in.p) > CONTROL_BODY_BYTES_MAX)
        return CONTROL_INVALID;
    if (in.n < CONTROL_HEAD_BYTES)
        return CONTROL_NEED_DATA;
    uint32_t body_bytes = read_u32(in.p), type = read_u32(in.p + 4);
    if (!known(type))
        return CONTROL_INVALID;
    if (in.n - CONTROL_HEAD_BYTES < body_bytes)
        return CONTROL_NEED_DATA;
    *ret_type = (enum control_type)type;
    *ret_body = sv_first(sv_from(in, CONTROL_HEAD_BYTES), body_bytes);
    *ret_used = CONTROL_HEAD_BYTES + body_bytes;
    return CONTROL_FRAME;
}
