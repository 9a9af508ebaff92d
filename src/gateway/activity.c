#include "gateway/activity.h"

#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>

enum { WAYS = 8, SETS = ACTIVITY_ROWS_MAX / WAYS };

#define MINUTE (60 * NANOS_PER_SECOND)

struct entry {
    struct activity_row row; /* last_at 0: free */
    int64_t minute;          /* that `now` counts; the one before it is in `before` */
    unsigned now, before;
};

struct activity {
    struct entry sets[SETS][WAYS];
};

struct activity *activity_new(void)
{
    struct activity *activity = calloc(1, sizeof *activity);
    assert(activity);
    return activity;
}

void activity_free(struct activity *activity)
{
    free(activity);
}

static bool is_cut_of(const char *kept, size_t cap, sv whole)
{
    return sv_eq(sv_of(kept), sv_first(whole, cap - 1));
}

static bool is_of(const struct activity_row *row, sv client, sv account, sv sender)
{
    return row->last_at && is_cut_of(row->client, sizeof row->client, client) &&
           is_cut_of(row->account, sizeof row->account, account) &&
           is_cut_of(row->sender, sizeof row->sender, sender);
}

/* Its row, or that of whoever was quiet for longest among those of its set. */
static struct entry *entry_of(struct activity *activity, sv client, sv account, sv sender, nanos now)
{
    uint64_t hash = hash_sv(client) * 31 + hash_sv(account) * 7 + hash_sv(sender);
    struct entry *set = activity->sets[hash % SETS], *oldest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (is_of(&set[i].row, client, account, sender))
            return &set[i];
        if (set[i].row.last_at < oldest->row.last_at)
            oldest = &set[i];
    }
    *oldest = (struct entry){.row = {.first_at = now}};
    sv_copy(oldest->row.client, sizeof oldest->row.client, client);
    sv_copy(oldest->row.account, sizeof oldest->row.account, account);
    sv_copy(oldest->row.sender, sizeof oldest->row.sender, sender);
    return oldest;
}

static void count_minute(struct entry *entry, nanos now)
{
    int64_t minute = now / MINUTE;
    if (minute != entry->minute) {
        entry->before = minute == entry->minute + 1 ? entry->now : 0;
        entry->now = 0;
        entry->minute = minute;
    }
    entry->now++;
}

/* The minute that has just begun is filled up with its share of the one before. */
static unsigned last_minute(const struct entry *entry, nanos now)
{
    int64_t minute = now / MINUTE;
    nanos left = MINUTE - now % MINUTE;
    if (minute == entry->minute)
        return entry->now + (unsigned)((nanos)entry->before * left / MINUTE);
    return minute == entry->minute + 1 ? (unsigned)((nanos)entry->now * left / MINUTE) : 0;
}

void activity_decided(struct activity *activity, const struct guard_question *question,
                      const struct guard_verdict *verdict)
{
    struct entry *entry =
        entry_of(activity, question->client_ip, question->account, question->sender, question->now);
    struct activity_row *row = &entry->row;
    count_minute(entry, question->now);
    row->last_at = question->now;
    sv_copy(row->rule, sizeof row->rule, sv_of(verdict->rule));
    row->taken += verdict->action == GUARD_ACCEPT || verdict->action == GUARD_REDIRECT;
    row->refused += verdict->action == GUARD_REJECT;
    row->deferred += verdict->action == GUARD_DEFER;
    row->held += verdict->action == GUARD_QUARANTINE;
}

void activity_took(struct activity *activity, sv client, sv account, sv sender, uint64_t bytes, nanos now)
{
    struct entry *entry = entry_of(activity, client, account, sender, now);
    entry->row.last_at = now;
    entry->row.bytes += bytes;
}

static int by_recency(const void *a, const void *b)
{
    const struct entry *left = *(const struct entry *const *)a, *right = *(const struct entry *const *)b;
    return (left->row.last_at < right->row.last_at) - (left->row.last_at > right->row.last_at);
}

void activity_each(const struct activity *activity, nanos now, size_t max, activity_fn *fn, void *arg)
{
    const struct entry **order = calloc(ACTIVITY_ROWS_MAX, sizeof *order);
    size_t n = 0;
    assert(order);
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS; way++)
            if (activity->sets[set][way].row.last_at)
                order[n++] = &activity->sets[set][way];
    qsort(order, n, sizeof *order, by_recency);
    for (size_t i = 0; i < n && i < max; i++) {
        struct activity_row row = order[i]->row;
        row.last_minute = last_minute(order[i], now);
        fn(arg, &row);
    }
    free(order);
}
