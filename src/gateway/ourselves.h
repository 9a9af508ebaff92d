/* Who we are to others, so that mail which would come back to us is seen before it goes (RFC 5321 §5.1). */
#ifndef VEDETTE_GATEWAY_OURSELVES_H
#define VEDETTE_GATEWAY_OURSELVES_H

#include "config/config.h"
#include "io/address.h"

struct ourselves;

/* Our name, and the places where relay listens. All is copied. */
struct ourselves *ourselves_new(const struct config *config);
void ourselves_free(struct ourselves *ourselves); /* NULL is fine */

/* Our names, NULL-terminated. */
const char *const *ourselves_names(const struct ourselves *ourselves);

enum place {
    PLACE_ELSEWHERE,
    PLACE_OURS, /* whoever connects there talks to us */
    PLACE_LOST, /* no way leads there from this machine now */
};

/* Asks the kernel; never waits, sends nothing. */
enum place ourselves_place(const struct ourselves *ourselves, const struct address *address);

#endif
