/* Sigma's types: what lies within a timespan of one group. A window is any stretch of event time as long as
 * the timespan; it is looked at where an event ends it, so that none is cut by a boundary. */
#include "watch/correlation_kind.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"

enum {
    ENTRIES_AT_FIRST = 4,
    ENTRIES_LEAST = 256, /* kept of a group whatever its condition asks for */
    VALUES_MAX = 16,     /* of one event that count */
    CELLS = 32768,       /* for telling values apart; at least twice CORRELATION_COUNT_MAX */
};

/* One event, or one of its values: a hash (value_count), a number's bits (value_sum …), or which rule it
 * matched. */
struct entry {
    nanos time;
    uint64_t value;
};

struct window {
    nanos clock;           /* the latest event time */
    nanos found;           /* where the last window that was told of ended; 0: none */
    struct entry *entries; /* by time; equal times in order of arrival */
    uint32_t count, cap;
    struct keepsake last; /* of a condition that waits */
};

/* --- What a window says --- */

static bool waits(const struct correlation *rule)
{
    return rule->expression ? rule->expression_waits : correlation_condition_waits(&rule->condition);
}

static size_t distinct(const struct entry *from, const struct entry *to)
{
    size_t cells = 16, n = 0;
    while (cells < (size_t)(to - from + 1) * 2)
        cells *= 2;
    assert(cells <= CELLS);
    uint64_t *set = calloc(cells, sizeof *set);
    assert(set);
    for (const struct entry *entry = from; entry <= to; entry++) {
        uint64_t value = entry->value ? entry->value : 1;
        size_t i = value & (cells - 1);
        while (set[i] && set[i] != value)
            i = (i + 1) & (cells - 1);
        n += !set[i];
        set[i] = value;
    }
    free(set);
    return n;
}

static double number_of(const struct entry *entry)
{
    double number;
    memcpy(&number, &entry->value, sizeof number);
    return number;
}

