#include "watch/regex_run.h"

#include <assert.h>
#include <stdlib.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "io/loop.h"

enum {
    GROUPS_MAX = 32,
    JIT_STACK_BYTES_MIN = 32 * 1024,
    JIT_STACK_BYTES_MAX = 512 * 1024,
    HEAP_KIB_MAX = 4096,
    STARTS_AT_FIRST = 256, /* places where a match may begin, in the first slice; */
    STARTS_GROW = 8,       /* each next slice has so many times more, */
    SLICE_NANOS = 500000,  /* unless one took so long */
    WORK_AT_FIRST = 128 * 1024,
    STEPS_LEAST = 64, /* at first, of one start: WORK_AT_FIRST by the length of the text, between these */
    STEPS_AT_FIRST_MAX = 2000,
    STEPS_GROW = 4,
    SAMPLE =
        251, /* of so many first slices one is measured; a prime, so that it is not always the same one's */
};

/* What an expression has taken beyond its share. */
struct debtor {
    const struct regex *regex;
    nanos owes, since;
};

struct regex_runner {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    struct debtor debtors[REGEX_DEBTORS_MAX];
    size_t debtor_count;
    unsigned share;
    uint64_t searches, given_up;
};

struct program {
    pcre2_code *code;
    bool sliced; /* may be searched from one place after the other */
};

/* What regex_compile makes. An expression that begins with .* is searched for from where a text or its lines
 * begin, and from nowhere else; that overlooks what stands behind broken characters, which nothing matches.
 */
struct regex {
    struct program usual, broken; /* broken: for texts with such characters; no code: the usual one will do */
    uint32_t characters_min;      /* of what it matches */
};

/* One search. */
struct search {
    struct regex_runner *runner;
    const struct program *program;
    sv text;
    size_t from, starts;
    uint32_t steps;
    nanos began; /* by the thread's clock, behind the first slice; 0: that has decided */
};

/* --- Compiling --- */

static bool contains(sv text, const char *part)
{
    return sv_find(text, sv_of(part)) != SV_NPOS;
}

static struct program finished(pcre2_code *code, bool sliced)
{
    uint32_t options = 0;
    /* Without a JIT (a kernel that forbids writable code) the interpreter does the same more slowly. */
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);
    (void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    return (struct program){code, sliced && !(options & PCRE2_ANCHORED)};
}

/* Whether it is searched for only where a text, or a line of it, begins. */
static bool is_tied(const pcre2_code *code)
{
    enum { AT_A_LINE = 2 };
    uint32_t options = 0, first = 0;
    (void)pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
    (void)pcre2_pattern_info(code, PCRE2_INFO_FIRSTCODETYPE, &first);
    return options & PCRE2_ANCHORED || first == AT_A_LINE;
}

static struct program for_broken_texts(sv expression, uint32_t options, bool sliced)
{
    int error;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression.p, expression.n,
                                     options | PCRE2_NO_DOTSTAR_ANCHOR, &error, &at, NULL);
    assert(code);
    if (!is_tied(code))
        return finished(code, sliced);
    pcre2_code_free(code); /* it says so itself */
    return (struct program){.code = NULL};
}

struct regex *regex_compile(sv expression, unsigned flags, char *ret_why, size_t why_size, size_t *ret_place)
{
    int error;
    PCRE2_SIZE at;
    uint32_t options = PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    options |= flags & REGEX_CASELESS ? PCRE2_CASELESS : 0;
    options |= flags & REGEX_MULTILINE ? PCRE2_MULTILINE : 0;
    options |= flags & REGEX_DOTALL ? PCRE2_DOTALL : 0;
    /* What depends on where the search begins, or ends it, cannot be searched in slices. */
    bool sliced = !contains(expression, "\\G") && !contains(expression, "(*");
    options |= sliced ? PCRE2_USE_OFFSET_LIMIT : 0;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)expression.p, expression.n, options, &error, &at, NULL);
    if (!code) {
        pcre2_get_error_message(error, (PCRE2_UCHAR *)ret_why, why_size);
        *ret_place = at + 1;
        return NULL;
    }
    struct regex *regex = calloc(1, sizeof *regex);
    assert(regex);
    if (is_tied(code))
        regex->broken = for_broken_texts(expression, options, sliced);
    regex->usual = finished(code, sliced);
    (void)pcre2_pattern_info(code, PCRE2_INFO_MINLENGTH, &regex->characters_min);
    return regex;
}

