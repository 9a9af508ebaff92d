/* Masks, up to the first NUL, on the record behind it: nothing is read past its end, and a secret that a mask
 * named whole by its field stands nowhere afterwards. */
#include <stdlib.h>

#include "watch/mask.h"
#include "wire/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *arg, const struct rule_error *error)
{
    (void)arg;
    if (error->line < 1 || error->column < 1 || !error->message[0])
        abort();
}

/* The value of a field named password, if it is long enough to be hidden everywhere. */
static sv secret_of(const struct event *event)
{
    for (size_t i = 0; i < event->field_count; i++) {
        sv name = event->fields[i].name, value = event->fields[i].value;
        if (sv_ieq(name, SV("password")) && value.n >= MASK_SPREAD_BYTES_MIN &&
            event->fields[i].type != EVENT_NULL && sv_find_char(value, '*') == SV_NPOS &&
            sv_find(SV("[hidden: it may hold a secret that could not be masked]"), value) == SV_NPOS &&
            value.p[0] != '"' && value.p[0] != '\'')
            return value;
    }
    return SV_NONE;
}

/* What the seal leaves out has no part in what is hidden, but where a search without it is given up. */
static bool is_same(const struct event *slow, const struct event *quick)
{
    static const char given_up[] = "[hidden: it may hold a secret that could not be masked]";
    bool same = sv_eq(slow->message, quick->message) && sv_eq(slow->raw, quick->raw);
    for (size_t i = 0; i < slow->field_count; i++)
        same &= sv_eq(slow->fields[i].value, quick->fields[i].value);
    for (size_t i = 0; i < slow->field_count; i++)
        same |= sv_eq(slow->fields[i].value, sv_of(given_up));
    return same || sv_eq(slow->message, sv_of(given_up)) || sv_eq(slow->raw, sv_of(given_up));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv record = sv_make(data, size), text = sv_split(&record, '\0');
    struct arena *arena = arena_new((size_t)64 << 20);
    struct masks *masks = masks_new();
    struct event event;
    masks_load_text(masks, "fuzz.yml", text, check, NULL);
    decode(&event, sv_first(record, EVENT_BYTES_MAX), DECODE_AUTO, 1, NULL, arena);
    sv secret = secret_of(&event);
    struct event quick = event;
    masks_hide(masks, &event, arena);
    masks_seal(masks, NULL);
    bool suspect;
    masks_suspect(masks, (const struct event *const[]){&quick}, 1, &suspect);
    size_t hidden = masks_hide(masks, &quick, arena);
    if (!is_same(&event, &quick) || (hidden && !suspect))
        abort();
    if (secret.n && (sv_find(event.raw, secret) != SV_NPOS || sv_find(event.message, secret) != SV_NPOS))
        abort();
    masks_free(masks);
    arena_free(arena);
    return 0;
}
