/* Hides passwords, tokens and keys in an event before a finding leaves: a mail is read by many. Pure.
 *
 * Masks are YAML (masks/secrets.yml, built in; more by `masks:` in the configuration):
 *
 *     masks:
 *       - name: option
 *         pattern: '--password=(?<secret>\S+)'       # PCRE2; what the group catches becomes ***
 *         except: '^/'                               # but not if it matches this
 *         examples: [{text: '--password=x', masked: '--password=***'}]
 *       - name: field
 *         fields: [password]                         # whole values, by the last part of the field's name
 *
 * What is found in one part of an event is hidden in all of it: as it is, in the hexadecimal form of auditd
 * and with JSON's escapes. Where a bound is reached, or the record may hold a secret in a form that is not
 * known, the whole text is hidden. */
#ifndef VEDETTE_WATCH_MASK_H
#define VEDETTE_WATCH_MASK_H

#include "base/err.h"
#include "watch/ruleset.h"
#include "wire/event.h"

enum {
    MASKS_MAX = 500,           /* patterns, and as many names of fields */
    MASK_HITS_MAX = 64,        /* of one pattern in one text: what follows is hidden whole */
    MASK_SECRETS_MAX = 64,     /* in one event: with more, record and message are hidden whole */
    MASK_SPREAD_BYTES_MIN = 4, /* a shorter secret is hidden only where it was found */
};

struct masks;
struct database_cache;

/* With those that are built in. */
struct masks *masks_new(void);
void masks_free(struct masks *masks);

/* Adds those of a file or folder. −1 only if path cannot be read; errors in masks go to fn, and count. */
int masks_load(struct masks *masks, const char *path, rule_error_fn *fn, void *arg, struct err *err);

/* The same from memory. Returns how many masks were added. */
size_t masks_load_text(struct masks *masks, const char *name, sv text, rule_error_fn *fn, void *arg);

/* After the last load: makes ready to leave out at once what cannot match. Without it the same is hidden,
 * only slower. cache may be NULL. */
void masks_seal(struct masks *masks, struct database_cache *cache);

/* Which of these events hold anything that masks_hide might hide: most hold nothing, and one look at many
 * costs less. One thread at a time. */
void masks_suspect(struct masks *masks, const struct event *const *events, size_t count, bool *ret);

/* Replaces raw, message and the values of fields where they hold secrets; what is new lives in arena. Returns
 * how many pieces were hidden. Never fails: what cannot be masked is hidden whole. One thread at a time. */
size_t masks_hide(struct masks *masks, struct event *event, struct arena *arena);

#endif
