/* What the correlator remembers: keys and values of its own, committed with the findings that they gave.
 *
 * A batch changes hundreds of keys all over their table, and the next one many of the same again. So what a
 * transaction changed is only appended to a log, each key once; later the log is folded into the table, each
 * key once again. */
#ifndef VEDETTE_STORE_CORRELATION_H
#define VEDETTE_STORE_CORRELATION_H

#include "store/store.h"

enum {
    CORRELATION_LOG_SOME = 1024 * 1024,    /* from here on it is folded in quiet moments */
    CORRELATION_LOG_MAX = 2 * 1024 * 1024, /* and from here on whatever else there is to do */
};

/* value.p NULL takes the key out. */
int store_correlation_put(struct store *store, sv key, sv value, struct err *err);

/* How many bytes the log has; 0 when that cannot be told. */
size_t store_correlation_log_bytes(struct store *store);

/* Folds some of the log into the table, for about as long as that: 1 when there is more to do, 0 at the end,
 * −1 error. In a transaction; may be called in several, with anything between. */
int store_correlation_fold(struct store *store, nanos length, struct err *err);

/* The rows after that key, in order, until fn returns non-zero. Views hold until fn returns. Folds the log
 * first. 0 at the end of them, 1 when fn ended it, −1 error. */
typedef int store_correlation_fn(void *arg, sv key, sv value);
int store_correlations(struct store *store, sv after, store_correlation_fn *fn, void *arg, struct err *err);

#endif
