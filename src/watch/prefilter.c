#include "watch/prefilter.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>

#include "watch/prefilter_priv.h"
#include "wire/derived.h"

enum {
    CANDIDATES_MAX =
        64 * 1024,   /* of one block, beside as many as there are rules: past it nothing is known */
    OPEN_MAX = 4096, /* literals of one record that begin a branch */
};

/* What is being found of one record or event. */
struct found {
    uint32_t first, count; /* in candidates */
    bool unknown;
};

struct prefilter_scan {
    const struct prefilter *prefilter;
    hs_scratch_t *scratch;
    uint32_t now;          /* what a stamp of the present record or event is */
    uint32_t *stamps;      /* by literal: when it was last met */
    uint32_t *rule_stamps; /* by rule: when it last became a candidate */
    uint32_t open[OPEN_MAX];
    size_t open_count;
    bool veiled, crowded, spoilt;
    /* The block under way. */
    const sv *records;
    size_t record, record_count;
    sv block;
    bool disordered;
    struct found found[PREFILTER_RECORDS_MAX];
    uint32_t *candidates, *event_candidates;
    size_t candidate_count;
};

struct prefilter_scan *prefilter_scan_new(const struct prefilter *prefilter)
{
    struct prefilter_scan *scan = calloc(1, sizeof *scan);
    assert(scan);
    scan->prefilter = prefilter;
    scan->stamps = calloc(prefilter->literal_count, sizeof *scan->stamps);
    scan->rule_stamps = calloc(prefilter->rule_count, sizeof *scan->rule_stamps);
    scan->candidates = calloc(CANDIDATES_MAX + prefilter->rule_count, sizeof *scan->candidates);
    scan->event_candidates = calloc(prefilter->rule_count, sizeof *scan->event_candidates);
    assert(scan->stamps && scan->rule_stamps && scan->candidates && scan->event_candidates);
    hs_error_t result = hs_alloc_scratch(prefilter->database, &scan->scratch);
    assert(result == HS_SUCCESS);
    return scan;
}

void prefilter_scan_free(struct prefilter_scan *scan)
{
    if (!scan)
        return;
    hs_free_scratch(scan->scratch);
    free(scan->stamps);
    free(scan->rule_stamps);
    free(scan->candidates);
    free(scan->event_candidates);
    free(scan);
}

void prefilter_scan_spoil(struct prefilter_scan *scan)
{
    scan->spoilt = true;
}

/* A new record or event: nothing is met yet. */
static void start(struct prefilter_scan *scan)
{
    if (++scan->now == 0) { /* after four thousand million: stamps of old must not be taken for new ones */
        memset(scan->stamps, 0, scan->prefilter->literal_count * sizeof *scan->stamps);
        memset(scan->rule_stamps, 0, scan->prefilter->rule_count * sizeof *scan->rule_stamps);
        scan->now = 1;
    }
    scan->open_count = 0;
    scan->veiled = scan->crowded = false;
}

static bool is_met(const struct prefilter_scan *scan, const struct span *literals)
{
    for (uint32_t i = 0; i < literals->count; i++)
        if (scan->stamps[scan->prefilter->clause_literals[literals->first + i]] == scan->now)
            return true;
    return false;
}

/* The first clause is met; are the others? */
static bool is_whole(const struct prefilter_scan *scan, const struct branch *branch)
{
    for (uint32_t i = 0; i < branch->clauses.count; i++)
        if (!is_met(scan, &scan->prefilter->clauses[branch->clauses.first + i]))
            return false;
    return true;
}

/* Writes the rules of which a branch is whole. Returns how many. */
static uint32_t gather(struct prefilter_scan *scan, uint32_t *ret)
{
    const struct prefilter *prefilter = scan->prefilter;
    uint32_t count = 0;
    for (size_t i = 0; i < scan->open_count; i++) {
        const struct span *branches = &prefilter->opens[scan->open[i]];
        for (uint32_t j = 0; j < branches->count; j++) {
            const struct branch *branch = &prefilter->branches[prefilter->open_branches[branches->first + j]];
            if (scan->rule_stamps[branch->rule] == scan->now || !is_whole(scan, branch))
                continue;
            scan->rule_stamps[branch->rule] = scan->now;
            ret[count++] = branch->rule;
        }
    }
    return count;
}

