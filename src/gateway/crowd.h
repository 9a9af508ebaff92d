/* How many clients of each network are connected, so that a flood from one leaves room for the others. Pure.
 */
#ifndef VEDETTE_GATEWAY_CROWD_H
#define VEDETTE_GATEWAY_CROWD_H

#include "io/address.h"

struct crowd;

enum { CROWD_MEMBERS_MAX = 32768 /* at once, of all networks */ };

struct crowd *crowd_new(void);
void crowd_free(struct crowd *crowd); /* NULL is fine */

/* One more of the client's network: an IPv4 /24, an IPv6 /48; an IPv4 address in IPv6's clothes counts as
 * IPv4. False, and nothing is counted, if `most` are there already. Each true needs one crowd_leave. */
bool crowd_enter(struct crowd *crowd, const struct address *client, size_t most);
void crowd_leave(struct crowd *crowd, const struct address *client);

/* How many of that network are there. */
size_t crowd_count(const struct crowd *crowd, const struct address *client);

#endif
