/* Records become events, events meet the rules, matches become findings, findings become batches. Private. */
#ifndef VEDETTE_WATCH_SIEVE_H
#define VEDETTE_WATCH_SIEVE_H

#include "watch/input.h"
#include "watch/outbox.h"

struct sieve;

/* Borrows everything. */
struct sieve *sieve_new(struct outbox *outbox, struct watch_counts *counts);
void sieve_free(struct sieve *sieve);

/* The rules from now on. Borrowed until the next call, during which those of before are still needed, or the
 * end. */
void sieve_rules(struct sieve *sieve, const struct ruleset *ruleset);

/* What the rules have cost (watch/rule_cost.h), also those of before; valid until the next sieve_rules. */
const struct rule_costs *sieve_costs(const struct sieve *sieve);

/* Evaluates one record of the input. */
void sieve_record(struct sieve *sieve, const struct input *input, const struct input_record *record);

/* Evaluates many; only those that a rule could match are decoded. */
void sieve_block(struct sieve *sieve, const struct input *input, const struct input_block *block);

/* Of the last batch that left. */
uint64_t sieve_serial(const struct sieve *sieve);

/* Findings that no batch has left with yet, in bytes. */
size_t sieve_bytes(const struct sieve *sieve);

/* True when the turn should end, so that what it found leaves in one batch with one cursor. */
bool sieve_crowded(const struct sieve *sieve);

/* Sends the findings of the turn, if there are any, with the input's cursor. True if a batch went. */
bool sieve_flush(struct sieve *sieve, const struct input *input);

/* Sends a batch without findings: only the cursor moves. */
void sieve_cursor(struct sieve *sieve, const struct input *input);

#endif
