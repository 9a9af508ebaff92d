/* Rules with all that the configuration says belongs to them: lists, pipelines, and the rules' own folders.
 */
#ifndef VEDETTE_WATCH_RULE_BOOK_H
#define VEDETTE_WATCH_RULE_BOOK_H

#include "config/config.h"
#include "watch/ruleset.h"

/* Loads what config names into a new set of rules, and seals it. keep: so that rules can be explained. Errors
 * in rules, lists and pipelines go to fn. −1 only if a path that the configuration names cannot be read. */
int rule_book_load(const struct config *config, bool keep, struct ruleset **ret, rule_error_fn *fn, void *arg,
                   struct err *err);

/* Where the files of lists stand now: changes when one of them has changed, come or gone. */
uint64_t rule_book_stamp(const struct config *config);

#endif
