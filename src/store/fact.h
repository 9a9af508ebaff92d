/* What the last looks found of each gateway, and since when: certificate, capabilities, addresses. */
#ifndef VEDETTE_STORE_FACT_H
#define VEDETTE_STORE_FACT_H

#include "store/store.h"

struct store_fact {
    sv gateway, name, value;
    nanos since;   /* when the value was first seen */
    nanos seen_at; /* when it was last seen */
};

/* 1 found, 0 none, -1 error. Views are copied into arena. */
int store_fact_get(struct store *store, sv gateway, sv name, struct arena *arena, struct store_fact *ret,
                   struct err *err);

/* Writes what is seen at that moment; since stays while the value does. */
int store_fact_put(struct store *store, sv gateway, sv name, sv value, nanos at, struct err *err);

/* Every fact, by gateway and name, until fn returns non-zero. Views hold until fn returns. */
typedef int store_fact_fn(void *arg, const struct store_fact *fact);
int store_facts(struct store *store, store_fact_fn *fn, void *arg, struct err *err);

#endif
