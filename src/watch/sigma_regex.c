#include "watch/sigma_regex.h"

#include <string.h>

/* The expression as it is read, and the texts found, one behind the other. */
struct reading {
    sv in;
    size_t at;
    bool caseless, lost;
    char *texts;
    size_t n, run, best, best_n;
};

/* What comes next need not be next to what came before. */
static void end_run(struct reading *reading)
{
    size_t n = reading->n - reading->run;
    if (n > reading->best_n) {
        reading->best = reading->run;
        reading->best_n = n;
    }
    reading->run = reading->n;
}

static int peek(const struct reading *reading, size_t ahead)
{
    return ahead < reading->in.n - reading->at ? (unsigned char)reading->in.p[reading->at + ahead] : -1;
}

static bool is_letter_or_digit(int c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Without regard to case, k and s also match the Kelvin sign and the long s, which are other bytes. */
static bool is_itself(const struct reading *reading, int c)
{
    int lower = c | 0x20;
    return c > 0 && c < 0x80 && !(reading->caseless && (lower == 'k' || lower == 's'));
}

/* A character that stands for itself; n bytes of the expression. */
static void take_character(struct reading *reading, int c, size_t n)
{
    reading->at += n;
    int quantifier = peek(reading, 0);
    if (quantifier == '*' || quantifier == '?' || quantifier == '{' || !is_itself(reading, c)) {
        end_run(reading);
        return;
    }
    reading->texts[reading->n++] = (char)c;
    if (quantifier == '+')
        end_run(reading);
}

/* Simple escapes for a class of characters or a place; all others with a letter or a digit, which may go on
 * for longer, are not followed. */
static void take_escape(struct reading *reading)
{
    int c = peek(reading, 1);
    if (c < 0) {
        reading->lost = true;
        return;
    }
    if (!is_letter_or_digit(c)) {
        take_character(reading, c, 2);
        return;
    }
    end_run(reading);
    reading->lost = strchr("dDwWsSbBAzZRhHvVnrtfae", c) == NULL;
    reading->at += 2;
}

/* From "[" behind its "]". */
static void skip_class(struct reading *reading)
{
    reading->at++;
    if (peek(reading, 0) == '^')
        reading->at++;
    if (peek(reading, 0) == ']')
        reading->at++;
    for (int c; (c = peek(reading, 0)) != ']'; reading->at += c == '\\' ? 2 : 1)
        if (c < 0 || c == '[' || (c == '\\' && (peek(reading, 1) == 'Q' || peek(reading, 1) < 0))) {
            reading->lost = true; /* [:alpha:] and \Q…\E have rules of their own */
            return;
        }
    reading->at++;
}

/* From "(" behind its ")". Only plain and non-capturing groups: the others are options, conditions, comments.
 */
static void skip_group(struct reading *reading)
{
    size_t depth = 0;
    do {
        int c = peek(reading, 0), next = peek(reading, 1);
        bool plain = c != '(' || (next != '*' && (next != '?' || peek(reading, 2) == ':'));
        if (c < 0 || !plain || (c == '\\' && (next == 'Q' || next < 0))) {
            reading->lost = true;
            return;
        }
        depth += c == '(';
        depth -= c == ')';
        if (c == '[')
            skip_class(reading);
        else
            reading->at += c == '\\' ? 2 : 1;
    } while (depth && !reading->lost);
}

/* "{2,5}"; any other brace stands for itself, which is not worth the trouble. */
static void skip_repetition(struct reading *reading)
{
    size_t n = 1;
    for (int c; (c = peek(reading, n)) == ',' || c == ' ' || (c >= '0' && c <= '9');)
        n++;
    reading->lost = peek(reading, n) != '}';
    reading->at += n + 1;
}

static void take_next(struct reading *reading)
{
    int c = peek(reading, 0);
    switch (c) {
    case '\\':
        take_escape(reading);
        return;
    case '[':
        end_run(reading);
        skip_class(reading);
        return;
    case '(':
        end_run(reading);
        skip_group(reading);
        return;
    case '{':
        end_run(reading);
        skip_repetition(reading);
        return;
    case '.':
    case '^':
    case '$':
    case '*':
    case '+':
    case '?':
        end_run(reading);
        reading->at++;
        return;
    case '|':
    case ')':
        reading->lost = true;
        return;
    default:
        take_character(reading, c, 1);
    }
}

sv sigma_regex_literal(sv expression, bool caseless, struct arena *arena)
{
    struct reading reading = {.in = expression, .caseless = caseless};
    reading.texts = arena_alloc(arena, expression.n + 1);
    if (!reading.texts)
        return SV_NONE;
    if (sv_starts(expression, SV("(?i)"))) {
        reading.caseless = true;
        reading.at = 4;
    }
    while (reading.at < expression.n && !reading.lost)
        take_next(&reading);
    end_run(&reading);
    return reading.lost ? SV_NONE : sv_make(reading.texts + reading.best, reading.best_n);
}
