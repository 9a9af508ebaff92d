/* Takes the reports that come back to our tokens: finds the message that each is about, writes down what
 * became of it, and sends an alert that bounced by the next route. Answers nobody: whatever it sends goes to
 * the alert's own recipients, and at most once over each gateway, so that nothing can loop (RFC 3834). */
#ifndef VEDETTE_COURIER_BOUNCES_H
#define VEDETTE_COURIER_BOUNCES_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"
#include "secret/keeper.h"
#include "wire/verp.h"

struct bounces;
struct notice;

/* Of envelope senders: made when first asked for, and kept in the store. On the store's thread, or before it
 * has one; in a batch of its own. */
int bounces_key(struct store *store, unsigned char ret[static VERP_KEY_BYTES], struct err *err);

/* The envelope sender for that mail; false without bounces.address. */
bool bounces_sender(const struct settings *settings, int64_t mail_id, char ret[static VERP_ADDRESS_MAX]);

struct bounces_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct keeper_client *keeper; /* NULL is fine for a Maildir */
    struct steps *steps;
    loop_fn *mailed; /* something was committed that is to be sent */
    /* Both inside the batch, on the store's thread; NULL: nothing is done. A report says that the message is
     * in its recipient's mailbox: */
    int (*delivered)(struct store *store, int64_t message_id, sv recipient, nanos at, struct err *err);
    /* No gateway is left for a message that bounced (notice_queue): */
    int (*notice)(struct store *store, const struct config *config, const struct notice *notice,
                  size_t *ret_count, struct err *err);
    void *arg; /* of mailed */
};

/* settings: kept; with the key. The mailbox that they name is read from bounces_settle on. */
struct bounces *bounces_new(const struct bounces_setup *setup, struct settings *settings);
void bounces_settle(struct bounces *bounces, struct settings *settings);
void bounces_free(struct bounces *bounces); /* NULL is fine */

/* One mail out of the bounce mailbox; not needed after the call. The same mail may come again, also after a
 * crash: it then changes nothing. */
void bounces_take(struct bounces *bounces, sv mail);

#endif
