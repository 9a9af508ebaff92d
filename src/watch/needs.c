#include "watch/needs.h"

#include <assert.h>

#include "base/ascii.h"
#include "watch/need_weight.h"
#include "watch/rule_source.h"
#include "wire/derived.h"

enum {
    DERIVED_MAX = 1024,     /* that decoders tell; more is our mistake */
    WEIGHT_OF_DOUBLING = 2, /* less, for twice as many literals */
    WEIGHT_OF_NAME = 7,     /* at most, of a field's name */
    WEIGHT_OF_USUAL = 1,    /* of what nearly every record of the rule's log source has */
    LITERALS_AT_FIRST = 4,  /* a power of two */
};

struct needs_known {
    struct derived list[DERIVED_MAX];
    size_t count;
};

/* What the making of one rule's needs goes by. */
struct need_shop {
    const struct sigma_rule *rule;
    const struct sigma_fields *fields;
    const struct needs_known *known;
    const struct source_family *family; /* NULL: none */
    struct arena *arena;
};

static const struct need_clause no_clause = {NULL, 0, 0, false};

static void learn(void *arg, const struct derived *derived)
{
    struct needs_known *known = arg;
    assert(known->count < DERIVED_MAX);
    known->list[known->count++] = *derived;
}

const struct needs_known *needs_known_new(struct arena *arena)
{
    struct needs_known *known = arena_alloc(arena, sizeof *known);
    if (known)
        derived_each(learn, known);
    return known;
}

/* --- Literals and clauses --- */

/* The array doubles; the old one stays in the arena. */
static bool grow(struct arena *arena, struct need_clause *clause)
{
    size_t cap = clause->count ? clause->count * 2 : LITERALS_AT_FIRST;
    if (clause->count && (clause->count < LITERALS_AT_FIRST || (clause->count & (clause->count - 1))))
        return true;
    struct need_literal *literals =
        cap > NEEDS_LITERALS_MAX ? NULL : arena_alloc(arena, cap * sizeof *literals);
    if (!literals)
        return false;
    if (clause->count)
        memcpy(literals, clause->literals, clause->count * sizeof *literals);
    clause->literals = literals;
    return true;
}

/* False if the literal is none, or there is no room. */
static bool add(struct arena *arena, struct need_clause *clause, struct need_literal literal, unsigned weight)
{
    if (literal.text.n == 0 || !grow(arena, clause))
        return false;
    clause->weight = clause->count == 0 || weight < clause->weight ? weight : clause->weight;
    clause->literals[clause->count++] = literal;
    return true;
}

/* What nearly every record that the rule sees has tells nothing. */
static unsigned weight_of_literal(const struct need_shop *shop, const struct need_literal *literal)
{
    bool usual = shop->family && source_family_has(shop->family, literal->text);
    return usual ? WEIGHT_OF_USUAL : need_weight(literal);
}

static bool put(const struct need_shop *shop, struct need_clause *clause, struct need_literal literal)
{
    return add(shop->arena, clause, literal, weight_of_literal(shop, &literal));
}

/* What stands in front of a piece, or behind it, wherever an escape may be: not part of a word. */
static bool is_edge(char c)
{
    return c == '\\' || c == '"';
}

/* The piece of the text from there up to a byte that an escape may stand for. The flags are the text's. */
static struct need_literal piece_at(sv text, size_t from, unsigned flags)
{
    size_t n = 0;
    while (from + n < text.n && !derived_cuts(text.p[from + n]))
        n++;
    if (from > 0)
        flags &= ~(unsigned)(NEED_LEFT | NEED_FRAME);
    if (from > 0 && is_edge(text.p[from - 1]))
        flags |= NEED_LEFT;
    if (from + n < text.n)
        flags &= ~(unsigned)NEED_RIGHT;
    if (from + n < text.n && is_edge(text.p[from + n]))
        flags |= NEED_RIGHT;
    if (n > NEEDS_LITERAL_BYTES_MAX)
        flags &= ~(unsigned)NEED_RIGHT;
    return (struct need_literal){
        sv_first(sv_from(text, from), n < NEEDS_LITERAL_BYTES_MAX ? n : NEEDS_LITERAL_BYTES_MAX), flags};
}

