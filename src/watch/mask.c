#include "watch/mask.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"
#include "watch/mask_priv.h"

#define PATTERN_STARS "***"
#define HIDDEN        "[hidden: it may hold a secret that could not be masked]"

enum {
    FORMS = 3,
    WORDS = (MASKS_MAX + BITS_PER_WORD - 1) / BITS_PER_WORD,
    TOGETHER = 16,  /* events that are looked at with one pass */
    ROUNDS_MAX = 8, /* of hiding in one text: where there is still more, it is hidden whole */
};

/* One event's secrets as they are found. */
struct hiding {
    struct masks *masks;
    struct arena *arena;
    enum mask_sieve_word word;
    const uint64_t *marked;       /* patterns that could match */
    sv secrets[MASK_SECRETS_MAX]; /* the longest first: another may be the beginning of it */
    size_t secret_count, hidden;
    bool crowded; /* there were more */
};

static void remember(struct hiding *hiding, sv secret)
{
    size_t n = secret.n;
    if (n >= 2 && (secret.p[0] == '"' || secret.p[0] == '\'') && secret.p[n - 1] == secret.p[0])
        secret = sv_first(sv_from(secret, 1), n - 2);
    if (secret.n < MASK_SPREAD_BYTES_MIN)
        return;
    for (size_t i = 0; i < hiding->secret_count; i++)
        if (sv_eq(hiding->secrets[i], secret))
            return;
    if (hiding->secret_count == MASK_SECRETS_MAX) {
        hiding->crowded = true;
        return;
    }
    size_t at = hiding->secret_count++;
    for (; at > 0 && hiding->secrets[at - 1].n < secret.n; at--)
        hiding->secrets[at] = hiding->secrets[at - 1];
    hiding->secrets[at] = secret;
}

/* text with what stands from..to replaced; HIDDEN without room. */
static sv splice(struct hiding *hiding, sv text, size_t from, size_t to)
{
    size_t n = from + strlen(PATTERN_STARS) + (text.n - to);
    char *out = arena_alloc(hiding->arena, n + 1);
    hiding->hidden++;
    if (!out)
        return SV(HIDDEN);
    memcpy(out, text.p, from);
    memcpy(out + from, PATTERN_STARS, strlen(PATTERN_STARS));
    if (text.n > to)
        memcpy(out + from + strlen(PATTERN_STARS), text.p + to, text.n - to);
    return (sv){out, n};
}

static bool is_hidden(sv secret)
{
    return sv_eq(secret, SV(PATTERN_STARS)) || secret.n == 0;
}

/* Everything that one pattern finds. */
static sv hide_pattern(struct hiding *hiding, const struct mask *mask, sv text)
{
    size_t at = 0, from, to;
    for (size_t hits = 0; at <= text.n; hits++) {
        enum mask_search found = mask_search(hiding->masks, mask, text, at, &from, &to);
        if (found == MASK_NOTHING)
            return text;
        if (found == MASK_GIVEN_UP) {
            hiding->hidden++;
            return SV(HIDDEN);
        }
        sv secret = sv_first(sv_from(text, from), to - from);
        if (hits == MASK_HITS_MAX)
            return splice(hiding, text, from, text.n);
        if (is_hidden(secret) || found == MASK_EXCEPTED) {
            at = to > at ? to : at + 1;
            continue;
        }
        remember(hiding, secret);
        text = splice(hiding, text, from, to);
        at = from + strlen(PATTERN_STARS);
    }
    return text;
}

/* All patterns that are marked, one after the other; NULL: all. */
static sv hide_marked(struct hiding *hiding, const uint64_t *marked, sv text)
{
    const struct masks *masks = hiding->masks;
    for (size_t i = 0; text.n && i < masks->count; i++)
        if (!marked || bits_has(marked, i))
            text = hide_pattern(hiding, &masks->list[i], text);
    return text;
}

/* What could match the text as it came, and while something of it is hidden, all of them again: another may
 * match what is then left. */
static sv hide_patterns(struct hiding *hiding, sv text)
{
    if (hiding->word == MASK_SIEVE_NONE)
        return text;
    bool told = hiding->word == MASK_SIEVE_SOME && mask_sieve_tells(text);
    sv left = hide_marked(hiding, told ? hiding->marked : NULL, text);
    for (size_t round = 0; !sv_eq(left, text); round++) {
        if (round == ROUNDS_MAX) {
            hiding->hidden++;
            return SV(HIDDEN);
        }
        text = left;
        left = hide_marked(hiding, NULL, text);
    }
    return left;
}

/* --- secrets that are known, wherever else they stand */

/* A secret as auditd writes it, and as JSON does; as it is, it is the form 0. Empty if there is no other. */
static sv form_of(struct hiding *hiding, sv secret, size_t form)
{
    static const char digits[] = "0123456789ABCDEF";
    if (form == 0)
        return secret;
    char *out = arena_alloc(hiding->arena, secret.n * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < secret.n; i++) {
        unsigned char c = (unsigned char)secret.p[i];
        if (form == 1) {
            out[n++] = digits[c >> 4];
            out[n++] = digits[c & 15];
        } else {
            if (c == '"' || c == '\\')
                out[n++] = '\\';
            out[n++] = (char)c;
        }
    }
    return form == 2 && n == secret.n ? SV("") : (sv){out, out ? n : 0};
}

