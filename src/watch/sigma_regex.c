#include "watch/sigma_regex.h"

#include "base/ascii.h"

#include <string.h>

enum { DEPTH_MAX = 8, CLASS_MAX = 4 /* characters in a class that are told one by one */ };

/* The expression as it is read. */
struct reading {
    sv in;
    size_t at;
    unsigned depth;
    bool caseless, lost;
    struct arena *arena;
};

/* What is known of all that a part of the expression matches. */
struct part {
    bool exact;                                  /* it is one of the ends, and needs are not told beside */
    struct text_set ends;                        /* it ends with one of these; never empty */
    struct text_set needs[SIGMA_REGEX_SETS_MAX]; /* one of each stands in it; those that tell most first */
    size_t need_count;
};

static void know_text(struct part *ret, sv text)
{
    ret->exact = true;
    ret->need_count = 0;
    ret->ends.texts[0] = text;
    ret->ends.count = 1;
}

static void know_nothing(struct part *ret)
{
    know_text(ret, SV(""));
    ret->exact = false;
}

static bool tells_more(const struct text_set *a, const struct text_set *b)
{
    size_t x = text_set_shortest(a), y = text_set_shortest(b);
    return x > y || (x == y && a->count < b->count);
}

static void add_need(struct part *part, const struct text_set *set)
{
    struct text_set least = *set;
    size_t at = part->need_count;
    text_set_keep_least(&least);
    if (text_set_shortest(&least) == 0)
        return;
    while (at > 0 && tells_more(&least, &part->needs[at - 1]))
        at--;
    if (at == SIGMA_REGEX_SETS_MAX)
        return;
    if (part->need_count < SIGMA_REGEX_SETS_MAX)
        part->need_count++;
    memmove(&part->needs[at + 1], &part->needs[at], (part->need_count - 1 - at) * sizeof least);
    part->needs[at] = least;
}

/* What comes next need not be next to what came before. */
static void break_off(struct part *part, const struct text_set *ends)
{
    add_need(part, &part->ends);
    part->ends = *ends;
    part->exact = false;
}

/* Puts the next part behind what is known of those before it. */
static void append(struct reading *reading, struct part *before, const struct part *next)
{
    for (size_t i = 0; i < next->need_count; i++)
        add_need(before, &next->needs[i]);
    if (next->exact && before->ends.count * next->ends.count > TEXT_SET_MAX)
        before->exact &= !text_set_keep_ends(&before->ends);
    if (!next->exact || !text_set_append(&before->ends, &next->ends, reading->arena))
        break_off(before, &next->ends);
}

/* Either of the two. */
static void join(struct part *a, struct part *b)
{
    struct text_set ends = a->ends, needs;
    bool fits = text_set_put_all(&ends, &b->ends);
    if (a->exact && b->exact && fits) {
        a->ends = ends;
        return;
    }
    break_off(a, &a->ends);
    break_off(b, &b->ends);
    needs = a->needs[0];
    bool both = a->need_count && b->need_count && text_set_put_all(&needs, &b->needs[0]);
    know_nothing(a);
    if (fits)
        a->ends = ends;
    if (both)
        add_need(a, &needs);
}

/* −1 past the end, beyond which reading may stand once it is lost. */
static int peek(const struct reading *reading, size_t ahead)
{
    return reading->at + ahead < reading->in.n ? (unsigned char)reading->in.p[reading->at + ahead] : -1;
}

/* Without regard to case, k and s also match the Kelvin sign and the long s, which are other bytes. */
static bool is_itself(const struct reading *reading, int c)
{
    int lower = c | 0x20;
    return c > 0 && c < 0x80 && !(reading->caseless && (lower == 'k' || lower == 's'));
}

static sv text_of(struct reading *reading, int c)
{
    char lower = ascii_lower((char)c);
    return arena_sv(reading->arena, sv_make(&lower, 1));
}

/* A character that stands for itself; n bytes of the expression. */
static void take_character(struct reading *reading, struct part *ret, int c, size_t n)
{
    sv text = is_itself(reading, c) ? text_of(reading, c) : SV_NONE;
    reading->at += n;
    if (text.n)
        know_text(ret, text);
}

/* Simple escapes for a class of characters or a place; all others with a letter or a digit, which may go on
 * for longer, are not followed. */
static void take_escape(struct reading *reading, struct part *ret)
{
    int c = peek(reading, 1);
    if (c < 0) {
        reading->lost = true;
        return;
    }
    if (!ascii_alnum(c)) {
        take_character(reading, ret, c, 2);
        return;
    }
    reading->at += 2;
    if (strchr("bBAzZ", c))
        know_text(ret, SV(""));
    else
        reading->lost = strchr("dDwWsSRhHvVnrtfae", c) == NULL;
}

/* A few characters one by one; false of ranges, other classes, and many. */
static bool put_member(struct reading *reading, struct text_set *members, size_t *at)
{
    int c = peek(reading, *at), next = peek(reading, *at + 1);
    if (c == '\\' && !ascii_alnum(next)) {
        (*at)++;
        c = next;
    } else if (c == '\\' || c == '-') {
        return false;
    }
    (*at)++;
    sv text = is_itself(reading, c) ? text_of(reading, c) : SV_NONE;
    return text.n && members->count < CLASS_MAX && text_set_put(members, text);
}