/* Rules list characters of four bytes (emoji) by the thousand; hardly a record has one. The first three
 * bytes, which sixty-four share, tell as much with a fraction of the literals. */
static struct need_literal without_tail(struct need_literal literal)
{
    enum { LEADS_FOUR = 0xf0, SHARED = 3 };
    if (literal.text.n > SHARED && (unsigned char)literal.text.p[0] >= LEADS_FOUR)
        return (struct need_literal){sv_first(literal.text, SHARED), literal.flags & ~(unsigned)NEED_RIGHT};
    return literal;
}

/* The piece of text, between what escapes may hide, that tells most; empty if there is none that tells
 * anything. */
static struct need_literal piece_of(const struct need_shop *shop, sv text, unsigned flags)
{
    struct need_literal best = {SV_NONE, 0};
    for (size_t from = 0; from < text.n;) {
        struct need_literal piece = piece_at(text, from, flags);
        if (piece.text.n >= NEEDS_LITERAL_BYTES_MIN &&
            (best.text.n == 0 || weight_of_literal(shop, &piece) > weight_of_literal(shop, &best)))
            best = without_tail(piece);
        while (from < text.n && !derived_cuts(text.p[from]))
            from++;
        from++;
    }
    char *copy = best.text.n ? arena_cstr(shop->arena, best.text) : NULL;
    if (!copy)
        return (struct need_literal){SV_NONE, 0};
    if (!(flags & NEED_CASED))
        sigma_fold(copy, copy, best.text.n);
    return (struct need_literal){sv_make(copy, best.text.n), best.flags};
}

/* The bytes of a pattern, its wildcards as bytes that part pieces. */
static sv bytes_of(const struct sigma_value *value, char ret[static SIGMA_VALUE_BYTES_MAX])
{
    size_t n = value->pattern_count < SIGMA_VALUE_BYTES_MAX ? value->pattern_count : SIGMA_VALUE_BYTES_MAX;
    for (size_t i = 0; i < n; i++)
        ret[i] = value->pattern[i] <= UINT8_MAX ? (char)value->pattern[i] : '\n';
    return sv_make(ret, n);
}

/* A number is equal to what is written in other ways too, but never without its digits: see sigma_value.h. */
static sv digits_of(sv number)
{
    size_t n = number.n && number.p[0] == '-' ? 1 : 0;
    while (n < number.n && number.p[n] == '0')
        n++;
    sv digits = sv_from(number, n);
    for (size_t i = 0; i < digits.n; i++)
        if (!ascii_digit(digits.p[i]))
            return SV_NONE;
    return digits;
}

/* The text that a field's value must hold to be equal; empty if there is none. */
static struct need_literal literal_of(const struct need_shop *shop, const struct sigma_value *value)
{
    char bytes[SIGMA_VALUE_BYTES_MAX];
    unsigned cased = value->cased ? NEED_CASED : 0;
    switch (value->kind) {
    case SIGMA_EXACT:
        return piece_of(shop, value->text, cased | NEED_LEFT | NEED_RIGHT);
    case SIGMA_PREFIX:
        return piece_of(shop, value->text, cased | NEED_LEFT);
    case SIGMA_SUFFIX:
        return piece_of(shop, value->text, cased | NEED_RIGHT);
    case SIGMA_CONTAINS:
        return piece_of(shop, value->text, cased);
    case SIGMA_GLOB:
        return piece_of(shop, bytes_of(value, bytes), cased);
    case SIGMA_NUMBER:
        return piece_of(shop, value->part ? SV_NONE : digits_of(value->text), NEED_LEFT | NEED_RIGHT);
    case SIGMA_ANYTHING:
    case SIGMA_NULL:
    case SIGMA_CIDR:
    case SIGMA_LESS:
    case SIGMA_LESS_EQUAL:
    case SIGMA_GREATER:
    case SIGMA_GREATER_EQUAL:
    case SIGMA_EXISTS:
    case SIGMA_FIELD:
    case SIGMA_REGEX:  /* sets of texts: of_set */
    case SIGMA_ANY_OF: /* none of its own: put_value asks its alternatives */
        break;
    }
    return (struct need_literal){SV_NONE, 0};
}

