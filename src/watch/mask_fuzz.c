/* Masks, up to the first NUL, on the records behind it, each to its NUL: nothing is read past an end, what is
 * hidden is the same with what leaves out searches and without, and a secret that a mask named whole by its
 * field stands nowhere afterwards. Without masks in front only those that are built in. */
#include <stdlib.h>

#include "watch/mask.h"
#include "wire/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RECORDS_MAX = 24 }; /* more than are looked at together */

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

/* One event as the masks hide it that were sealed, and as those that were not. */
static size_t hide_both(struct masks *slow, struct masks *quick, const struct event *event,
                        struct arena *arena)
{
    struct event slowly = *event, quickly = *event;
    sv secret = secret_of(event);
    masks_hide(slow, &slowly, arena);
    size_t hidden = masks_hide(quick, &quickly, arena);
    if (!is_same(&slowly, &quickly))
        abort();
    if (secret.n && (sv_find(slowly.raw, secret) != SV_NPOS || sv_find(slowly.message, secret) != SV_NPOS))
        abort();
    return hidden;
}

static void check_records(struct masks *slow, struct masks *quick, sv records)
{
    struct arena *arena = arena_new((size_t)64 << 20);
    struct event events[RECORDS_MAX];
    const struct event *all[RECORDS_MAX];
    bool suspect[RECORDS_MAX];
    size_t count = 0;
    for (; records.p && count < RECORDS_MAX; count++) {
        decode(&events[count], sv_first(sv_split(&records, '\0'), EVENT_BYTES_MAX), DECODE_AUTO, 1, NULL,
               arena);
        all[count] = &events[count];
    }
    masks_suspect(quick, all, count, suspect);
    for (size_t i = 0; i < count; i++)
        if (hide_both(slow, quick, &events[i], arena) && !suspect[i])
            abort();
    arena_free(arena);
}

static struct masks *load(sv text, bool sealed)
{
    struct masks *masks = masks_new();
    masks_load_text(masks, "fuzz.yml", text, check, NULL);
    if (sealed)
        masks_seal(masks, NULL);
    return masks;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct masks *shipped[2]; /* compiled once, for they are the same each time */
    sv records = sv_make(data, size), text = sv_split(&records, '\0');
    for (size_t i = 0; i < 2; i++)
        shipped[i] = shipped[i] ? shipped[i] : load(SV_NONE, i == 1);
    if (text.n == 0) {
        check_records(shipped[0], shipped[1], records);
        return 0;
    }
    struct masks *slow = load(text, false), *quick = load(text, true);
    check_records(slow, quick, records);
    masks_free(slow);
    masks_free(quick);
    return 0;
}
