#include "watch/prefilter.h"

#include <assert.h>
#include <hs.h>
#include <stdlib.h>

#include "base/ascii.h"
#include "base/bits.h"
#include "watch/prefilter_priv.h"
#include "wire/derived.h"

enum {
    CANDIDATES_MAX =
        64 * 1024,   /* of one block, beside as many as there are rules: past it nothing is known */
    OPEN_MAX = 4096, /* literals of one record that begin a branch */
    TEXTS_MAX = 2,   /* an event's: the record, and what does not lie in it */
    GATHER_BYTES_MAX = 128 * 1024, /* of records of one family that are looked at together */
    FOLD_BYTES_MAX = 2 * EVENT_BYTES_MAX,
};

/* What is being found of one record or event. */
struct found {
    uint32_t first, count; /* in candidates */
    bool unknown, shaped;
};

struct prefilter_scan {
    const struct prefilter *prefilter;
    hs_scratch_t *scratch;
    uint32_t now; /* what a stamp of the present record or event is */
    size_t stamp_count;
    uint32_t *stamps;        /* by the family's number of a literal: when it was last met */
    uint32_t *rule_stamps;   /* by rule: when it last became a candidate */
    uint32_t *sought, *seen; /* by the prefilter's number of a literal: when last looked for, and found */
    uint32_t open[OPEN_MAX];
    size_t open_count;
    bool veiled, shaped, crowded, spoilt;
    /* The block under way. */
    prefilter_audience_fn *audience;
    void *audience_arg;
    const sv *records;
    const uint16_t *numbers; /* of these records in the block that was given */
    size_t record, record_count;
    sv block;
    size_t family;
    bool disordered;
    struct found found[PREFILTER_RECORDS_MAX];
    /* Records of one family, copied so that they lie together. */
    char *gathered;
    size_t gathered_n, gathered_count;
    sv gathered_records[PREFILTER_RECORDS_MAX];
    uint16_t gathered_numbers[PREFILTER_RECORDS_MAX];
    uint32_t *candidates, *event_candidates;
    size_t candidate_count;
    /* What further clauses are looked for in: a record, or an event's pieces; and the same in lower case,
     * made when it is first asked for. */
    sv texts[TEXTS_MAX];
    size_t text_count, folded_count;
    char *fold;
    size_t fold_n;
    bool incomplete; /* there is more text than is kept: then what is looked for counts as found */
};

struct prefilter_scan *prefilter_scan_new(const struct prefilter *prefilter)
{
    struct prefilter_scan *scan = calloc(1, sizeof *scan);
    assert(scan);
    scan->prefilter = prefilter;
    for (size_t i = 0; i < prefilter->family_count; i++)
        if (prefilter->families[i].literal_count > scan->stamp_count)
            scan->stamp_count = prefilter->families[i].literal_count;
    scan->stamps = calloc(scan->stamp_count + 1, sizeof *scan->stamps);
    scan->rule_stamps = calloc(prefilter->rule_count, sizeof *scan->rule_stamps);
    scan->sought = calloc(prefilter->literal_count + 1, sizeof *scan->sought);
    scan->seen = calloc(prefilter->literal_count + 1, sizeof *scan->seen);
    scan->candidates = calloc(CANDIDATES_MAX + prefilter->rule_count, sizeof *scan->candidates);
    scan->event_candidates = calloc(prefilter->rule_count, sizeof *scan->event_candidates);
    scan->fold = malloc(FOLD_BYTES_MAX);
    scan->gathered = malloc(GATHER_BYTES_MAX);
    assert(scan->sought && scan->seen && scan->fold && scan->stamps && scan->rule_stamps &&
           scan->candidates && scan->event_candidates && scan->gathered);
    for (size_t i = 0; i < prefilter->family_count; i++) {
        hs_error_t result = hs_alloc_scratch(prefilter->families[i].database, &scan->scratch);
        assert(result == HS_SUCCESS);
    }
    return scan;
}

void prefilter_scan_free(struct prefilter_scan *scan)
{
    if (!scan)
        return;
    hs_free_scratch(scan->scratch);
    free(scan->stamps);
    free(scan->rule_stamps);
    free(scan->sought);
    free(scan->seen);
    free(scan->candidates);
    free(scan->event_candidates);
    free(scan->fold);
    free(scan->gathered);
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
        memset(scan->stamps, 0, scan->stamp_count * sizeof *scan->stamps);
        memset(scan->rule_stamps, 0, scan->prefilter->rule_count * sizeof *scan->rule_stamps);
        memset(scan->sought, 0, scan->prefilter->literal_count * sizeof *scan->sought);
        memset(scan->seen, 0, scan->prefilter->literal_count * sizeof *scan->seen);
        scan->now = 1;
    }
    scan->open_count = scan->text_count = scan->folded_count = scan->fold_n = 0;
    scan->veiled = scan->shaped = scan->crowded = scan->incomplete = false;
}

