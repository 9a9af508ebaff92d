/* Tells in one pass which of many regular expressions could match a text. It errs in one direction only: what
 * it leaves out does not match. Private to this room.
 *
 * All texts of an event are looked at as lines of one: thirty short ones cost more to begin with than to
 * read. */
#ifndef VEDETTE_WATCH_MASK_SIEVE_H
#define VEDETTE_WATCH_MASK_SIEVE_H

#include "wire/event.h"

struct mask_sieve;
struct database_cache;

/* Expressions in PCRE2's syntax, as they are matched with PCRE2_UTF and no other option; keeps nothing of
 * them. NULL if it would be of no use: then all may match. cache may be NULL. */
struct mask_sieve *mask_sieve_new(const sv *expressions, size_t count, struct database_cache *cache);
void mask_sieve_free(struct mask_sieve *sieve); /* NULL is fine */

enum mask_sieve_word {
    MASK_SIEVE_NONE,   /* none of the texts can be matched */
    MASK_SIEVE_SOME,   /* what is in the set may match those that mask_sieve_tells of, and all the others */
    MASK_SIEVE_UNTOLD, /* all may match all */
};

/* The set (base/bits.h) of all that may match one of the event's texts: record, message and values. One
 * thread at a time. */
enum mask_sieve_word mask_sieve_mark(struct mask_sieve *sieve, const struct event *event, uint64_t *set);

/* Whether it is sure that nothing can match any text of these events: one look at many costs less. */
bool mask_sieve_clears(struct mask_sieve *sieve, const struct event *const *events, size_t count);

/* Whether a set says anything about this text. */
bool mask_sieve_tells(sv text);

#endif
