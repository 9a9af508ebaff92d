/* Takes the reports that come back to our tokens: finds the message that each is about, writes down what
 * became of it, and sends an alert that bounced by the next route. Answers nobody: whatever it sends goes to
 * the alert's own recipients, and at most once over each gateway, so that nothing can loop (RFC 3834). */
#ifndef VEDETTE_COURIER_BOUNCES_H
#define VEDETTE_COURIER_BOUNCES_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"
#include "wire/verp.h"

struct bounces;

struct bounces_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct steps *steps;
    loop_fn *mailed; /* something was committed that is to be sent */
    /* A report says that the message is in its recipient's mailbox. Called on the store's thread inside the
     * batch; NULL: it is written down as a step only. */
    int (*delivered)(struct store *store, int64_t message_id, sv recipient, nanos at, struct err *err);
    void *arg;
};

struct bounces *bounces_new(const struct bounces_setup *setup, struct settings *settings);
void bounces_settle(struct bounces *bounces, struct settings *settings);
void bounces_free(struct bounces *bounces); /* NULL is fine */

/* One mail out of the bounce mailbox; copied. done: what it told is on disk (err NULL), so that it need not
 * be read again, or it is to be read again later. The same mail may come twice. */
typedef void bounces_taken_fn(void *arg, const struct err *err);
void bounces_take(struct bounces *bounces, sv mail, bounces_taken_fn *done, void *arg);

/* The envelope sender for that mail; false while there is no key yet, or no bounces.address. */
bool bounces_sender(const struct settings *settings, int64_t mail_id, char ret[static VERP_ADDRESS_MAX]);

#endif
