#include "watch/correlation_kind.h"

#include <assert.h>
#include <stdlib.h>

#define TIME_MAX INT64_C(8000000000000000000) /* in 2223: with timespans added it is still a time */

const struct correlation_kind *correlation_kind(enum correlation_type type)
{
    static const struct correlation_kind *const kinds[] = {
        [CORRELATION_EVENT_COUNT] = &kind_window,      [CORRELATION_VALUE_COUNT] = &kind_window,
        [CORRELATION_VALUE_SUM] = &kind_window,        [CORRELATION_VALUE_AVG] = &kind_window,
        [CORRELATION_VALUE_PERCENTILE] = &kind_window, [CORRELATION_TEMPORAL] = &kind_window,
        [CORRELATION_TEMPORAL_ORDERED] = &kind_window, [CORRELATION_NEW_VALUE] = &kind_new_value,
        [CORRELATION_RARE_HOURS] = &kind_rare,         [CORRELATION_RARE_DAYS] = &kind_rare,
        [CORRELATION_DORMANT] = &kind_dormant,         [CORRELATION_SPIKE] = &kind_spike,
        [CORRELATION_ABSENCE] = &kind_absence,         [CORRELATION_MISSING_BEFORE] = &kind_missing,
    };
    return kinds[type];
}

void keepsake_clear(struct keepsake *keepsake)
{
    free(keepsake->bytes);
    *keepsake = (struct keepsake){0};
}

static void keep(struct keepsake *keepsake, sv bytes)
{
    *keepsake = (struct keepsake){.bytes = bytes.n ? malloc(bytes.n) : NULL, .n = bytes.n};
    assert(keepsake->bytes || !bytes.n);
    if (bytes.p && bytes.n)
        memcpy(keepsake->bytes, bytes.p, bytes.n);
}

void keepsake_put(struct keepsake *keepsake, const struct projection *projection)
{
    struct buf buf = BUF_INIT(PROJECTION_BYTES_MAX);
    struct pack pack = PACK_INTO(&buf);
    projection_pack(&pack, projection, false);
    keepsake_clear(keepsake);
    if (pack.ok)
        keep(keepsake, buf_view(&buf));
    buf_free(&buf);
}

bool keepsake_get(const struct keepsake *keepsake, struct projection *ret, struct arena *arena)
{
    struct unpack unpack = UNPACK_FROM(sv_make(keepsake->bytes, keepsake->n));
    return keepsake->n && projection_unpack(&unpack, NULL, ret, arena);
}

void keepsake_pack(struct pack *pack, const struct keepsake *keepsake)
{
    pack_sv(pack, sv_make(keepsake->bytes, keepsake->n));
}

bool keepsake_unpack(struct unpack *unpack, struct keepsake *ret)
{
    sv bytes = unpack_sv(unpack);
    if (!unpack->ok || bytes.n > PROJECTION_BYTES_MAX)
        return false;
    keep(ret, bytes);
    return true;
}

nanos kind_unpack_time(struct unpack *unpack)
{
    nanos time = unpack_i64(unpack);
    unpack->ok &= time >= 0 && time <= TIME_MAX;
    return unpack->ok ? time : 0;
}

const char *kind_moment(nanos t, char *text, size_t cap)
{
    char whole[40];
    time_rfc3339(t, whole, sizeof whole);
    whole[10] = ' ';
    sv_copy(text, cap, sv_make(whole, 16));
    sv_copy(text + 16, cap - 16, SV(" UTC"));
    return text;
}
