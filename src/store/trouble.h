/* What is or was wrong with each path. At most one trouble of a kind is open for a gateway. */
#ifndef VEDETTE_STORE_TROUBLE_H
#define VEDETTE_STORE_TROUBLE_H

#include "store/store.h"

struct store_trouble {
    int64_t id; /* set by open */
    sv gateway, kind;
    enum severity severity;
    sv cause, text, advice;
    nanos since;
    nanos until;      /* 0: it is open */
    int64_t alert_id; /* 0: nobody was mailed about it */
};

/* The newest of that kind, open or not: 1 found, 0 none, -1 error. Views are copied into arena. */
int store_trouble_last(struct store *store, sv gateway, sv kind, struct arena *arena,
                       struct store_trouble *ret, struct err *err);

/* None of that kind may be open for that gateway. */
int store_trouble_open(struct store *store, struct store_trouble *trouble, struct err *err);

/* Writes cause, text, advice, until and alert_id. */
int store_trouble_update(struct store *store, const struct store_trouble *trouble, struct err *err);

/* Those that are open or ended no earlier than `since`, oldest first, until fn returns non-zero. Views hold
 * until fn returns. */
typedef int store_trouble_fn(void *arg, const struct store_trouble *trouble);
int store_troubles(struct store *store, nanos since, store_trouble_fn *fn, void *arg, struct err *err);

#endif
