/* The rules that the configuration names, as the processes that work by them load them. */
#ifndef VEDETTE_CMD_ROLE_RULES_H
#define VEDETTE_CMD_ROLE_RULES_H

#include "config/config.h"
#include "watch/correlator.h"
#include "watch/rule_book.h"

/* Sealed; use and cache as for rule_book_load. What is wrong with a rule is logged and the others count; with
 * strict it refuses the whole. */
struct ruleset *role_rules(const struct config *config, enum rule_book_use use, struct database_cache *cache,
                           bool strict, struct err *err);

/* How much its correlations may remember, and of when. */
struct correlator_limits role_correlation_limits(const struct config *config);

#endif
