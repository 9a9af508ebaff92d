/* How much an alert matters, from 0 to 100: its rule's level, who and what it is about, and how often it
 * happened. */
#ifndef VEDETTE_ALERT_RISK_H
#define VEDETTE_ALERT_RISK_H

#include "config/config.h"
#include "wire/finding.h"

enum {
    RISK_MAX = 100,
    RISK_CONTEXT_MAX = 40,     /* of all lists together */
    RISK_ENTRIES_MAX = 100000, /* of all lists; further ones count for nothing */
    RISK_FILE_BYTES_MAX = 64 * 1024 * 1024,
};

/* The lists of the configuration that have a score, with what their files say now. What cannot be read is
 * left out; the rules' loader tells of it. */
struct risk_lists;
struct risk_lists *risk_lists_new(const struct config *config);
void risk_lists_free(struct risk_lists *lists); /* NULL is fine */

/* The scores of the lists that one of the finding's fields is in, each once, together at most
 * RISK_CONTEXT_MAX. ret_why (cap bytes) names them, such as "tier0 +30 (user.name root)". lists may be NULL.
 */
int risk_context(const struct risk_lists *lists, const struct finding *finding, char *ret_why, size_t cap);

/* Puts the context and why behind the finding's fields, in place of whatever the event has under their names:
 * who writes a record does not say how much it matters. Fields are in arena. Returns the context. */
int risk_add(const struct risk_lists *lists, struct finding *finding, struct arena *arena);

/* informational 5, low 20, medium 40, high 60, critical 80; the context; 5 for each doubling of count, 15 at
 * most. */
int risk_score(enum severity severity, int context, int64_t count);

/* The same for what a mail tells: the context stands among the finding's fields, as risk_field has it. */
int risk_of(const struct finding *finding, enum severity severity, int64_t count);

/* Under what names context and its reason stand among a finding's fields. */
extern const sv risk_field, risk_reason_field;

#endif
