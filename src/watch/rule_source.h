/* Which rules see which events: Sigma's log sources compared. Pure. */
#ifndef VEDETTE_WATCH_RULE_SOURCE_H
#define VEDETTE_WATCH_RULE_SOURCE_H

#include "wire/event.h"

/* Whether a rule for one log source is to be tried on an event of another: product, category and service are
 * each equal, ASCII case aside, or not named by one of the two; or so it is for one of the further names that
 * the event's source goes by (sshd is also auth, registry_set also registry_event). An event that names no
 * category may be of any, but what decoders tell apart is not of Sigma's categories for other machines
 * (webserver, proxy …) nor, unless it tells of processes, for what these do. */
bool rule_source_agrees(const struct logsource *rule, const struct logsource *event);

/* Whether a decoder tells events of this log source, so that a rule for it sees more than what is told by the
 * configuration or not at all (doc/fields.md has the list). */
bool rule_source_has_input(const struct logsource *rule);

/* Of what decoders tell, what there is much of: such records are told apart before rules are asked about
 * them. Where one is part of another, it comes first. */
struct source_family {
    struct logsource source;
    sv usual; /* what nearly every such record has, in lower case: to look for it would tell nothing */
    sv often; /* what many have, and the names of all fields that they are likely to have; empty: not known */
};

extern const struct source_family rule_source_families[];
extern const size_t rule_source_family_count;

bool source_family_includes(const struct source_family *family, const struct logsource *source);

/* The first that includes the source, or NULL. */
const struct source_family *source_family_of(const struct logsource *source);

/* Whether nearly every record of the family has the text, or many have, ASCII case aside. */
bool source_family_has(const struct source_family *family, sv text);
bool source_family_often_has(const struct source_family *family, sv text);

#endif
