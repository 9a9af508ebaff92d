/* The store's side of other ways out: notices that are owed to each, until one try was answered. */
#ifndef VEDETTE_STORE_NOTICE_H
#define VEDETTE_STORE_NOTICE_H

#include "store/store.h"

struct store_notice {
    int64_t id; /* set by insert */
    sv way;     /* the name of one of ways_out */
    sv kind;    /* a word of courier/notice.h */
    sv body;    /* JSON object, the generic form: other templates are made from it when it is sent */
    int attempts;
    nanos created_at, next_attempt_at;
};

int store_notice_insert(struct store *store, struct store_notice *notice, struct err *err);

/* Those that are due and whose id is above after_id, oldest first, at most max; copied into arena. */
int store_notices_due(struct store *store, nanos now, int64_t after_id, size_t max, struct arena *arena,
                      struct store_notice *ret, size_t *ret_count, struct err *err);

/* The outcome of one try: done (next_attempt_at is the moment of it), or again at next_attempt_at. */
int store_notice_attempted(struct store *store, int64_t id, bool done, nanos next_attempt_at, sv reply,
                           struct err *err);

/* When the next one comes due; 0 if none is owed. */
int store_notice_next_due(struct store *store, nanos *ret, struct err *err);

#endif
