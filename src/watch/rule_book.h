/* Rules with all that the configuration says belongs to them: lists, pipelines, and the rules' own folders.
 */
#ifndef VEDETTE_WATCH_RULE_BOOK_H
#define VEDETTE_WATCH_RULE_BOOK_H

#include "config/config.h"
#include "watch/ruleset.h"

/* What the rules are for. */
enum rule_book_use {
    RULE_BOOK_MATCH,   /* events meet them */
    RULE_BOOK_EXPLAIN, /* and what they say is kept, key by key */
    RULE_BOOK_LOOK,    /* no event meets them: what that takes is not compiled */
};

/* Loads what config names into a new set of rules, and seals it. cache: where compiled databases are found
 * and kept (watch/database_cache.h), or NULL. Errors in rules, lists and pipelines go to fn. −1 only if a
 * path that the configuration names cannot be read. */
int rule_book_load(const struct config *config, enum rule_book_use use, struct database_cache *cache,
                   struct ruleset **ret, rule_error_fn *fn, void *arg, struct err *err);

/* Where the files of lists stand now: changes when one of them has changed, come or gone. */
uint64_t rule_book_stamp(const struct config *config);

#endif
