/* What the correlator remembers: keys and values of its own, committed with the findings that they gave. */
#ifndef VEDETTE_STORE_CORRELATION_H
#define VEDETTE_STORE_CORRELATION_H

#include "store/store.h"

/* value.p NULL takes the key out. */
int store_correlation_put(struct store *store, sv key, sv value, struct err *err);

/* The rows after that key, in order, until fn returns non-zero. Views hold until fn returns. 0 at the end of
 * them, 1 when fn ended it, −1 error. */
typedef int store_correlation_fn(void *arg, sv key, sv value);
int store_correlations(struct store *store, sv after, store_correlation_fn *fn, void *arg, struct err *err);

#endif