void regex_free(struct regex *regex)
{
    if (!regex)
        return;
    pcre2_code_free(regex->usual.code);
    pcre2_code_free(regex->broken.code);
    free(regex);
}

int regex_group_named(const struct regex *regex, const char *name)
{
    return pcre2_substring_number_from_name(regex->usual.code, (PCRE2_SPTR)name);
}

/* --- Debts --- */

struct regex_runner *regex_runner_new(unsigned share)
{
    struct regex_runner *runner = calloc(1, sizeof *runner);
    assert(runner);
    runner->data = pcre2_match_data_create(GROUPS_MAX, NULL);
    runner->context = pcre2_match_context_create(NULL);
    runner->stack = pcre2_jit_stack_create(JIT_STACK_BYTES_MIN, JIT_STACK_BYTES_MAX, NULL);
    assert(runner->data && runner->context && share);
    runner->share = share;
    pcre2_set_heap_limit(runner->context, HEAP_KIB_MAX);
    if (runner->stack)
        pcre2_jit_stack_assign(runner->context, NULL, runner->stack);
    return runner;
}

void regex_runner_free(struct regex_runner *runner)
{
    if (!runner)
        return;
    pcre2_jit_stack_free(runner->stack);
    pcre2_match_context_free(runner->context);
    pcre2_match_data_free(runner->data);
    free(runner);
}

uint64_t regex_runner_given_up(const struct regex_runner *runner)
{
    return runner->given_up;
}

static struct debtor *find_debtor(struct regex_runner *runner, const struct regex *regex)
{
    for (size_t i = 0; i < runner->debtor_count; i++)
        if (runner->debtors[i].regex == regex)
            return &runner->debtors[i];
    return NULL;
}

/* What it still owes at that time. */
static nanos owed(const struct regex_runner *runner, const struct debtor *debtor, nanos now)
{
    nanos left = debtor->owes - (now - debtor->since) / runner->share;
    return left > 0 ? left : 0;
}

static struct debtor *new_debtor(struct regex_runner *runner, const struct regex *regex, nanos now)
{
    struct debtor *place = &runner->debtors[0];
    if (runner->debtor_count < REGEX_DEBTORS_MAX)
        place = &runner->debtors[runner->debtor_count++];
    else
        for (size_t i = 1; i < REGEX_DEBTORS_MAX; i++)
            if (owed(runner, &runner->debtors[i], now) < owed(runner, place, now))
                place = &runner->debtors[i];
    *place = (struct debtor){regex, 0, now};
    return place;
}

static void charge(struct regex_runner *runner, const struct regex *regex, nanos took, nanos now)
{
    struct debtor *debtor = find_debtor(runner, regex);
    if (!debtor)
        debtor = new_debtor(runner, regex, now);
    debtor->owes = owed(runner, debtor, now) + took;
    debtor->since = now;
}

/* --- Searching --- */

static int search_slice(const struct search *search)
{
    struct regex_runner *runner = search->runner;
    pcre2_set_match_limit(runner->context, search->steps);
    pcre2_set_offset_limit(runner->context,
                           search->program->sliced ? search->from + search->starts - 1 : PCRE2_UNSET);
    return pcre2_match(search->program->code, (PCRE2_SPTR)(search->text.p ? search->text.p : ""),
                       search->text.n, search->from, 0, runner->data, runner->context);
}

static bool is_limit(int code)
{
    return code == PCRE2_ERROR_MATCHLIMIT || code == PCRE2_ERROR_DEPTHLIMIT;
}

/* After a slice that did not decide: makes the next one, or the same with more steps. False if that would
 * take too long. */