/* Text of the present record or event, which lives until its end. */
static void keep_text(struct prefilter_scan *scan, sv text)
{
    if (scan->text_count == TEXTS_MAX || text.n > FOLD_BYTES_MAX - scan->fold_n) {
        scan->incomplete = true;
        return;
    }
    scan->texts[scan->text_count++] = text;
    scan->fold_n += text.n;
}

static void fold(struct prefilter_scan *scan)
{
    size_t at = 0;
    for (size_t i = 0; i < scan->text_count; at += scan->texts[i++].n)
        if (i >= scan->folded_count)
            sigma_fold(scan->fold + at, scan->texts[i].p, scan->texts[i].n);
    scan->folded_count = scan->text_count;
}

/* Whether what stands around the literal at that place of text is as its flags say. */
static bool fits(sv text, size_t at, size_t n, unsigned flags)
{
    const char *p = text.p + at;
    if (flags & NEED_LEFT && at > 0 && ascii_alnum(p[0]) && ascii_alnum(p[-1]))
        /* A number may be written with zeros in front. */
        if (p[-1] != '0' || !ascii_digit(p[0]))
            return false;
    if (flags & NEED_FRAME && !derived_is_frame(text, at))
        return false;
    return !(flags & NEED_RIGHT) || at + n == text.n || !ascii_alnum(p[n - 1]) ||
           !(ascii_alnum(p[n]) || p[n] == '=');
}

static bool stands_in(const struct need_literal *literal, sv hay, sv text)
{
    size_t from = 0, at;
    for (; (at = sv_find(sv_from(hay, from), literal->text)) != SV_NPOS; from += at + 1)
        if (fits(text, from + at, literal->text.n, literal->flags))
            return true;
    return false;
}

static bool is_there(const struct prefilter_scan *scan, const struct need_literal *literal)
{
    size_t at = 0;
    for (size_t i = 0; i < scan->text_count; at += scan->texts[i++].n) {
        sv text = scan->texts[i];
        if (stands_in(literal, literal->flags & NEED_CASED ? text : sv_make(scan->fold + at, text.n), text))
            return true;
    }
    return false;
}

/* Looks once a record for each literal that is not in the database, for many clauses have the same. */
static bool is_seen(struct prefilter_scan *scan, const struct family *family, uint32_t number)
{
    if (number < family->literal_count)
        return scan->stamps[number] == scan->now;
    number -= (uint32_t)family->literal_count;
    if (scan->sought[number] != scan->now) {
        scan->sought[number] = scan->now;
        if (is_there(scan, &scan->prefilter->literals[number]))
            scan->seen[number] = scan->now;
    }
    return scan->seen[number] == scan->now;
}

static bool is_met(struct prefilter_scan *scan, const struct family *family, const struct span *clause)
{
    for (uint32_t i = 0; i < clause->count; i++)
        if (is_seen(scan, family, family->numbers[clause->first + i]))
            return true;
    return false;
}

/* The clause that opens is met; are the others? */
static bool is_whole(struct prefilter_scan *scan, const struct opening *opening)
{
    if (scan->incomplete)
        return true;
    if (opening->clauses.count && scan->folded_count < scan->text_count)
        fold(scan);
    const struct family *family = &scan->prefilter->families[scan->family];
    for (uint32_t i = 0; i < opening->clauses.count; i++)
        if (!is_met(scan, family, &family->clauses[opening->clauses.first + i]))
            return false;
    return true;
}

/* Whether the rule sees the record and is no candidate yet. */
static bool is_asked(const struct prefilter_scan *scan, const uint64_t *audience, uint32_t rule)
{
    return (!audience || bits_has(audience, rule)) && scan->rule_stamps[rule] != scan->now;
}