/* Meets a literal. */
static void meet(struct prefilter_scan *scan, unsigned id, sv behind)
{
    const struct prefilter *prefilter = scan->prefilter;
    if (id < derived_veil_count) {
        scan->veiled |= !scan->spoilt && derived_is_veil(&derived_veils[id], behind);
        return;
    }
    if (scan->stamps[id] == scan->now)
        return;
    scan->stamps[id] = scan->now;
    if (prefilter->opens[id].count == 0)
        return;
    if (scan->open_count == OPEN_MAX)
        scan->crowded = true;
    else
        scan->open[scan->open_count++] = id;
}

/* --- Blocks --- */

static void finish_record(struct prefilter_scan *scan)
{
    struct found *found = &scan->found[scan->record];
    *found = (struct found){.first = (uint32_t)scan->candidate_count};
    found->unknown = scan->veiled || scan->crowded || scan->candidate_count > CANDIDATES_MAX;
    if (found->unknown)
        return;
    found->count = gather(scan, scan->candidates + found->first);
    scan->candidate_count += found->count;
}

/* The end of a record, as an offset in the block. */
static size_t end_of(const struct prefilter_scan *scan, size_t record)
{
    return (size_t)(scan->records[record].p - scan->block.p) + scan->records[record].n;
}

static int on_block(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)from, (void)flags;
    struct prefilter_scan *scan = arg;
    size_t start_at = (size_t)(scan->records[scan->record].p - scan->block.p);
    if (to <= start_at && scan->record > 0 && to <= end_of(scan, scan->record - 1)) {
        scan->disordered = true; /* a match of a record that is done with: then each is scanned alone */
        return 1;
    }
    while (to > end_of(scan, scan->record)) {
        if (scan->record + 1 == scan->record_count)
            return 0; /* in what follows the last record */
        finish_record(scan);
        scan->record++;
        start(scan);
    }
    meet(scan, id, sv_first(sv_from(scan->block, to), end_of(scan, scan->record) - to));
    return 0;
}

static bool scan_text(struct prefilter_scan *scan, sv text)
{
    if (text.n == 0)
        return true;
    hs_error_t result = text.n > UINT32_MAX ? HS_INVALID
                                            : hs_scan(scan->prefilter->database, text.p, (unsigned)text.n, 0,
                                                      scan->scratch, on_block, scan);
    return result == HS_SUCCESS || (result == HS_SCAN_TERMINATED && scan->disordered);
}

static void scan_part(struct prefilter_scan *scan, sv block, const sv *records, size_t count)
{
    scan->block = block;
    scan->records = records;
    scan->record_count = count;
    start(scan);
    if (!scan_text(scan, block))
        scan->crowded = true;
    for (finish_record(scan); scan->record + 1 < count; finish_record(scan)) {
        bool failed = scan->crowded;
        scan->record++;
        start(scan);
        scan->crowded = failed;
    }
}

void prefilter_block(struct prefilter_scan *scan, sv block, const sv *records, size_t count)
{
    assert(count <= PREFILTER_RECORDS_MAX);
    scan->record = scan->candidate_count = 0;
    scan->disordered = false;
    if (count == 0)
        return;
    scan_part(scan, block, records, count);
    if (!scan->disordered)
        return;
    scan->candidate_count = 0;
    for (size_t i = count;
         i-- > 0;) { /* each goes through the first place, which is the first one's in the end */
        scan->record = 0;
        scan_part(scan, records[i], &records[i], 1);
        scan->found[i] = scan->found[0];
    }
}

struct candidates prefilter_found(const struct prefilter_scan *scan, size_t record)
{
    const struct found *found = &scan->found[record];
    return (struct candidates){scan->candidates + found->first, found->count, found->unknown};
}

/* --- Events --- */

static int on_piece(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)from, (void)to, (void)flags;
    if (id >= derived_veil_count) /* nothing is hidden any more */
        meet(arg, id, SV_NONE);
    return 0;
}

void prefilter_event_begin(struct prefilter_scan *scan)
{
    start(scan);
}

void prefilter_event_look(struct prefilter_scan *scan, sv text)
{
    if (text.n == 0)
        return;
    if (text.n > UINT32_MAX || hs_scan(scan->prefilter->database, text.p, (unsigned)text.n, 0, scan->scratch,
                                       on_piece, scan) != HS_SUCCESS)
        scan->crowded = true;
}

struct candidates prefilter_event_end(struct prefilter_scan *scan)
{
    if (scan->crowded)
        return (struct candidates){.unknown = true};
    uint32_t count = gather(scan, scan->event_candidates);
    return (struct candidates){scan->event_candidates, count, false};
}
