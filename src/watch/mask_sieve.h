/* Tells in one pass which of many regular expressions could match a text. It errs in one direction only: what
 * it leaves out does not match. Private to this room. */
#ifndef VEDETTE_WATCH_MASK_SIEVE_H
#define VEDETTE_WATCH_MASK_SIEVE_H

#include "base/sv.h"

struct mask_sieve;
struct database_cache;

/* Expressions in PCRE2's syntax, as they are matched with PCRE2_UTF and no other option; keeps nothing of
 * them. NULL if it would be of no use: then all may match. cache may be NULL. */
struct mask_sieve *mask_sieve_new(const sv *expressions, size_t count, struct database_cache *cache);
void mask_sieve_free(struct mask_sieve *sieve); /* NULL is fine */

/* Adds to the set (base/bits.h) all that may match the text. False if that cannot be told: all may. One
 * thread at a time. */
bool mask_sieve_mark(struct mask_sieve *sieve, sv text, uint64_t *set);

#endif
