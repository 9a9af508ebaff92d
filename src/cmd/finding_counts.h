/* How often each rule was found, for counters: by id, so that a change of rules changes nothing. */
#ifndef VEDETTE_CMD_FINDING_COUNTS_H
#define VEDETTE_CMD_FINDING_COUNTS_H

#include "base/buf.h"

enum { FINDING_COUNTS_MAX = 500 }; /* rules; those that come later are not counted one by one */

struct finding_counts;

struct finding_counts *finding_counts_new(void);
void finding_counts_free(struct finding_counts *counts); /* NULL is fine */
void finding_counts_add(struct finding_counts *counts, sv rule_id);

/* Appends a family of that name, a sample for each rule (base/metrics.h). */
void finding_counts_write(const struct finding_counts *counts, const char *name, const char *help,
                          struct buf *out);

#endif
