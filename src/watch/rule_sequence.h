/* Runs the sequences of examples: events in time, and what the rules and correlations of the file find in
 * them.
 *
 *     sequences:
 *       - name: seven failures in a minute     # for the report; may be left out
 *         events:
 *           - {at: 0s, event: "…"}             # since 2026-01-05T00:00:00Z, a Monday; default: as its record
 * says
 *           - {at: 8h, repeat: 20, every: 1d, event: "…", format: json}
 *         until: 2h                            # so much time passes after the last event; default: what late
 * events get finds: 1                             # how often something is found; 0: never; default: at least
 * once
 *
 * Events are taken in the order of their times; those of the same time as they stand. */
#ifndef VEDETTE_WATCH_RULE_SEQUENCE_H
#define VEDETTE_WATCH_RULE_SEQUENCE_H

#include "watch/ruleset.h"
#include "watch/yaml_tree.h"

enum { RULE_SEQUENCE_EVENTS_MAX = 20000 };

struct rule_sequence {
    bool readable, passed, must_find;
    int line, column;
    sv name;
    const char *message; /* what is wrong; empty if it passed */
};

struct rule_sequence_counts {
    size_t finding, others; /* sequences in which something must be found, and in which nothing may */
};

typedef void rule_sequence_fn(void *arg, const struct rule_sequence *sequence);

void rule_sequences_run(const struct ruleset *ruleset, const struct yaml_node *list, rule_sequence_fn *fn,
                        void *arg, struct rule_sequence_counts *ret);

#endif