static double sum(const struct entry *from, const struct entry *to)
{
    double total = 0;
    for (const struct entry *entry = from; entry <= to; entry++)
        total += number_of(entry);
    return total;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* By nearest rank: the least value that so many per cent of all do not exceed. */
static double percentile(const struct entry *from, const struct entry *to, double percent)
{
    size_t n = (size_t)(to - from) + 1;
    double *sorted = malloc(n * sizeof *sorted);
    assert(sorted);
    for (size_t i = 0; i < n; i++)
        sorted[i] = number_of(from + i);
    qsort(sorted, n, sizeof *sorted, by_number);
    double rank = percent / 100 * (double)n;
    size_t index = (size_t)rank;
    if ((double)index < rank)
        index++;
    double value = sorted[index ? index - 1 : 0];
    free(sorted);
    return value;
}

/* Which of the rules came, one bit each. */
static uint64_t rules_in(const struct entry *from, const struct entry *to)
{
    uint64_t set = 0;
    for (const struct entry *entry = from; entry <= to; entry++)
        set |= UINT64_C(1) << entry->value % CORRELATION_RULES_MAX;
    return set;
}

/* How many rules came in their order, the last of them with the last event: the longest such row. */
static size_t rules_in_order(const struct entry *from, const struct entry *to)
{
    size_t longest[CORRELATION_RULES_MAX] = {0}, row = 0;
    for (const struct entry *entry = from; entry <= to; entry++) {
        uint64_t rule = entry->value % CORRELATION_RULES_MAX;
        row = 0;
        for (uint64_t before = 0; before < rule; before++)
            row = longest[before] > row ? longest[before] : row;
        row++;
        if (row > longest[rule])
            longest[rule] = row;
    }
    return row;
}

static bool in_set(void *arg, size_t rule)
{
    const uint64_t *set = arg;
    return *set >> rule & 1;
}

static double value_of(const struct correlation *rule, const struct entry *from, const struct entry *to)
{
    switch (rule->type) {
    case CORRELATION_VALUE_COUNT:
        return (double)distinct(from, to);
    case CORRELATION_VALUE_SUM:
        return sum(from, to);
    case CORRELATION_VALUE_AVG:
        return sum(from, to) / (double)(to - from + 1);
    case CORRELATION_VALUE_PERCENTILE:
        return percentile(from, to, rule->percentile);
    case CORRELATION_TEMPORAL:
        return (double)__builtin_popcountll(rules_in(from, to));
    case CORRELATION_TEMPORAL_ORDERED:
        return (double)rules_in_order(from, to);
    case CORRELATION_EVENT_COUNT:
    case CORRELATION_NEW_VALUE:
    case CORRELATION_RARE_HOURS:
    case CORRELATION_RARE_DAYS:
    case CORRELATION_DORMANT:
    case CORRELATION_SPIKE:
    case CORRELATION_ABSENCE:
    case CORRELATION_MISSING_BEFORE:
        break;
    }
    return (double)(to - from + 1);
}

static bool has_condition(const struct correlation *rule)
{
    for (int i = 0; i < CORRELATION_OPERATORS; i++)
        if (rule->condition.has[i])
            return true;
    return false;
}

static bool holds(const struct correlation *rule, const struct entry *from, const struct entry *to,
                  double *ret)
{
    *ret = value_of(rule, from, to);
    if (rule->expression) {
        uint64_t set = rules_in(from, to);
        return sigma_condition_holds(rule->expression, in_set, &set);
    }
    /* Of rules in time, all must come unless a number says otherwise. */
    if (!has_condition(rule))
        return *ret >= (double)rule->source_count;
    return correlation_condition_holds(&rule->condition, *ret);
}

static const char *noun(enum correlation_type type)
{
    switch (type) {
    case CORRELATION_VALUE_COUNT:
        return "different values of";
    case CORRELATION_VALUE_SUM:
        return "is the sum of";
    case CORRELATION_VALUE_AVG:
        return "is the average of";
    case CORRELATION_VALUE_PERCENTILE:
        return "is the percentile of";
    case CORRELATION_TEMPORAL:
        return "of the rules matched";
    case CORRELATION_TEMPORAL_ORDERED:
        return "of the rules matched in their order";
    case CORRELATION_EVENT_COUNT:
    case CORRELATION_NEW_VALUE:
    case CORRELATION_RARE_HOURS:
    case CORRELATION_RARE_DAYS:
    case CORRELATION_DORMANT:
    case CORRELATION_SPIKE:
    case CORRELATION_ABSENCE:
    case CORRELATION_MISSING_BEFORE:
        break;
    }
    return "events";
}

/* "Seen: 5 events within 3 min, from 2026-… to 2026-…." */
static sv sentence(const struct correlation *rule, const struct entry *from, const struct entry *to,
                   double value, char *text, size_t cap)
{
    char length[32], first[40], last[40];
    sv field = rule->field.name;
    int n = snprintf(text, cap, "Seen: %.10g %s%s%.*s within %s, from %s to %s.", value, noun(rule->type),
                     field.n ? " " : "", SV_ARG(sv_first(field, 100)),
                     time_length(to->time - from->time, length, sizeof length),
                     kind_moment(from->time, first, sizeof first), kind_moment(to->time, last, sizeof last));
    return sv_make(text, n < 0 ? 0 : (size_t)n < cap ? (size_t)n : cap - 1);
}

/* --- Entries --- */

static nanos horizon(const struct turn *turn, const struct window *window)
{
    return window->clock - turn->rule->timespan - turn->lateness;
}

/* No more are of use than what the condition asks for, with some for events that come late. */
static uint32_t entries_max(const struct correlation *rule)
{
    double most = 0;
    if (rule->type != CORRELATION_EVENT_COUNT && rule->type != CORRELATION_VALUE_COUNT)
        return CORRELATION_COUNT_MAX;
    for (int i = 0; i < CORRELATION_OPERATORS; i++)
        most = rule->condition.has[i] && rule->condition.than[i] > most ? rule->condition.than[i] : most;
    most = most * 4 + ENTRIES_LEAST;
    return most > CORRELATION_COUNT_MAX ? CORRELATION_COUNT_MAX + 1 : (uint32_t)most;
}

static void drop_first(struct window *window, uint32_t n)
{
    window->count -= n;
    memmove(window->entries, window->entries + n, window->count * sizeof *window->entries);
}

static void prune(struct turn *turn, struct window *window)
{
    uint32_t n = 0, most = entries_max(turn->rule);
    while (n < window->count && window->entries[n].time < horizon(turn, window))
        n++;
    if (window->count - n > most) {
        turn_count_cut(turn);
        n = window->count - most;
    }
    if (n)
        drop_first(window, n);
}

static uint32_t insert(struct window *window, nanos time, uint64_t value)
{
    uint32_t at = window->count;
    if (window->count == window->cap) {
        window->cap = window->cap ? window->cap * 2 : ENTRIES_AT_FIRST;
        window->entries = reallocarray(window->entries, window->cap, sizeof *window->entries);
        assert(window->entries);
    }
    while (at > 0 && window->entries[at - 1].time > time)
        at--;
    memmove(window->entries + at + 1, window->entries + at, (window->count - at) * sizeof *window->entries);
    window->entries[at] = (struct entry){time, value};
    window->count++;
    return at;
}

static const struct entry *window_start(const struct window *window, uint32_t end, nanos timespan)
{
    uint32_t start = end;
    while (start > 0 && window->entries[start - 1].time >= window->entries[end].time - timespan)
        start--;
    return &window->entries[start];
}

/* Looks at the windows that the entries from first on end, as far as one of them may hold what came at that
 * time. NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void look(struct turn *turn, struct window *window, const struct projection *last, uint32_t first)
{
    char text[400];
    double value = 0;
    nanos time = window->entries[first].time, timespan = turn->rule->timespan;
    for (uint32_t end = first; end < window->count && window->entries[end].time <= time + timespan; end++) {
        const struct entry *from = window_start(window, end, timespan), *to = &window->entries[end];
        if (!holds(turn->rule, from, to, &value))
            continue;
        bool loud =
            !window->found || to->time > window->found + timespan || to->time < window->found - timespan;
        if (loud)
            window->found = to->time;
        turn_hold(turn, last, sentence(turn->rule, from, to, value, text, sizeof text), loud);
        return;
    }
}

static size_t values_of(const struct turn *turn, const struct hit *hit, uint64_t values[static VALUES_MAX])
{
    const struct event_field *fields[VALUES_MAX];
    enum correlation_type type = turn->rule->type;
    if (!turn->rule->field.name.n) {
        values[0] = hit->source;
        return 1;
    }
    size_t n = turn_values(turn, hit, fields, VALUES_MAX), count = 0;
    for (size_t i = 0; i < n; i++) {
        if (type == CORRELATION_VALUE_COUNT) {
            values[count++] = hash_sv(fields[i]->value);
            continue;
        }
        char text[64], *end;
        sv_copy(text, sizeof text, fields[i]->value);
        double number = strtod(text, &end);
        if (end == text || *end || fields[i]->value.n >= sizeof text || !(number > -1e300 && number < 1e300))
            continue;
        memcpy(&values[count++], &number, sizeof number);
    }
    return count;
}

/* NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void window_feed(struct turn *turn, const struct hit *hit)
{
    struct window *window = turn->state;
    uint64_t values[VALUES_MAX];
    if (window->clock && hit->time < horizon(turn, window)) {
        turn_count_late(turn);
        return;
    }
    size_t n = values_of(turn, hit, values);
    if (n == 0)
        return;
    uint32_t first = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = insert(window, hit->time, values[i]);
        first = at < first ? at : first;
    }
    window->clock = hit->time > window->clock ? hit->time : window->clock;
    /* An event with several values ends its window with the last of them. */
    first += (uint32_t)n - 1;
    if (waits(turn->rule)) {
        keepsake_put(&window->last, hit->projection);
        if (!turn->due)
            turn->due = turn->now + turn->rule->timespan + turn->lateness;
    } else {
        look(turn, window, hit->projection, first);
    }
    prune(turn, window);
}

