/* Tells the other recipients, in a mail of its own, that a message will not reach somebody. Runs inside a
 * store job, so that the report is as durable as the failure that it tells of. */
#ifndef VEDETTE_COURIER_REPORT_H
#define VEDETTE_COURIER_REPORT_H

#include "config/config.h"
#include "store/store.h"

struct report {
    bool expired; /* else refused … */
    bool bounced; /* … or taken, and brought back by a delivery report */
    int64_t alert_id, message_id;
    sv recipient, gateway, reply, cause;
    int attempts;
    size_t others; /* failures since the last report that had none of their own */
};

/* True of a report's own Message-ID: there is no report about a report. */
bool report_is_one(sv message_id);

/* Queues the report, if there is anybody else to tell: for a refusal all configured recipients but the one
 * that was refused. */
int report_insert(struct store *store, const struct config *config, const struct report *report, nanos now,
                  struct err *err);

/* The same over every other way out: see courier/notice.h. */
int report_notice(struct store *store, const struct config *config, const struct report *report, nanos now,
                  struct err *err);

/* By mail where there is a gateway beside the one that failed, and over every other way out. */
int report_everywhere(struct store *store, const struct config *config, const struct report *report,
                      nanos now, struct err *err);

/* Whether anything but the gateway that failed is configured. */
bool report_is_possible(const struct config *config);

/* Keeps a broken recipient from filling the inboxes of the others. */
struct report_gate {
    nanos last;
    size_t held_back;
};

bool report_gate_open(const struct report_gate *gate, nanos now);

/* How many failures the report of now should name beside its own, or −1: not now, it is counted. */
int64_t report_gate_pass(struct report_gate *gate, nanos now);

#endif
