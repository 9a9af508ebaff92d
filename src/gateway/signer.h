/* Signs what leaves the gateway with the keys of relay.dkim. The keeper gives the keys; until one that is
 * needed is there the message waits, since where a policy wants a signature a message without one is thrown
 * away. */
#ifndef VEDETTE_GATEWAY_SIGNER_H
#define VEDETTE_GATEWAY_SIGNER_H

#include "config/config.h"
#include "io/loop.h"
#include "secret/keeper.h"

enum {
    SIGNER_KEYS_PER_MESSAGE_MAX = 4,  /* as RSA and Ed25519 side by side while verifiers learn the new one */
    SIGNER_BYTES_MAX = 4 * 16 * 1024, /* of all signatures of one message */
};

struct signer;

/* Copies what it needs of relay, and begins to fetch the keys: again and again until all are there. keeper
 * may be NULL without relay.dkim. */
struct signer *signer_new(struct loop *loop, struct keeper_client *keeper, const struct config_relay *relay);
void signer_free(struct signer *signer); /* NULL is fine */

enum signer_outcome {
    SIGNER_NOTHING, /* no key is for its From, or it cannot be signed: it goes as it is */
    SIGNER_SIGNED,  /* out has the fields to put in front of it */
    SIGNER_WAITS,   /* a key is not there yet: try again in a few seconds */
};

/* The keys of the most exact domain sign: that of From, or one above it. seconds: since 1970. out is empty
 * before, and with SIGNED has at most SIGNER_BYTES_MAX. */
enum signer_outcome signer_sign(const struct signer *signer, sv content, uint64_t seconds, struct buf *out);

/* The domain of a message's From (its last address, if it has several); empty without exactly one such field.
 */
sv signer_domain_of(sv content);

#endif
