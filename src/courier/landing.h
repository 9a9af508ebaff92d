/* Landings: watches the mailboxes that the gateways' settings name, reads what each mail that lands there
 * tells of its way, and writes it down with the message. */
#ifndef VEDETTE_COURIER_LANDING_H
#define VEDETTE_COURIER_LANDING_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"
#include "secret/keeper.h"
#include "store/canary.h"

struct landings;

struct landings_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct keeper_client *keeper;
    struct steps *steps;
    loop_fn *landed; /* something has landed, and that is on disk */
    /* The mailbox of that gateway cannot be read now, or can again (NULL). Told when that changes. */
    void (*unreadable)(void *arg, const char *gateway, const struct err *err);
    void *arg;
};

struct landings *landings_new(const struct landings_setup *setup);
void landings_settle(struct landings *landings, struct settings *settings);
void landings_free(struct landings *landings); /* NULL is fine */

/* A mail with that Message-ID has been handed over over that gateway, and that is on disk. */
void landings_handed_over(struct landings *landings, sv message_id);

/* Something is waited for until then at that gateway's mailbox: it is looked at more often. */
void landings_expect(struct landings *landings, const char *gateway, nanos until);

/* The operator's word for the mail that bears this token: courier_confirm. */
void landings_confirm(struct landings *landings, sv token, courier_confirmed_fn *done, void *arg);

/* For bounces_setup.delivered: a report says that it is in its recipient's mailbox. */
int landing_delivered(struct store *store, int64_t message_id, sv recipient, nanos at, struct err *err);

/* Whether what this gateway takes for the configured recipients can be seen to land. */
bool landing_is_watched(const struct config *config, const struct config_gateway *gateway);

#endif
