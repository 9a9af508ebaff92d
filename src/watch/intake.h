/* Records become events, events meet the rules, matches become findings, findings become batches. Private. */
#ifndef VEDETTE_WATCH_INTAKE_H
#define VEDETTE_WATCH_INTAKE_H

#include "watch/input.h"
#include "watch/outbox.h"

struct intake;

/* Borrows everything. */
struct intake *intake_new(struct outbox *outbox, struct watch_counts *counts);
void intake_free(struct intake *intake);

/* The rules from now on. Borrowed until the next call or the end. */
void intake_rules(struct intake *intake, const struct ruleset *ruleset);

/* Evaluates one record of the input. */
void intake_record(struct intake *intake, const struct input *input, const struct input_record *record);

/* Findings that no batch has left with yet, in bytes. */
size_t intake_bytes(const struct intake *intake);

/* Sends the findings of the turn, if there are any, with the input's cursor. True if a batch went. */
bool intake_flush(struct intake *intake, const struct input *input);

/* Sends a batch without findings: only the cursor moves. */
void intake_cursor(struct intake *intake, const struct input *input);

#endif