/* Whether the field must be there for the value to match. */
static bool wants_field(const struct sigma_value *value)
{
    return value->kind != SIGMA_NULL && (value->kind != SIGMA_EXISTS || value->number != 0);
}

bool needs_is_header(sv name)
{
    return sv_starts(name, SV("log.syslog.")) || sv_starts(name, SV("vedette."));
}

/* A mark is text of the record itself, which nothing cuts. */
static struct need_literal mark_of(sv mark)
{
    return (struct need_literal){sv_first(mark, NEEDS_LITERAL_BYTES_MAX), NEED_CASED};
}

/* Whether the decoder's words may be in an event that the rule sees. */
static bool is_for_rule(const struct need_shop *shop, const struct derived *derived)
{
    sv product = shop->rule->about.source.product;
    return derived->product.n == 0 || product.n == 0 || sv_ieq(derived->product, product);
}

/* Adds the marks of what a decoder may derive: of values of that field (of any, without a name) that hold the
 * literal, or of the field itself. False if there is something without a mark. */
static bool put_marks(const struct need_shop *shop, sv name, sv literal, struct need_clause *clause)
{
    for (size_t i = 0; i < shop->known->count; i++) {
        const struct derived *derived = &shop->known->list[i];
        if ((name.n ? !sv_eq(derived->name, name) : needs_is_header(derived->name)) ||
            !is_for_rule(shop, derived))
            continue;
        bool about =
            literal.n ? derived->value.n && sv_ifind(derived->value, literal) != SV_NPOS : !derived->value.n;
        if (!about)
            continue;
        if (derived->framed || !put(shop, clause, mark_of(derived->mark)))
            return false;
    }
    return true;
}

static struct need_literal last_part(const struct need_shop *shop, sv name)
{
    for (size_t dot; (dot = sv_find_char(name, '.')) != SV_NPOS;)
        name = sv_from(name, dot + 1);
    return piece_of(shop, name, 0);
}

static sv name_of(const struct need_shop *shop, const struct sigma_item *item)
{
    return item->slot == SIGMA_NO_SLOT ? SV_NONE : sigma_fields_name(shop->fields, item->slot);
}

/* Whether the text stands in a record that shows no veil exactly as it is. */
static bool is_verbatim(sv text)
{
    for (size_t i = 0; i < text.n; i++)
        if (derived_cuts(text.p[i]))
            return false;
    return true;
}

/* Of a field whose values decoders take from behind a frame, such as a CEF header's bars: the value there, or
 * the names by which else it may be known. */
static bool put_framed(const struct need_shop *shop, sv name, const struct sigma_value *value,
                       struct need_clause *clause)
{
    bool framed = false;
    if ((value->kind != SIGMA_EXACT && value->kind != SIGMA_NUMBER) || value->part ||
        !is_verbatim(value->text))
        return false;
    for (size_t i = 0; i < shop->known->count; i++) {
        const struct derived *derived = &shop->known->list[i];
        if (derived->value.n || !is_for_rule(shop, derived) || !sv_eq(derived->name, name))
            continue;
        struct need_literal literal = mark_of(derived->mark);
        if (derived->framed)
            literal = piece_of(
                shop, arena_printf(shop->arena, "%.*s%.*s", SV_ARG(derived->mark), SV_ARG(value->text)),
                NEED_RIGHT | NEED_FRAME);
        framed |= derived->framed;
        if (!put(shop, clause, literal))
            return false;
    }
    return framed && put(shop, clause, last_part(shop, name));
}

