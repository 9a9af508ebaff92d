/* Writes down what came of a delivery, then tells of it: step, log line, and a report of what is lost. */
#ifndef VEDETTE_COURIER_OUTCOME_H
#define VEDETTE_COURIER_OUTCOME_H

#include "courier/delivery.h"
#include "courier/jobs.h"
#include "courier/report.h"
#include "courier/steps.h"

struct verdict {
    enum store_state state; /* QUEUED, HANDED_OVER or FAILED */
    nanos next_attempt_at;  /* with QUEUED */
};

struct outcome_setup {
    struct jobs *jobs;
    struct steps *steps;
    struct report_gate *gate;
    void (*written)(void *arg, const struct delivery *delivery, const struct verdict *verdicts);
    void *arg;
};

/* Takes over the delivery. verdicts: one per message, copied. A message without any attempt is written down
 * with note as its reply. Calls written once all is on disk. */
void outcome_write(const struct outcome_setup *setup, struct delivery *delivery,
                   const struct verdict *verdicts, const char *note);

/* Messages past their time become EXPIRED, and that is reported where there is another gateway or another way
 * out. why (copied): what is said of those that no gateway was tried for, since none was up. done is called
 * with how many it were. */
typedef void outcome_expired_fn(void *arg, size_t count);
void outcome_expire(const struct outcome_setup *setup, struct settings *settings, const struct store_why *why,
                    outcome_expired_fn *done);

#endif
