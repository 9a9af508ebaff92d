/* One session with a next hop, and what carriers and their destination say to each other. Private to the
 * relay. */
#ifndef VEDETTE_GATEWAY_CARRIER_H
#define VEDETTE_GATEWAY_CARRIER_H

#include "gateway/relay_private.h"

struct carrier;

/* Dials. NULL: that failed at once, and destination_hop_failed was called. */
struct carrier *carrier_open(struct destination *destination, struct next_hop *hop, struct relay *relay);
void carrier_free(struct carrier *carrier); /* without a word; its errand is dropped from memory's view */

struct carrier *carrier_next(const struct carrier *carrier);
void carrier_link(struct carrier *carrier, struct carrier *next);
struct next_hop *carrier_hop(const struct carrier *carrier);

bool carrier_is_idle(const struct carrier *carrier);
void carrier_go(struct carrier *carrier);    /* idle: takes the next errand of the line */
void carrier_hurry(struct carrier *carrier); /* others wait for its place: patience is short from now on */
void carrier_drain(struct carrier *carrier); /* ends after what is under way */

/* The destination's side. */
struct errand *destination_take(struct destination *destination); /* NULL: nobody waits */
bool destination_has_other(const struct destination *destination, const struct next_hop *hop);
void destination_hop_works(struct destination *destination, struct next_hop *hop);
void destination_hop_failed(struct destination *destination, struct next_hop *hop, const char *why);
/* TLS with it could not be had; lasting: and will not by itself. */
void destination_tls_failed(struct destination *destination, struct next_hop *hop, const char *why,
                            bool lasting);
/* What waits here may not go there: it does not promise REQUIRETLS. */
void destination_hop_refused(struct next_hop *hop, const char *why);
void destination_connected(struct destination *destination);
void destination_carrier_gone(struct destination *destination, struct carrier *carrier, bool was_connecting);

#endif
