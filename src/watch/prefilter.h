/* Finds, in one pass over the raw bytes of many records, those that a rule could match, and which rules. It
 * errs in one direction only: watch/needs.h says why.
 *
 * Records that hide their values from a search (wire/derived.h: veils) are always worth decoding; then the
 * event is looked at piece by piece: the record, and every name and value that does not lie in it. */
#ifndef VEDETTE_WATCH_PREFILTER_H
#define VEDETTE_WATCH_PREFILTER_H

#include "watch/needs.h"

enum { PREFILTER_RECORDS_MAX = 1024 }; /* in one block */

struct prefilter;
struct database_cache;

/* Records whose log source has one product are looked at with the literals of the rules that see them; all
 * others, and all where that would spare little, with those of all rules. */
enum { PREFILTER_ALL = 0, PREFILTER_FAMILIES_MAX = 16 };

/* NULL if it would be of no use (no literals, or a processor without what Vectorscan needs): then every rule
 * is to be tried on every record. Keeps nothing of what it is given; cache may be NULL. */
struct prefilter *prefilter_new(const struct sigma_rule *rules, size_t count,
                                const struct sigma_fields *fields, struct database_cache *cache);
void prefilter_free(struct prefilter *prefilter);

/* With fewer literals one database for all is quicker: to tell and gather each log source's records costs
 * three times what looking for 200 literals does, and pays at 2,900. Tests, whose rules are few, lower it. */
extern size_t prefilter_families_from;

/* How many families there are, PREFILTER_ALL among them; and that of a log source. */
size_t prefilter_families(const struct prefilter *prefilter);
size_t prefilter_family(const struct prefilter *prefilter, const struct logsource *source);

/* Whether the rule is to be tried on every event. */
bool prefilter_is_always(const struct prefilter *prefilter, size_t rule);

/* How many literals it looks for, and the bytes of its databases. */
size_t prefilter_literals(const struct prefilter *prefilter, size_t *ret_bytes);

/* Scratch memory for one evaluating thread. */
struct prefilter_scan;
struct prefilter_scan *prefilter_scan_new(const struct prefilter *prefilter);
void prefilter_scan_free(struct prefilter_scan *scan);

/* Rules that could match, in no order, each once; not those that are always tried. */
struct candidates {
    const uint32_t *rules;
    size_t count;
    bool unknown; /* it cannot be told from the raw bytes: decode, and look at the event */
    bool shaped;  /* it holds for the log source that decode tells; for one that is given, as for unknown */
};

/* The rules that see the record of that number (base/bits.h), or NULL for all. Asked only where a rule might
 * match. */
typedef const uint64_t *prefilter_audience_fn(void *arg, size_t record);

/* The records' numbers, those of each family together. families: of each record. */
void prefilter_order(const uint8_t *families, size_t count, uint16_t *ret_order);

/* Looks at records that lie in the block in this order, at most PREFILTER_RECORDS_MAX. families: of each
 * record, with prefilter_order's order of them; or NULL for PREFILTER_ALL, with ascending numbers. */
void prefilter_block(struct prefilter_scan *scan, sv block, const sv *records, size_t count,
                     const uint8_t *families, const uint16_t *order, prefilter_audience_fn *audience,
                     void *arg);

/* What was found for one of them; valid until the next block or event. */
struct candidates prefilter_found(const struct prefilter_scan *scan, size_t record);

/* Looks at one event in pieces: begin, its pieces in any order, end. With unknown from the end, every rule is
 * to be tried. Does not touch what was found for a block. Of another family's rules it may say nothing. */
void prefilter_event_begin(struct prefilter_scan *scan, size_t family);
void prefilter_event_look(struct prefilter_scan *scan, sv text);
struct candidates prefilter_event_end(struct prefilter_scan *scan);

#endif