/* From "[" behind its "]". */
static void take_class(struct reading *reading, struct part *ret)
{
    size_t at = 1, first;
    struct text_set members = {.count = 0};
    bool few = peek(reading, at) != '^';
    at += !few;
    first = at;
    for (int c; (c = peek(reading, at)) != ']' || at == first;) {
        int next = peek(reading, at + 1);
        if (c < 0 || c == '[' || (c == '\\' && (next < 0 || strchr("QEc", next)))) {
            reading->lost = true; /* [:alpha:], \Q…\E and \c] have rules of their own */
            return;
        }
        size_t before = at;
        few = few && put_member(reading, &members, &at);
        at = before + (c == '\\' ? 2 : 1);
    }
    reading->at += at + 1;
    if (!few || members.count == 0)
        return;
    ret->exact = true;
    ret->ends = members;
}

static void take_alternatives(struct reading *reading, struct part *ret);

/* From "(" behind its ")". Only plain and non-capturing groups: the others are options, conditions, comments.
 * Recursion is bounded by DEPTH_MAX. NOLINTNEXTLINE(misc-no-recursion) */
static void take_group(struct reading *reading, struct part *ret)
{
    int next = peek(reading, 1);
    bool named = next == '?';
    if (next == '*' || (named && peek(reading, 2) != ':') || reading->depth == DEPTH_MAX) {
        reading->lost = true;
        return;
    }
    reading->at += named ? 3 : 1;
    reading->depth++;
    take_alternatives(reading, ret);
    reading->depth--;
    reading->lost |= peek(reading, 0) != ')';
    reading->at++;
}

/* One character, class, group or place. NOLINTNEXTLINE(misc-no-recursion) */
static void take_atom(struct reading *reading, struct part *ret)
{
    int c = peek(reading, 0);
    know_nothing(ret);
    switch (c) {
    case '\\':
        take_escape(reading, ret);
        return;
    case '[':
        take_class(reading, ret);
        return;
    case '(':
        take_group(reading, ret);
        return;
    case '^':
    case '$':
        know_text(ret, SV(""));
        reading->at++;
        return;
    case '.':
        reading->at++;
        return;
    case '{': /* one that stands for itself is not worth the trouble */
    case '*':
    case '+':
    case '?':
        reading->lost = true;
        return;
    default:
        take_character(reading, ret, c, 1);
    }
}

enum times { ONCE, AT_MOST_ONCE, AT_LEAST_ONCE, ANY_TIMES };

/* "{2,5}"; what begins with a zero, or may stand for itself, such as "{2,3,4}", is not told apart. */
static enum times take_repetition(struct reading *reading)
{
    size_t n = 1, commas = 0, blanks = 0;
    int first = peek(reading, n);
    for (int c; (c = peek(reading, n)) == ',' || c == ' ' || ascii_digit(c); n++) {
        commas += c == ',';
        blanks += c == ' ';
    }
    reading->lost |= peek(reading, n) != '}';
    reading->at += n + 1;
    return first >= '1' && first <= '9' && commas < 2 && !blanks ? AT_LEAST_ONCE : ANY_TIMES;
}

static enum times take_quantifier(struct reading *reading)
{
    enum times times;
    switch (peek(reading, 0)) {
    case '?':
        reading->at++;
        times = AT_MOST_ONCE;
        break;
    case '*':
        reading->at++;
        times = ANY_TIMES;
        break;
    case '+':
        reading->at++;
        times = AT_LEAST_ONCE;
        break;
    case '{':
        times = take_repetition(reading);
        break;
    default:
        return ONCE;
    }
    /* Lazy or possessive. */
    int c = peek(reading, 0);
    reading->at += c == '?' || c == '+';
    return times;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void take_sequence(struct reading *reading, struct part *ret)
{
    struct part atom;
    know_text(ret, SV(""));
    for (int c; !reading->lost && (c = peek(reading, 0)) >= 0 && c != '|' && c != ')';) {
        take_atom(reading, &atom);
        enum times times = take_quantifier(reading);
        bool may_be_none = times == AT_MOST_ONCE && atom.exact && text_set_put(&atom.ends, SV(""));
        if (times == ANY_TIMES || (times == AT_MOST_ONCE && !may_be_none))
            know_nothing(&atom);
        append(reading, ret, &atom);
        if (times == AT_LEAST_ONCE)
            break_off(ret, &atom.ends);
    }
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static void take_alternatives(struct reading *reading, struct part *ret)
{
    struct part other;
    take_sequence(reading, ret);
    while (!reading->lost && peek(reading, 0) == '|') {
        reading->at++;
        take_sequence(reading, &other);
        join(ret, &other);
    }
}

size_t sigma_regex_sets(struct text_set ret[static SIGMA_REGEX_SETS_MAX], sv expression, bool caseless,
                        struct arena *arena)
{
    struct reading reading = {.in = expression, .caseless = caseless, .arena = arena};
    struct part all;
    if (sv_starts(expression, SV("(?i)"))) {
        reading.caseless = true;
        reading.at = 4;
    }
    take_alternatives(&reading, &all);
    if (reading.lost || reading.at < expression.n)
        return 0;
    add_need(&all, &all.ends);
    memcpy(ret, all.needs, all.need_count * sizeof *ret);
    return all.need_count;
}
