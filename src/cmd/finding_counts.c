#include "cmd/finding_counts.h"

#include "base/arena.h"
#include "base/metrics.h"

#include <assert.h>
#include <stdlib.h>

enum { IDS_BYTES_MAX = 256 * 1024 };

struct finding_counts {
    struct arena *ids;
    struct {
        sv id;
        uint64_t found;
    } rules[FINDING_COUNTS_MAX];
    size_t count;
};

struct finding_counts *finding_counts_new(void)
{
    struct finding_counts *counts = calloc(1, sizeof *counts);
    assert(counts);
    counts->ids = arena_new(IDS_BYTES_MAX);
    return counts;
}

void finding_counts_free(struct finding_counts *counts)
{
    if (!counts)
        return;
    arena_free(counts->ids);
    free(counts);
}

void finding_counts_add(struct finding_counts *counts, sv rule_id)
{
    size_t i = 0;
    while (i < counts->count && !sv_eq(counts->rules[i].id, rule_id))
        i++;
    if (i == FINDING_COUNTS_MAX)
        return;
    if (i == counts->count) {
        sv id = arena_sv(counts->ids, rule_id);
        if (!id.p)
            return;
        counts->rules[counts->count++].id = id;
    }
    counts->rules[i].found++;
}

void finding_counts_write(const struct finding_counts *counts, const char *name, const char *help,
                          struct buf *out)
{
    metrics_family(out, name, METRICS_COUNTER, help);
    for (size_t i = 0; i < counts->count; i++) {
        const struct metrics_label label = {"rule", counts->rules[i].id};
        metrics_sample(out, name, &label, 1, (int64_t)counts->rules[i].found);
    }
}