static sv hide_everywhere(struct hiding *hiding, sv text, sv needle)
{
    size_t from = 0;
    for (size_t hits = 0; needle.n && text.n; hits++) {
        size_t found = sv_find(sv_from(text, from), needle);
        if (found == SV_NPOS)
            break;
        if (hits == MASK_HITS_MAX)
            return splice(hiding, text, from, text.n);
        text = splice(hiding, text, from + found, from + found + needle.n);
        from += found + strlen(PATTERN_STARS);
        if (from > text.n)
            break;
    }
    return text;
}

static sv hide_known(struct hiding *hiding, sv text)
{
    for (size_t i = 0; i < hiding->secret_count; i++)
        for (size_t form = 0; form < FORMS; form++)
            text = hide_everywhere(hiding, text, form_of(hiding, hiding->secrets[i], form));
    return text;
}

/* Whether the record shows each secret in a form that we know; else it has it in another. */
static bool shows_all(struct hiding *hiding, sv raw)
{
    for (size_t i = 0; i < hiding->secret_count; i++) {
        bool shown = false;
        for (size_t form = 0; form < FORMS && !shown; form++) {
            sv needle = form_of(hiding, hiding->secrets[i], form);
            shown = needle.n && sv_find(raw, needle) != SV_NPOS;
        }
        if (!shown)
            return false;
    }
    return true;
}

/* Asked of names that look like one of those. */
static bool is_named(const struct masks *masks, sv name)
{
    const char *dot = name.n ? memrchr(name.p, '.', name.n) : NULL;
    if (dot)
        name = sv_from(name, (size_t)(dot - name.p) + 1);
    for (size_t i = masks->first[mask_name_look(name)]; i > 0; i = masks->next[i - 1])
        if (sv_ieq(masks->names[i - 1], name))
            return true;
    return false;
}

/* Who and where: a name that happens to be somebody's password is still a name. */
static bool is_identity(sv name)
{
    return sv_starts(name, SV("user.")) || sv_starts(name, SV("host.")) || sv_starts(name, SV("source.")) ||
           sv_starts(name, SV("destination.")) || sv_starts(name, SV("log.")) ||
           sv_starts(name, SV("event."));
}

/* Hidden whole, for its name. */
static bool is_secret(const struct masks *masks, const struct event_field *field)
{
    return field->value.n && bits_has(masks->name_looks, mask_name_look(field->name)) &&
           field->type != EVENT_NULL && is_named(masks, field->name);
}

static void hide_field(struct hiding *hiding, struct event_field *field)
{
    if (field->value.n == 0 || field->type == EVENT_NULL)
        return;
    if (!is_secret(hiding->masks, field)) {
        field->value = hide_patterns(hiding, field->value);
        return;
    }
    remember(hiding, field->value);
    field->value = SV(PATTERN_STARS);
    field->type = EVENT_STRING;
    hiding->hidden++;
}

static void hide_rest(struct hiding *hiding, struct event *event, sv raw)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (!is_identity(event->fields[i].name))
            event->fields[i].value = hide_known(hiding, event->fields[i].value);
    event->message = hide_known(hiding, event->message);
    event->raw = hide_known(hiding, event->raw);
    if (raw.n == 0 || (!hiding->crowded && shows_all(hiding, raw)))
        return;
    event->raw = SV(HIDDEN);
    if (hiding->crowded)
        event->message = SV(HIDDEN);
}

static void hide_all(struct hiding *hiding, struct event *event)
{
    struct event_field *fields = arena_alloc(hiding->arena, (event->field_count + 1) * sizeof *fields);
    sv raw = event->raw;
    if (!fields) {
        event->field_count = 0;
        event->raw = event->message = SV(HIDDEN);
        hiding->hidden = 1;
        return;
    }
    if (event->field_count)
        memcpy(fields, event->fields, event->field_count * sizeof *fields);
    event->fields = fields;
    for (size_t i = 0; i < event->field_count; i++)
        hide_field(hiding, &fields[i]);
    event->message = hide_patterns(hiding, event->message);
    event->raw = hide_patterns(hiding, event->raw);
    if (hiding->secret_count)
        hide_rest(hiding, event, raw);
}

static bool has_secret_field(const struct masks *masks, const struct event *event)
{
    for (size_t i = 0; i < event->field_count; i++)
        if (is_secret(masks, &event->fields[i]))
            return true;
    return false;
}

/* A few events at a time, so that one with a secret casts suspicion on few others. */
void masks_suspect(struct masks *masks, const struct event *const *events, size_t count, bool *ret)
{
    for (size_t from = 0, n; from < count; from += n) {
        n = count - from < TOGETHER ? count - from : TOGETHER;
        bool clear = masks->sieve && mask_sieve_clears(masks->sieve, events + from, n);
        for (size_t i = from; i < from + n; i++)
            ret[i] = !clear || has_secret_field(masks, events[i]);
    }
}

size_t masks_hide(struct masks *masks, struct event *event, struct arena *arena)
{
    uint64_t marked[WORDS] = {0};
    enum mask_sieve_word word =
        masks->sieve ? mask_sieve_mark(masks->sieve, event, marked) : MASK_SIEVE_UNTOLD;
    if (word == MASK_SIEVE_NONE && !has_secret_field(masks, event))
        return 0;
    struct hiding hiding = {.masks = masks, .arena = arena, .word = word, .marked = marked};
    hide_all(&hiding, event);
    return hiding.hidden;
}

/* No pass tells what could match: while masks are loaded there is none. */
sv masks_hide_text(struct masks *masks, sv text, struct arena *arena)
{
    struct hiding hiding = {.masks = masks, .arena = arena, .word = MASK_SIEVE_UNTOLD};
    return hide_patterns(&hiding, text);
}
