/* Watches a Maildir for mails that have landed in it. */
#ifndef VEDETTE_COURIER_LANDING_H
#define VEDETTE_COURIER_LANDING_H

#include "io/loop.h"

struct landing;

/* The mail with that Message-ID lies in the Maildir. May come more than once for one mail. */
typedef void landing_fn(void *arg, sv message_id, nanos at);

/* Looks at what is there, then at what comes; waits for the folder if it is not there yet. path is copied. */
struct landing *landing_new(struct loop *loop, const char *path, landing_fn *fn, void *arg);
const char *landing_path(const struct landing *landing);
void landing_free(struct landing *landing); /* NULL is fine */

#endif
