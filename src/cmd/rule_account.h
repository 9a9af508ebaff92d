/* What the watch has to say of its rules: counters of those that matter, and a line of the log for each that
 * is expensive. */
#ifndef VEDETTE_CMD_RULE_ACCOUNT_H
#define VEDETTE_CMD_RULE_ACCOUNT_H

#include "watch/watch.h"

enum { RULE_ACCOUNT_RULES_MAX = 500 }; /* with counters of their own */

struct rule_account;

/* Borrows the watch and its rules. Logs those that are expensive by what they say, now (with advises: of
 * several watches one does), and those that turn out to be, once a minute. */
struct rule_account *rule_account_new(struct loop *loop, const struct watch *watch,
                                      const struct ruleset *ruleset, bool advises);
void rule_account_free(struct rule_account *account); /* NULL is fine */

/* The watch has other rules now. */
void rule_account_rules(struct rule_account *account, const struct ruleset *ruleset);

/* The sums of all rules; and by rule those that took a hundredth of all rules' time, then those with most
 * matches, at most RULE_ACCOUNT_RULES_MAX. */
void rule_account_metrics(const struct rule_account *account, struct buf *out);

/* All rules that were tried, the most expensive first, one JSON object a line (doc/json.md: `vedette rules
 * top`); as many as there is room for. */
void rule_account_list(const struct rule_account *account, struct buf *out);

#endif