/* One of the texts without which a regular expression cannot match. */
static struct need_clause of_set(const struct need_shop *shop, sv name, const struct text_set *set)
{
    struct need_clause clause = no_clause;
    for (size_t i = 0; i < set->count; i++) {
        struct need_literal literal = piece_of(shop, set->texts[i], 0);
        if (!put(shop, &clause, literal) || !put_marks(shop, name, literal.text, &clause))
            return no_clause;
    }
    return clause;
}

/* The set that tells most. */
static bool put_regex(const struct need_shop *shop, sv name, const struct sigma_value *value,
                      struct need_clause *clause)
{
    struct need_clause best = no_clause;
    for (size_t i = 0; i < value->set_count; i++) {
        struct need_clause next = of_set(shop, name, &value->sets[i]);
        best = next.weight > best.weight ? next : best;
    }
    for (size_t i = 0; i < best.count; i++)
        if (!put(shop, clause, best.literals[i]))
            return false;
    return best.count > 0;
}

static bool put_one(const struct need_shop *shop, sv name, const struct sigma_value *value,
                    struct need_clause *clause)
{
    if (value->kind == SIGMA_REGEX)
        return put_regex(shop, name, value, clause);
    struct need_literal literal = literal_of(shop, value);
    if (name.n == 0)
        literal.flags &= NEED_CASED; /* a search looks at the whole record */
    struct need_clause before = *clause;
    if (put_framed(shop, name, value, clause))
        return true;
    *clause = before;
    return put(shop, clause, literal) && put_marks(shop, name, literal.text, clause);
}

static bool put_value(const struct need_shop *shop, sv name, const struct sigma_value *value,
                      struct need_clause *clause)
{
    if (value->kind != SIGMA_ANY_OF)
        return put_one(shop, name, value, clause);
    for (size_t i = 0; i < value->alternative_count; i++)
        if (!put_one(shop, name, &value->alternatives[i], clause))
            return false;
    return true;
}

/* One of the values. */
static struct need_clause of_values(const struct need_shop *shop, const struct sigma_item *item, size_t from,
                                    size_t n)
{
    struct need_clause clause = no_clause;
    for (size_t i = 0; i < n; i++)
        if (!put_value(shop, name_of(shop, item), &item->values[from + i], &clause))
            return no_clause;
    return clause;
}

/* The field's presence. */
static struct need_clause of_name(const struct need_shop *shop, const struct sigma_item *item)
{
    sv name = name_of(shop, item);
    struct need_clause clause = no_clause;
    if (!put(shop, &clause, last_part(shop, name)) || !put_marks(shop, name, SV_NONE, &clause))
        return no_clause;
    clause.is_name = true;
    /* Where one record has it, all of its kind have. */
    clause.weight = clause.weight < WEIGHT_OF_NAME ? clause.weight : WEIGHT_OF_NAME;
    return clause;
}

/* --- Branches --- */

/* Of twice as many literals one stands in twice as many records; but never do they tell less than a name. */
static unsigned weight_of(const struct need_clause *clause)
{
    unsigned weight = clause->weight;
    for (size_t n = clause->count; n > 1 && weight > WEIGHT_OF_NAME + WEIGHT_OF_DOUBLING; n /= 2)
        weight -= WEIGHT_OF_DOUBLING;
    return weight;
}

static void branch_add(struct need_branch *branch, const struct need_clause *clause)
{
    size_t at = branch->count;
    if (clause->count == 0)
        return;
    while (at > 0 && weight_of(&branch->clauses[at - 1]) < weight_of(clause))
        at--;
    if (at == NEEDS_CLAUSES_MAX)
        return;
    size_t behind = branch->count < NEEDS_CLAUSES_MAX ? branch->count - at : NEEDS_CLAUSES_MAX - 1 - at;
    memmove(&branch->clauses[at + 1], &branch->clauses[at], behind * sizeof *clause);
    branch->clauses[at] = *clause;
    if (branch->count < NEEDS_CLAUSES_MAX)
        branch->count++;
}

static struct needs needs_new(struct arena *arena, size_t count)
{
    struct need_branch *branches = arena_alloc(arena, count * sizeof *branches);
    return (struct needs){branches, branches ? count : 0};
}

