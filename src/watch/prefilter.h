/* Finds, in one pass over an event's bytes, the rules that could match it: those of whose necessary literals
 * one is there, and those that have none. It errs in one direction only.
 *
 * A literal is necessary if the rule cannot match an event in none of whose values it stands. It is taken
 * from positive comparisons with text and from regular expressions; never from negations, numbers, null or
 * cidr. What
 * is scanned is every value that rules can see: the raw record for those that lie in it, and apart from it
 * those that a decoder made (unescaped or derived). So it needs to know nothing of formats. */
#ifndef VEDETTE_WATCH_PREFILTER_H
#define VEDETTE_WATCH_PREFILTER_H

#include "watch/sigma_rule.h"

enum {
    PREFILTER_LITERAL_BYTES_MIN = 2,  /* a shorter literal tells too little */
    PREFILTER_LITERAL_BYTES_MAX = 32, /* of a longer one the beginning is enough */
    PREFILTER_LITERALS_MAX = 4096,    /* of one rule; with more it is always tried */
};

struct prefilter;

/* NULL if it would be of no use (no literals, or a processor without what Vectorscan needs): then every rule
 * is to be tried. Keeps nothing of rules. */
struct prefilter *prefilter_new(const struct sigma_rule *rules, size_t count);
void prefilter_free(struct prefilter *prefilter);

/* Whether the rule is to be tried on every event. */
bool prefilter_is_always(const struct prefilter *prefilter, size_t rule);

/* Scratch memory for one evaluating thread. */
struct prefilter_scan;
struct prefilter_scan *prefilter_scan_new(const struct prefilter *prefilter);
void prefilter_scan_free(struct prefilter_scan *scan);

/* Adds to the set (base/bits.h) every rule one of whose literals stands in text, ASCII case aside. False if
 * the scan failed: then every rule is to be tried. */
bool prefilter_mark(struct prefilter_scan *scan, sv text, uint64_t *set);

#endif
