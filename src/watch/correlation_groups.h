/* The groups of all correlations: found by key, longest unseen first, next due first, and those that changed.
 * Private.
 */
#ifndef VEDETTE_WATCH_CORRELATION_GROUPS_H
#define VEDETTE_WATCH_CORRELATION_GROUPS_H

#include "base/buf.h"
#include "base/timefmt.h"

/* Everything is for groups.c to change but state and what it points to. */
struct group {
    struct group *chain;                      /* in its hash cell */
    struct group *older, *newer;              /* of the same correlation */
    struct group *dirty_before, *dirty_after; /* among those that changed */
    nanos due;
    size_t place; /* in the heap of dues, from 1; 0: not there */
    size_t bytes; /* all that it takes */
    uint32_t correlation, key_n;
    bool dirty;
    char *key;
    void *state;
};

struct groups;

/* sizes: of the state of each of count correlations. */
struct groups *groups_new(const size_t *sizes, size_t count);

/* Frees what the groups themselves take: clear their states before. */
void groups_free(struct groups *groups);

struct group *groups_find(const struct groups *groups, size_t correlation, sv key);
struct group *groups_add(struct groups *groups, size_t correlation, sv key);

/* It has just been seen. */
void groups_touch(struct groups *groups, struct group *group);

/* What its state holds beside itself. */
void groups_weigh(struct groups *groups, struct group *group, size_t held);

void groups_set_due(struct groups *groups, struct group *group, nanos due); /* 0: none */
struct group *groups_next_due(const struct groups *groups);

void groups_dirty(struct groups *groups, struct group *group);
void groups_clean(struct groups *groups, struct group *group);
struct group *groups_first_dirty(const struct groups *groups);

/* The one of this correlation that was longest not seen, or NULL; and the next of them. */
struct group *groups_oldest(const struct groups *groups, size_t correlation);

/* The correlation that holds most bytes. */
size_t groups_largest(const struct groups *groups);

/* Its state must be cleared already. */
void groups_drop(struct groups *groups, struct group *group);

size_t groups_count(const struct groups *groups);
size_t groups_bytes(const struct groups *groups);

#endif