static bool go_on(struct search *search, int code)
{
    nanos now = loop_burnt(), took = search->began ? now - search->began : 0;
    search->began = now - took;
    if (is_limit(code)) {
        bool last = search->steps >= REGEX_STEPS_MAX / STEPS_GROW;
        search->steps = last ? REGEX_STEPS_MAX : search->steps * STEPS_GROW;
        return took * STEPS_GROW < REGEX_NANOS_MAX;
    }
    search->from += search->starts;
    while (search->from < search->text.n && ((unsigned char)search->text.p[search->from] & 0xc0) == 0x80)
        search->from++; /* not amid a character */
    if (took < SLICE_NANOS)
        search->starts *= STARTS_GROW;
    return took < REGEX_NANOS_MAX;
}

static enum regex_verdict search_on(struct search *search, int code)
{
    while (code < 0) {
        bool whole = !search->program->sliced || search->starts > search->text.n - search->from;
        if (code == PCRE2_ERROR_NOMATCH && whole)
            return REGEX_NOTHING;
        bool undecided = code == PCRE2_ERROR_NOMATCH || (is_limit(code) && search->steps < REGEX_STEPS_MAX);
        if (!undecided || !go_on(search, code))
            return REGEX_GIVEN_UP;
        code = search_slice(search);
    }
    return REGEX_FOUND;
}

static uint32_t first_steps(size_t length)
{
    size_t steps = WORK_AT_FIRST / (length + 1);
    return (uint32_t)(steps < STEPS_LEAST          ? STEPS_LEAST
                      : steps > STEPS_AT_FIRST_MAX ? STEPS_AT_FIRST_MAX
                                                   : steps);
}

/* What the expression owes; one that owes nothing any more is forgotten. */
static nanos debt_of(struct regex_runner *runner, const struct regex *regex)
{
    struct debtor *debtor = runner->debtor_count ? find_debtor(runner, regex) : NULL;
    nanos owes = debtor ? owed(runner, debtor, loop_monotonic()) : 0;
    if (debtor && owes == 0)
        *debtor = runner->debtors[--runner->debtor_count];
    return owes;
}

/* The first slice; what it took beyond what every expression may take, if it is measured. */
static int search_first(struct search *search, bool measured, nanos *ret_overdone)
{
    nanos before = measured ? loop_burnt() : 0;
    int code = search_slice(search);
    nanos over = measured ? loop_burnt() - before - REGEX_NANOS_FREE : 0;
    *ret_overdone = over > 0 ? over : 0;
    return code;
}

enum regex_verdict regex_run(struct regex_runner *runner, const struct regex *regex, sv text, size_t from)
{
    if (text.n < from + regex->characters_min)
        return REGEX_NOTHING;
    bool is_broken = regex->broken.code && !sv_utf8(text);
    struct search search = {.runner = runner,
                            .program = is_broken ? &regex->broken : &regex->usual,
                            .text = text,
                            .from = from,
                            .starts = STARTS_AT_FIRST,
                            .steps = first_steps(text.n)};
    nanos overdone, owes = debt_of(runner, regex);
    if (owes >= REGEX_NANOS_MAX) {
        runner->given_up++;
        return REGEX_GIVEN_UP;
    }
    int code = search_first(&search, owes > 0 || runner->searches++ % SAMPLE == 0, &overdone);
    enum regex_verdict verdict = search_on(&search, code);
    nanos over = search.began ? loop_burnt() - search.began - (nanos)text.n * REGEX_NANOS_FREE_PER_BYTE : 0;
    overdone += over > 0 ? over : 0;
    if (overdone)
        charge(runner, regex, overdone, loop_monotonic());
    runner->given_up += verdict == REGEX_GIVEN_UP;
    return verdict;
}

bool regex_group(const struct regex_runner *runner, int group, size_t *ret_from, size_t *ret_to)
{
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(runner->data);
    if (group < 0 || group >= GROUPS_MAX || places[2 * group] == PCRE2_UNSET ||
        places[2 * group + 1] < places[2 * group])
        return false;
    *ret_from = places[2 * group];
    *ret_to = places[2 * group + 1];
    return true;
}
