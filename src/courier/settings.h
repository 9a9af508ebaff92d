/* The courier's own copy of the configuration, counted, because jobs on the store's thread and sessions that
 * end later still read an older one when a reload has replaced it. */
#ifndef VEDETTE_COURIER_SETTINGS_H
#define VEDETTE_COURIER_SETTINGS_H

#include "alert/risk.h"
#include "config/config.h"
#include "wire/verp.h"

struct settings {
    struct config config;
    bool has_token_key; /* of envelope senders: see courier/bounces.h */
    unsigned char token_key[VERP_KEY_BYTES];
    struct risk_lists *risk; /* NULL: none */
    int references;          /* changed on the loop's thread only */
};

/* A copy of everything. */
struct settings *settings_new(const struct config *config);
struct settings *settings_keep(struct settings *settings);
void settings_free(struct settings *settings); /* NULL is fine */

/* True if a session over one is as good as one over the other. */
bool settings_same_gateway(const struct config_gateway *a, const struct config_gateway *b);

#endif