/* The window that the oldest entry began is over.
 * NOLINTNEXTLINE(misc-no-recursion): chains, see correlator.c */
static void window_due(struct turn *turn)
{
    struct window *window = turn->state;
    uint32_t n = 0;
    char text[400];
    double value = 0;
    if (window->count == 0)
        return;
    nanos end = window->entries[0].time + turn->rule->timespan;
    while (n < window->count && window->entries[n].time <= end)
        n++;
    const struct entry *from = &window->entries[0], *to = &window->entries[n - 1];
    if (holds(turn->rule, from, to, &value))
        turn_find_kept(turn, &window->last, sentence(turn->rule, from, to, value, text, sizeof text));
    drop_first(window, n);
    if (window->count)
        turn->due = turn->now + turn->rule->timespan;
}

static bool window_dead(const struct turn *turn)
{
    const struct window *window = turn->state;
    return turn->now > window->clock + turn->rule->timespan + turn->lateness;
}

static size_t window_held(const void *state)
{
    const struct window *window = state;
    return window->cap * sizeof *window->entries + window->last.n;
}

static void window_clear(void *state)
{
    struct window *window = state;
    free(window->entries);
    keepsake_clear(&window->last);
}

static void window_pack(struct pack *pack, const void *state)
{
    const struct window *window = state;
    pack_i64(pack, window->clock);
    pack_i64(pack, window->found);
    pack_u32(pack, window->count);
    for (uint32_t i = 0; i < window->count; i++) {
        pack_i64(pack, window->entries[i].time);
        pack_u64(pack, window->entries[i].value);
    }
    keepsake_pack(pack, &window->last);
}

static bool window_unpack(struct unpack *unpack, void *state)
{
    struct window *window = state;
    window->clock = kind_unpack_time(unpack);
    window->found = kind_unpack_time(unpack);
    uint32_t count = unpack_u32(unpack);
    if (!unpack->ok || count > CORRELATION_COUNT_MAX + VALUES_MAX + 1 ||
        count > unpack->rest.n / sizeof(struct entry))
        return false;
    window->entries = calloc(count + 1, sizeof *window->entries);
    assert(window->entries);
    window->cap = count + 1;
    for (; window->count < count; window->count++) {
        struct entry *entry = &window->entries[window->count];
        entry->time = kind_unpack_time(unpack);
        entry->value = unpack_u64(unpack);
        if (window->count && entry->time < entry[-1].time)
            return false;
    }
    return keepsake_unpack(unpack, &window->last);
}

const struct correlation_kind kind_window = {
    .size = sizeof(struct window),
    .feed = window_feed,
    .due = window_due,
    .dead = window_dead,
    .held = window_held,
    .clear = window_clear,
    .pack = window_pack,
    .unpack = window_unpack,
};