bool needs_nothing(const struct needs *needs)
{
    for (size_t i = 0; i < needs->count; i++)
        if (needs->branches[i].count == 0)
            return true;
    return needs->count == 0;
}

/* How well the worst branch tells. */
static unsigned least_weight(const struct needs *needs)
{
    unsigned least = needs_nothing(needs) ? 0 : UINT32_MAX;
    for (size_t i = 0; i < needs->count; i++)
        if (needs->branches[i].count && weight_of(&needs->branches[i].clauses[0]) < least)
            least = weight_of(&needs->branches[i].clauses[0]);
    return least;
}

static struct needs both(struct arena *arena, struct needs a, struct needs b)
{
    if (needs_nothing(&a) || needs_nothing(&b))
        return needs_nothing(&a) ? b : a;
    assert(a.branches && b.branches && b.count > 0);
    if (a.count * b.count > NEEDS_BRANCHES_MAX)
        return least_weight(&a) >= least_weight(&b) ? a : b;
    struct needs all = needs_new(arena, a.count * b.count);
    for (size_t i = 0; i < all.count; i++) {
        const struct need_branch *x = &a.branches[i / b.count], *y = &b.branches[i % b.count];
        all.branches[i] = *x;
        for (size_t j = 0; j < y->count; j++)
            branch_add(&all.branches[i], &y->clauses[j]);
    }
    return all.count ? all : a;
}

/* All branches' best clauses in one. */
static struct needs joined(struct arena *arena, const struct needs *needs)
{
    struct needs one = needs_new(arena, 1);
    struct need_clause clause = no_clause;
    for (size_t i = 0; i < needs->count; i++)
        for (size_t j = 0; j < needs->branches[i].clauses[0].count; j++)
            if (!add(arena, &clause, needs->branches[i].clauses[0].literals[j],
                     needs->branches[i].clauses[0].weight))
                return (struct needs){0};
    if (one.count)
        branch_add(&one.branches[0], &clause);
    return one;
}

static struct needs either(struct arena *arena, struct needs a, struct needs b)
{
    struct needs all =
        needs_nothing(&a) || needs_nothing(&b) ? (struct needs){0} : needs_new(arena, a.count + b.count);
    if (all.count == 0)
        return all;
    assert(a.branches && b.branches);
    memcpy(all.branches, a.branches, a.count * sizeof *a.branches);
    memcpy(all.branches + a.count, b.branches, b.count * sizeof *b.branches);
    return all.count > NEEDS_BRANCHES_MAX ? joined(arena, &all) : all;
}

/* --- The rule's parts --- */

/* One of the values; of a regular expression that stands alone, all that it needs. */
static void add_values(const struct need_shop *shop, const struct sigma_item *item, size_t from, size_t n,
                       struct need_branch *branch)
{
    const struct sigma_value *first = &item->values[from];
    if (n > 1 || first->kind != SIGMA_REGEX) {
        struct need_clause clause = of_values(shop, item, from, n);
        branch_add(branch, &clause);
        return;
    }
    for (size_t i = 0; i < first->set_count; i++) {
        struct need_clause clause = of_set(shop, name_of(shop, item), &first->sets[i]);
        branch_add(branch, &clause);
    }
}

static void of_item(const struct need_shop *shop, const struct sigma_item *item, struct need_branch *branch)
{
    if (item->negated)
        return;
    size_t n = item->all ? 1 : item->value_count;
    for (size_t i = 0; n && i < item->value_count; i += n)
        add_values(shop, item, i, n, branch);
    for (size_t i = 0; i < item->value_count; i++)
        if (!wants_field(&item->values[i]))
            return;
    if (item->slot == SIGMA_NO_SLOT || item->value_count == 0)
        return;
    struct need_clause name = of_name(shop, item);
    branch_add(branch, &name);
}