/* Writes the rules of which a branch is whole. Returns how many. */
static uint32_t gather(struct prefilter_scan *scan, const uint64_t *audience, uint32_t *ret)
{
    const struct family *family = &scan->prefilter->families[scan->family];
    uint32_t count = 0;
    for (size_t i = 0; i < family->sure_count; i++)
        if (is_asked(scan, audience, family->sure[i]))
            ret[count++] = family->sure[i];
    for (size_t i = 0; i < scan->open_count; i++) {
        const struct span *opens = &family->opens[scan->open[i]];
        const struct opening *openings = family->openings + opens->first;
        for (uint32_t j = 0; j < opens->count; j++) {
            uint32_t rule = openings[j].rule;
            if (!is_asked(scan, audience, rule) || !is_whole(scan, &openings[j]))
                continue;
            scan->rule_stamps[rule] = scan->now;
            ret[count++] = rule;
        }
    }
    return count;
}

/* Whether the rest of a literal stands in a text where its front ends. */
static bool goes_on(const struct need_literal *literal, size_t front, sv text, size_t end)
{
    if (front == literal->text.n)
        return true;
    sv rest = sv_from(literal->text, front), there = sv_first(sv_from(text, end), rest.n);
    return literal->flags & NEED_CASED ? sv_eq(there, rest) : sv_ieq(there, rest);
}

/* Meets a literal whose front ends there in a text. */
static void meet(struct prefilter_scan *scan, unsigned id, sv text, size_t end)
{
    const struct family *family = &scan->prefilter->families[scan->family];
    const struct need_literal *literal = &family->literals[id];
    size_t front = family->fronts[id];
    if (id < derived_veil_count) {
        scan->shaped |= derived_veils[id].kind == VEIL_SHAPE;
        if (end >= literal->text.n)
            scan->veiled |= !scan->spoilt && derived_is_veil(&derived_veils[id], text, end);
        return;
    }
    if (scan->stamps[id] == scan->now || end < front || !goes_on(literal, front, text, end) ||
        !fits(text, end - front, literal->text.n, literal->flags))
        return;
    scan->stamps[id] = scan->now;
    if (scan->open_count == OPEN_MAX)
        scan->crowded = true;
    else
        scan->open[scan->open_count++] = id;
}

/* --- Blocks --- */

static void finish_record(struct prefilter_scan *scan)
{
    struct found *found = &scan->found[scan->numbers[scan->record]];
    *found = (struct found){.first = (uint32_t)scan->candidate_count};
    found->unknown = scan->veiled || scan->crowded || scan->candidate_count > CANDIDATES_MAX ||
                     scan->records[scan->record].n > EVENT_BYTES_MAX;
    found->shaped = scan->shaped;
    const struct family *family = &scan->prefilter->families[scan->family];
    if (found->unknown || scan->open_count + family->sure_count == 0)
        return;
    keep_text(scan, scan->records[scan->record]);
    const uint64_t *audience =
        scan->audience ? scan->audience(scan->audience_arg, scan->numbers[scan->record]) : NULL;
    found->count = gather(scan, audience, scan->candidates + found->first);
    scan->candidate_count += found->count;
}

/* The end of a record, as an offset in the block. */
static size_t end_of(const struct prefilter_scan *scan, size_t record)
{
    return (size_t)(scan->records[record].p - scan->block.p) + scan->records[record].n;
}

/* Where a record starts, as an offset in the block. */
static size_t start_of(const struct prefilter_scan *scan, size_t record)
{
    return (size_t)(scan->records[record].p - scan->block.p);
}

static int on_block(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)from, (void)flags;
    struct prefilter_scan *scan = arg;
    if (to <= start_of(scan, scan->record)) {
        /* Between two records; or a match of one that is done with: then each is scanned alone. */
        scan->disordered = scan->record > 0 && to <= end_of(scan, scan->record - 1);
        return scan->disordered;
    }
    while (to > end_of(scan, scan->record)) {
        if (scan->record + 1 == scan->record_count)
            return 0; /* in what follows the last record */
        finish_record(scan);
        scan->record++;
        start(scan);
    }
    if (to > start_of(scan, scan->record))
        meet(scan, id, scan->records[scan->record], (size_t)to - start_of(scan, scan->record));
    return 0;
}

static bool scan_text(struct prefilter_scan *scan, sv text)
{
    if (text.n == 0)
        return true;
    hs_error_t result = text.n > UINT32_MAX
                            ? HS_INVALID
                            : hs_scan(scan->prefilter->families[scan->family].database, text.p,
                                      (unsigned)text.n, 0, scan->scratch, on_block, scan);
    return result == HS_SUCCESS || (result == HS_SCAN_TERMINATED && scan->disordered);
}

