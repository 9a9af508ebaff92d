#include "watch/sigma_condition.h"

#include <stdarg.h>
#include <stdio.h>

struct parser {
    sv text;
    size_t at; /* where the current word begins */
    sv word;   /* the current word or parenthesis; empty at the end */
    const sv *names;
    size_t name_count;
    struct arena *arena;
    int depth;
    char *problem;
    size_t cap;
    size_t *ret_offset;
};

__attribute__((format(printf, 3, 4))) static struct sigma_node *fail(struct parser *parser, size_t offset,
                                                                     const char *fmt, ...)
{
    if (parser->problem[0] == 0) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(parser->problem, parser->cap, fmt, args);
        va_end(args);
        *parser->ret_offset = offset;
    }
    return NULL;
}

static bool is_mark(char c)
{
    return c == '(' || c == ')' || c == '|';
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Moves on to the next word. */
static void advance(struct parser *parser)
{
    size_t at = parser->at + parser->word.n;
    while (at < parser->text.n && is_space(parser->text.p[at]))
        at++;
    size_t end = at;
    while (end < parser->text.n && !is_space(parser->text.p[end]) && !is_mark(parser->text.p[end]))
        end++;
    if (end == at && at < parser->text.n)
        end++;
    parser->at = at;
    parser->word = (sv){parser->text.p + at, end - at};
}

/* Sigma's words are lower case; older rules write them in capitals. */
static bool is(sv word, const char *lower, const char *upper)
{
    return sv_eq(word, sv_of(lower)) || sv_eq(word, sv_of(upper));
}

static struct sigma_node *new_node(struct parser *parser, enum sigma_node_kind kind)
{
    struct sigma_node *node = arena_alloc(parser->arena, sizeof *node);
    if (!node)
        return fail(parser, parser->at, "there is no more room for rules");
    node->kind = kind;
    return node;
}

/* "them" and "*" are all selections; those whose name begins with _ only come by a pattern that does too. */
static bool picks(sv pattern, sv name)
{
    bool them = is(pattern, "them", "THEM");
    if (sv_starts(name, SV("_")) && (them || !sv_starts(pattern, SV("_"))))
        return false;
    if (them)
        return true;
    size_t p = 0, n = 0, star = SV_NPOS, resume = 0;
    while (n < name.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            resume = n;
        } else if (p < pattern.n && pattern.p[p] == name.p[n]) {
            p++;
            n++;
        } else if (star != SV_NPOS) {
            p = star;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

/* What follows "1 of", "all of", "N of"; needed 0 stands for all. */
static struct sigma_node *parse_target(struct parser *parser, uint64_t needed, size_t begin)
{
    sv pattern = parser->word;
    if (pattern.n == 0 || pattern.p[0] == '(' || pattern.p[0] == ')')
        return fail(parser, parser->at,
                    "'of' is followed by a selection's name, a pattern like filter_*, or "
                    "'them'");
    struct sigma_node *node = new_node(parser, SIGMA_AT_LEAST);
    size_t *chosen = arena_alloc(parser->arena, (parser->name_count + 1) * sizeof *chosen);
    if (!node || !chosen)
        return fail(parser, parser->at, "there is no more room for rules");
    for (size_t i = 0; i < parser->name_count; i++)
        if (picks(pattern, parser->names[i]))
            chosen[node->selection_count++] = i;
    if (node->selection_count == 0)
        return fail(parser, parser->at, "no selection is named by '%.*s'", SV_ARG(sv_first(pattern, 60)));
    if (needed > node->selection_count)
        return fail(parser, begin, "%llu are asked for, but '%.*s' names only %zu",
                    (unsigned long long)needed, SV_ARG(sv_first(pattern, 60)), node->selection_count);
    node->selections = chosen;
    node->needed = needed ? (size_t)needed : node->selection_count;
    advance(parser);
    return node;
}

static struct sigma_node *no_such_name(struct parser *parser, sv word, size_t begin)
{
    sv shown = sv_first(word, 60);
    if (is(word, "count", "COUNT") || is(word, "near", "NEAR"))
        return fail(parser, begin,
                    "'%.*s' is an aggregation, which is no longer part of Sigma: write a correlation rule",
                    SV_ARG(shown));
    if (sv_find_char(word, '*') != SV_NPOS)
        return fail(parser, begin, "a pattern needs a count: write '1 of %.*s' or 'all of %.*s'",
                    SV_ARG(shown), SV_ARG(shown));
    return fail(parser, begin, "the condition names '%.*s', but detection has no selection of that name",
                SV_ARG(shown));
}

static struct sigma_node *parse_name(struct parser *parser)
{
    sv word = parser->word;
    size_t begin = parser->at;
    uint64_t needed = 0;
    bool all = is(word, "all", "ALL"), one = is(word, "any", "ANY");
    bool counted = all || one || sv_to_u64(word, &needed);
    advance(parser);
    if (counted && is(parser->word, "of", "OF")) {
        if (!all && !one && needed == 0)
            return fail(parser, begin, "'0 of' is always true: ask for at least 1");
        advance(parser);
        return parse_target(parser, one ? 1 : all ? 0 : needed, begin);
    }
    for (size_t i = 0; i < parser->name_count; i++) {
        if (!sv_eq(parser->names[i], word))
            continue;
        struct sigma_node *node = new_node(parser, SIGMA_SELECTION);
        if (node)
            node->selection = i;
        return node;
    }
    return no_such_name(parser, word, begin);
}

static struct sigma_node *parse_or(struct parser *parser);

static struct sigma_node *parse_group(struct parser *parser)
{
    size_t open = parser->at;
    advance(parser);
    struct sigma_node *node = parse_or(parser);
    if (!node)
        return NULL;
    if (!sv_eq(parser->word, SV(")")))
        return fail(parser, open, "this parenthesis is never closed");
    advance(parser);
    return node;
}

/* Recursion is bounded by SIGMA_CONDITION_DEPTH_MAX. NOLINTNEXTLINE(misc-no-recursion) */
static struct sigma_node *parse_primary(struct parser *parser)
{
    sv word = parser->word;
    if (word.n == 0)
        return fail(parser, parser->at, "the condition ends where a selection should stand");
    if (is(word, "and", "AND") || is(word, "or", "OR") || is(word, "of", "OF") || sv_eq(word, SV(")")))
        return fail(parser, parser->at, "a selection should stand here, not '%.*s'", SV_ARG(word));
    if (sv_eq(word, SV("|")))
        return fail(parser, parser->at,
                    "'|' begins an aggregation, which is no longer part of Sigma: write a "
                    "correlation rule");
    if (!sv_eq(word, SV("(")) && !is(word, "not", "NOT"))
        return parse_name(parser);
    if (parser->depth == SIGMA_CONDITION_DEPTH_MAX)
        return fail(parser, parser->at, "nested deeper than %d levels", SIGMA_CONDITION_DEPTH_MAX);
    parser->depth++;
    struct sigma_node *node = NULL;
    if (sv_eq(word, SV("("))) {
        node = parse_group(parser);
    } else {
        advance(parser);
        struct sigma_node *child = parse_primary(parser);
        node = child ? new_node(parser, SIGMA_NOT) : NULL;
        if (node)
            node->first = child;
    }
    parser->depth--;
    return node;
}

typedef struct sigma_node *parse_fn(struct parser *parser);

/* operand, or operands joined by one word. */
static struct sigma_node *parse_chain(struct parser *parser, parse_fn *operand, enum sigma_node_kind kind,
                                      const char *lower, const char *upper)
{
    struct sigma_node *first = operand(parser);
    if (!first || !is(parser->word, lower, upper))
        return first;
    struct sigma_node *chain = new_node(parser, kind);
    if (!chain)
        return NULL;
    chain->first = first;
    for (struct sigma_node *last = first; is(parser->word, lower, upper); last = last->next) {
        advance(parser);
        last->next = operand(parser);
        if (!last->next)
            return NULL;
    }
    return chain;
}

static struct sigma_node *parse_and(struct parser *parser)
{
    return parse_chain(parser, parse_primary, SIGMA_AND, "and", "AND");
}

static struct sigma_node *parse_or(struct parser *parser)
{
    return parse_chain(parser, parse_and, SIGMA_OR, "or", "OR");
}

const struct sigma_node *sigma_condition_parse(sv text, const sv *names, size_t name_count,
                                               struct arena *arena, char *problem, size_t cap,
                                               size_t *ret_offset)
{
    struct parser parser = {.text = text,
                            .names = names,
                            .name_count = name_count,
                            .arena = arena,
                            .problem = problem,
                            .cap = cap,
                            .ret_offset = ret_offset};
    problem[0] = 0;
    if (text.n > SIGMA_CONDITION_BYTES_MAX)
        return fail(&parser, 0, "the condition is longer than %d bytes", SIGMA_CONDITION_BYTES_MAX);
    advance(&parser);
    struct sigma_node *root = parse_or(&parser);
    if (!root)
        return NULL;
    if (sv_eq(parser.word, SV("|")))
        return fail(&parser, parser.at,
                    "'|' begins an aggregation, which is no longer part of Sigma: write a "
                    "correlation rule");
    if (sv_eq(parser.word, SV(")")))
        return fail(&parser, parser.at, "this parenthesis was never opened");
    if (parser.word.n)
        return fail(&parser, parser.at, "'and' or 'or' should stand before '%.*s'",
                    SV_ARG(sv_first(parser.word, 60)));
    return root;
}

static bool at_least(const struct sigma_node *node, sigma_selection_fn *fn, void *arg)
{
    size_t found = 0;
    for (size_t i = 0; i < node->selection_count; i++) {
        if (fn(arg, node->selections[i]) && ++found == node->needed)
            return true;
        if (found + (node->selection_count - i - 1) < node->needed)
            return false;
    }
    return false;
}

/* NOLINTNEXTLINE(misc-no-recursion): the parser bounds the depth. */
bool sigma_condition_holds(const struct sigma_node *node, sigma_selection_fn *fn, void *arg)
{
    switch (node->kind) {
    case SIGMA_SELECTION:
        return fn(arg, node->selection);
    case SIGMA_NOT:
        return !sigma_condition_holds(node->first, fn, arg);
    case SIGMA_AND:
        for (const struct sigma_node *child = node->first; child; child = child->next)
            if (!sigma_condition_holds(child, fn, arg))
                return false;
        return true;
    case SIGMA_OR:
        for (const struct sigma_node *child = node->first; child; child = child->next)
            if (sigma_condition_holds(child, fn, arg))
                return true;
        return false;
    case SIGMA_AT_LEAST:
        return at_least(node, fn, arg);
    }
    return false;
}