static struct needs of_group(const struct need_shop *shop, const struct sigma_group *group)
{
    struct needs needs = needs_new(shop->arena, 1);
    for (size_t i = 0; needs.count && i < group->item_count; i++)
        of_item(shop, &group->items[i], &needs.branches[0]);
    return needs;
}

static struct needs of_selection(const struct need_shop *shop, size_t index)
{
    const struct sigma_selection *selection = &shop->rule->selections[index];
    struct needs needs = {0};
    for (size_t i = 0; i < selection->group_count; i++) {
        struct needs next = of_group(shop, &selection->groups[i]);
        needs = i ? either(shop->arena, needs, next) : next;
        if (needs_nothing(&needs))
            break;
    }
    return needs;
}

/* What the selection's not matching needs: where one of its maps asks only that a field be absent, the field.
 */
static struct needs of_not_selection(const struct need_shop *shop, size_t index)
{
    const struct sigma_selection *selection = &shop->rule->selections[index];
    struct needs needs = needs_new(shop->arena, 1);
    for (size_t i = 0; needs.count && i < selection->group_count; i++) {
        const struct sigma_group *group = &selection->groups[i];
        const struct sigma_item *item = group->item_count == 1 ? &group->items[0] : NULL;
        if (!item || item->negated || item->slot == SIGMA_NO_SLOT || (item->all && item->value_count > 1))
            continue;
        bool absent = false;
        for (size_t j = 0; j < item->value_count; j++)
            absent |= !wants_field(&item->values[j]);
        struct need_clause name = absent ? of_name(shop, item) : no_clause;
        branch_add(&needs.branches[0], &name);
    }
    return needs;
}

/* All of the selections, or any of them; each matching, or not. */
static struct needs of_selections(const struct need_shop *shop, const struct sigma_node *node, bool all,
                                  bool positive)
{
    struct needs needs = {0};
    for (size_t i = 0; i < node->selection_count; i++) {
        size_t index = node->selections[i];
        struct needs next = positive ? of_selection(shop, index) : of_not_selection(shop, index);
        needs = i == 0 ? next : all ? both(shop->arena, needs, next) : either(shop->arena, needs, next);
    }
    return needs;
}

static struct needs of_at_least(const struct need_shop *shop, const struct sigma_node *node, bool positive)
{
    if (node->needed == 0)
        return (struct needs){0};
    if (positive)
        return of_selections(shop, node, node->needed == node->selection_count, true);
    return node->needed == 1 ? of_selections(shop, node, true, false) : (struct needs){0};
}

/* positive: of its holding, else of its not holding. Recursion is bounded by SIGMA_CONDITION_DEPTH_MAX.
 * NOLINTNEXTLINE(misc-no-recursion) */
static struct needs of_node(const struct need_shop *shop, const struct sigma_node *node, bool positive)
{
    struct needs needs = {0};
    bool all = (node->kind == SIGMA_AND) == positive;
    switch (node->kind) {
    case SIGMA_SELECTION:
        return positive ? of_selection(shop, node->selection) : of_not_selection(shop, node->selection);
    case SIGMA_NOT:
        return of_node(shop, node->first, !positive);
    case SIGMA_AND:
    case SIGMA_OR:
        for (const struct sigma_node *child = node->first; child; child = child->next) {
            struct needs next = of_node(shop, child, positive);
            needs = child == node->first ? next
                    : all                ? both(shop->arena, needs, next)
                                         : either(shop->arena, needs, next);
        }
        return needs;
    case SIGMA_AT_LEAST:
        return of_at_least(shop, node, positive);
    }
    return needs;
}

void needs_of_rule(struct needs *ret, const struct sigma_rule *rule, const struct sigma_fields *fields,
                   const struct needs_known *known, struct arena *arena)
{
    const struct need_shop shop = {rule, fields, known, source_family_of(&rule->about.source), arena};
    struct needs needs = {0};
    for (size_t i = 0; known && i < rule->condition_count; i++) {
        struct needs next = of_node(&shop, rule->conditions[i], true);
        needs = i ? either(arena, needs, next) : next;
    }
    *ret = needs;
}