static void scan_once(struct prefilter_scan *scan, sv block, const sv *records, const uint16_t *numbers,
                      size_t count)
{
    scan->block = block;
    scan->records = records;
    scan->numbers = numbers;
    scan->record_count = count;
    scan->record = 0;
    scan->disordered = false;
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

static void scan_records(struct prefilter_scan *scan, sv block, const sv *records, const uint16_t *numbers,
                         size_t count)
{
    size_t before = scan->candidate_count;
    scan_once(scan, block, records, numbers, count);
    if (!scan->disordered)
        return;
    scan->candidate_count = before;
    for (size_t i = 0; i < count; i++)
        scan_once(scan, records[i], &records[i], &numbers[i], 1);
}

static void scan_gathered(struct prefilter_scan *scan)
{
    if (scan->gathered_count)
        scan_records(scan, sv_make(scan->gathered, scan->gathered_n), scan->gathered_records,
                     scan->gathered_numbers, scan->gathered_count);
    scan->gathered_n = scan->gathered_count = 0;
}

/* Puts the record behind the others, with a byte between them that no literal has. */
static void gather_record(struct prefilter_scan *scan, sv record, uint16_t number)
{
    if (record.n > EVENT_BYTES_MAX) {
        scan->found[number] = (struct found){.unknown = true};
        return;
    }
    if (record.n + 1 > GATHER_BYTES_MAX - scan->gathered_n)
        scan_gathered(scan);
    char *copy = scan->gathered + scan->gathered_n;
    if (record.n)
        memcpy(copy, record.p, record.n);
    copy[record.n] = '\n';
    scan->gathered_n += record.n + 1;
    scan->gathered_records[scan->gathered_count] = sv_make(copy, record.n);
    scan->gathered_numbers[scan->gathered_count++] = number;
}

void prefilter_order(const uint8_t *families, size_t count, uint16_t *ret_order)
{
    size_t at[PREFILTER_FAMILIES_MAX + 1] = {0};
    for (size_t i = 0; i < count; i++)
        at[families[i] + 1]++;
    for (size_t i = 0; i < PREFILTER_FAMILIES_MAX; i++)
        at[i + 1] += at[i];
    for (size_t i = 0; i < count; i++)
        ret_order[at[families[i]]++] = (uint16_t)i;
}

void prefilter_block(struct prefilter_scan *scan, sv block, const sv *records, size_t count,
                     const uint8_t *families, const uint16_t *order, prefilter_audience_fn *audience,
                     void *arg)
{
    scan->audience = audience;
    scan->audience_arg = arg;
    scan->candidate_count = 0;
    assert(count <= PREFILTER_RECORDS_MAX);
    if (count == 0)
        return;
    if (!families || families[order[0]] == families[order[count - 1]]) {
        scan->family = families ? families[0] : PREFILTER_ALL;
        scan_records(scan, block, records, order, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (scan->family != families[order[i]])
            scan_gathered(scan);
        scan->family = families[order[i]];
        gather_record(scan, records[order[i]], order[i]);
    }
    scan_gathered(scan);
}

struct candidates prefilter_found(const struct prefilter_scan *scan, size_t record)
{
    const struct found *found = &scan->found[record];
    return (struct candidates){scan->candidates + found->first, found->count, found->unknown, found->shaped};
}

/* --- Events --- */

static int on_piece(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)from, (void)flags;
    struct prefilter_scan *scan = arg;
    if (id >= derived_veil_count) /* nothing is hidden any more */
        meet(scan, id, scan->block, (size_t)to);
    return 0;
}

void prefilter_event_begin(struct prefilter_scan *scan, size_t family)
{
    start(scan);
    scan->family = family;
}

void prefilter_event_look(struct prefilter_scan *scan, sv text)
{
    if (text.n == 0)
        return;
    scan->block = text;
    keep_text(scan, text);
    if (text.n > UINT32_MAX || hs_scan(scan->prefilter->families[scan->family].database, text.p,
                                       (unsigned)text.n, 0, scan->scratch, on_piece, scan) != HS_SUCCESS)
        scan->crowded = true;
}

struct candidates prefilter_event_end(struct prefilter_scan *scan)
{
    if (scan->crowded)
        return (struct candidates){.unknown = true};
    uint32_t count = gather(scan, NULL, scan->event_candidates);
    return (struct candidates){.rules = scan->event_candidates, .count = count};
}
