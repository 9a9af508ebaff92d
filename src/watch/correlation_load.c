/* Reads the `correlation` map of a document. */
#include "io/zone_file.h"
#include "watch/correlation_rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORD_BYTES_MAX = 512, NUMBER_BYTES_MAX = 32, ALIASES_MAX = 512 };

#define TIMESPAN_MAX (3660LL * 86400 * NANOS_PER_SECOND)

static const char *const type_names[] = {
#define X(name, text) text,
    CORRELATION_TYPES(X)
#undef X
};

static const char *const operator_names[CORRELATION_OPERATORS] = {"gt", "gte", "lt", "lte", "eq", "neq"};

const char *correlation_type_name(enum correlation_type type)
{
    return type_names[type];
}

/* --- What a type has --- */

enum trait {
    COUNTS = 1,    /* a condition by numbers must be there */
    FIELD = 2,     /* a field must be there */
    SPAN = 4,      /* timespan must be there */
    LEARNS = 8,    /* learn and minimum */
    RARE = 16,     /* half-life, threshold */
    ZONED = 32,    /* zone */
    EXCESS = 64,   /* factor, deviations */
    WAITS = 128,   /* wait */
    NETWORK = 256, /* prefix-v4, prefix-v6 */
    MAYBE = 512,   /* a condition may be there, also as an expression */
};

static const unsigned traits[] = {
    [CORRELATION_EVENT_COUNT] = COUNTS | SPAN,
    [CORRELATION_VALUE_COUNT] = COUNTS | FIELD | SPAN,
    [CORRELATION_VALUE_SUM] = COUNTS | FIELD | SPAN,
    [CORRELATION_VALUE_AVG] = COUNTS | FIELD | SPAN,
    [CORRELATION_VALUE_PERCENTILE] = COUNTS | FIELD | SPAN,
    [CORRELATION_TEMPORAL] = SPAN | MAYBE,
    [CORRELATION_TEMPORAL_ORDERED] = SPAN | MAYBE,
    [CORRELATION_NEW_VALUE] = FIELD | LEARNS | NETWORK,
    [CORRELATION_RARE_HOURS] = LEARNS | RARE | ZONED,
    [CORRELATION_RARE_DAYS] = LEARNS | RARE | ZONED,
    [CORRELATION_DORMANT] = SPAN,
    [CORRELATION_SPIKE] = SPAN | LEARNS | EXCESS | ZONED,
    [CORRELATION_ABSENCE] = SPAN,
    [CORRELATION_MISSING_BEFORE] = SPAN | WAITS,
};

#define DAYS(n) ((n)*86400LL * NANOS_PER_SECOND)

static struct correlation_habit usual_habit(enum correlation_type type)
{
    struct correlation_habit habit = {.learn = DAYS(14), .minimum = 10};
    switch (type) {
    case CORRELATION_RARE_HOURS:
        habit.half_life = DAYS(30);
        habit.threshold = 0.05;
        break;
    case CORRELATION_RARE_DAYS:
        habit.learn = DAYS(28);
        habit.minimum = 4;
        habit.half_life = DAYS(60);
        habit.threshold = 0.1;
        break;
    case CORRELATION_SPIKE:
        habit.factor = 3;
        habit.deviations = 4;
        break;
    case CORRELATION_MISSING_BEFORE:
        habit.wait = 60 * NANOS_PER_SECOND;
        break;
    case CORRELATION_NEW_VALUE:
    case CORRELATION_DORMANT:
    case CORRELATION_ABSENCE:
    case CORRELATION_EVENT_COUNT:
    case CORRELATION_VALUE_COUNT:
    case CORRELATION_VALUE_SUM:
    case CORRELATION_VALUE_AVG:
    case CORRELATION_VALUE_PERCENTILE:
    case CORRELATION_TEMPORAL:
    case CORRELATION_TEMPORAL_ORDERED:
        break;
    }
    return habit;
}

/* --- Plain values --- */

__attribute__((format(printf, 3, 4))) static void wrong(struct sigma_workshop *shop,
                                                        const struct yaml_node *node, const char *fmt, ...)
{
    char text[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sigma_error(shop->errors, node->line, node->column, "%s", text);
}

static sv keep_word(struct sigma_workshop *shop, const struct yaml_node *node, const char *what)
{
    if (node->kind != YAML_SCALAR || !node->text.n || node->text.n > WORD_BYTES_MAX) {
        wrong(shop, node, "%s must be text of 1 to %d bytes", what, WORD_BYTES_MAX);
        return SV("");
    }
    sv copy = arena_sv(shop->arena, node->text);
    if (!copy.p)
        sigma_shop_full(shop, node);
    return copy.p ? copy : SV("");
}

static bool read_number(struct sigma_workshop *shop, const struct yaml_node *node, const char *what,
                        double *ret)
{
    char text[NUMBER_BYTES_MAX], *end = text;
    if (node->kind == YAML_SCALAR && node->text.n && node->text.n < sizeof text) {
        sv_copy(text, sizeof text, node->text);
        double number = strtod(text, &end);
        if (*end == '\0' && number > -1e15 && number < 1e15) {
            *ret = number;
            return true;
        }
    }
    wrong(shop, node, "%s must be a number", what);
    return false;
}

static void read_span(struct sigma_workshop *shop, const struct yaml_node *node, const char *what, nanos *ret)
{
    nanos span;
    if (node->kind != YAML_SCALAR || !time_parse_length(node->text, &span) || span < 0 || span > TIMESPAN_MAX)
        wrong(shop, node, "%s must be a number and one of s, m, h, d, such as 90m", what);
    else
        *ret = span;
}

static bool read_flag(struct sigma_workshop *shop, const struct yaml_node *node, const char *what)
{
    bool yes = node->kind == YAML_SCALAR && sv_ieq(node->text, SV("true"));
    if (!yes && (node->kind != YAML_SCALAR || !sv_ieq(node->text, SV("false"))))
        wrong(shop, node, "%s must be true or false", what);
    return yes;
}

/* --- rules, group-by, aliases --- */

/* A list of texts, or one text for a list of one. */
static size_t list_count(const struct yaml_node *node)
{
    return node->kind == YAML_LIST ? node->count : 1;
}

static const struct yaml_node *list_first(const struct yaml_node *node)
{
    return node->kind == YAML_LIST ? node->first : node;
}

static void read_rules(struct correlation *correlation, const struct yaml_node *node,
                       struct sigma_workshop *shop)
{
    size_t n = list_count(node), i = 0;
    if (n == 0 || n > CORRELATION_RULES_MAX) {
        wrong(shop, node, "rules must be a list of 1 to %d ids or names", CORRELATION_RULES_MAX);
        return;
    }
    correlation->sources = arena_alloc(shop->arena, n * sizeof *correlation->sources);
    if (!correlation->sources) {
        sigma_shop_full(shop, node);
        return;
    }
    for (const struct yaml_node *child = list_first(node); i < n; child = child->next, i++)
        correlation->sources[i] = (struct correlation_source){
            .named = keep_word(shop, child, "a rule"), .line = child->line, .column = child->column};
    correlation->source_count = n;
}

static void read_group(struct correlation *correlation, const struct yaml_node *node,
                       struct sigma_workshop *shop)
{
    size_t n = yaml_is_null(node) ? 0 : list_count(node), i = 0;
    if (n > CORRELATION_GROUP_FIELDS_MAX) {
        wrong(shop, node, "group-by has more than %d fields", CORRELATION_GROUP_FIELDS_MAX);
        return;
    }
    if (n == 0)
        return;
    correlation->group = arena_alloc(shop->arena, n * sizeof *correlation->group);
    if (!correlation->group) {
        sigma_shop_full(shop, node);
        return;
    }
    for (const struct yaml_node *child = list_first(node); i < n; child = child->next, i++)
        correlation->group[i].name = keep_word(shop, child, "a field of group-by");
    correlation->group_count = n;
}

static void read_alias(struct correlation *correlation, const struct yaml_node *alias,
                       struct sigma_workshop *shop)
{
    if (alias->kind != YAML_MAP) {
        wrong(shop, alias, "an alias is a map of rules and their fields");
        return;
    }
    sv name = arena_sv(shop->arena, alias->key);
    for (const struct yaml_node *child = alias->first; child; child = child->next) {
        if (correlation->alias_count == ALIASES_MAX) {
            wrong(shop, child, "there are more than %d aliases", ALIASES_MAX);
            return;
        }
        correlation->aliases[correlation->alias_count++] =
            (struct correlation_alias){.alias = name,
                                       .source = arena_sv(shop->arena, child->key),
                                       .field = keep_word(shop, child, "a field"),
                                       .line = child->key_line,
                                       .column = child->key_column};
    }
}

static void read_aliases(struct correlation *correlation, const struct yaml_node *node,
                         struct sigma_workshop *shop)
{
    size_t n = 0;
    if (node->kind != YAML_MAP) {
        wrong(shop, node, "aliases must be a map: the alias, below it each rule and its field");
        return;
    }
    for (const struct yaml_node *alias = node->first; alias; alias = alias->next)
        n += alias->kind == YAML_MAP ? alias->count : 0;
    if (n > ALIASES_MAX)
        n = ALIASES_MAX;
    correlation->aliases = arena_alloc(shop->arena, (n + 1) * sizeof *correlation->aliases);
    if (!correlation->aliases) {
        sigma_shop_full(shop, node);
        return;
    }
    for (const struct yaml_node *alias = node->first; alias; alias = alias->next)
        read_alias(correlation, alias, shop);
}

/* --- condition --- */

static bool read_bound(struct correlation *correlation, const struct yaml_node *node,
                       struct sigma_workshop *shop)
{
    for (int i = 0; i < CORRELATION_OPERATORS; i++) {
        if (!sv_eq(node->key, sv_of(operator_names[i])))
            continue;
        double number;
        if (!read_number(shop, node, operator_names[i], &number))
            return true;
        bool counted = correlation->type == CORRELATION_EVENT_COUNT ||
                       correlation->type == CORRELATION_VALUE_COUNT || (traits[correlation->type] & MAYBE);
        if (counted && (number < 0 || number > CORRELATION_COUNT_MAX))
            wrong(shop, node, "%s must be 0 to %d here", operator_names[i], CORRELATION_COUNT_MAX);
        correlation->condition.has[i] = true;
        correlation->condition.than[i] = number;
        return true;
    }
    return false;
}

static void read_percentile(struct correlation *correlation, const struct yaml_node *node,
                            struct sigma_workshop *shop)
{
    if (correlation->type != CORRELATION_VALUE_PERCENTILE)
        wrong(shop, node, "percentile belongs to value_percentile");
    else if (read_number(shop, node, "percentile", &correlation->percentile) &&
             (correlation->percentile < 0 || correlation->percentile > 100))
        wrong(shop, node, "percentile must be 0 to 100");
}

/* {field: …, gte: …}, where field may also stand in a list of one. */
static void read_condition_map(struct correlation *correlation, const struct yaml_node *node,
                               struct sigma_workshop *shop)
{
    for (const struct yaml_node *child = node->first; child; child = child->next) {
        if (read_bound(correlation, child, shop))
            continue;
        if (sv_eq(child->key, SV("percentile")))
            read_percentile(correlation, child, shop);
        else if (!sv_eq(child->key, SV("field")))
            sigma_error(shop->errors, child->key_line, child->key_column,
                        "a condition knows gt, gte, lt, lte, eq, neq and field, not '%.*s'",
                        SV_ARG(sv_first(child->key, 60)));
        else if (list_count(child) != 1)
            wrong(shop, child, "field must be one field");
        else
            correlation->field.name = keep_word(shop, list_first(child), "field");
    }
}

/* Recursion is bounded by SIGMA_CONDITION_DEPTH_MAX. NOLINTNEXTLINE(misc-no-recursion) */
static bool has_not(const struct sigma_node *node)
{
    if (node->kind == SIGMA_NOT)
        return true;
    for (const struct sigma_node *child = node->first; child; child = child->next)
        if (has_not(child))
            return true;
    return false;
}

/* "a and b": over the rules by the names that `rules` gives them. */
static void read_expression(struct correlation *correlation, const struct yaml_node *node,
                            struct sigma_workshop *shop)
{
    sv names[CORRELATION_RULES_MAX];
    char problem[200] = "";
    size_t offset = 0;
    if (correlation->type != CORRELATION_TEMPORAL) {
        wrong(shop, node, "a condition over rules belongs to temporal; %s takes numbers",
              correlation_type_name(correlation->type));
        return;
    }
    for (size_t i = 0; i < correlation->source_count; i++)
        names[i] = correlation->sources[i].named;
    correlation->expression = sigma_condition_parse(node->text, names, correlation->source_count, shop->arena,
                                                    problem, sizeof problem, &offset);
    if (!correlation->expression)
        sigma_error(shop->errors, node->line, node->column + (node->block ? 0 : (int)offset), "%s", problem);
    else
        correlation->expression_waits = has_not(correlation->expression);
}

static void read_condition(struct correlation *correlation, const struct yaml_node *node,
                           struct sigma_workshop *shop)
{
    if (!(traits[correlation->type] & (COUNTS | MAYBE)))
        wrong(shop, node, "%s has no condition", correlation_type_name(correlation->type));
    else if (node->kind == YAML_MAP)
        read_condition_map(correlation, node, shop);
    else if (node->kind == YAML_SCALAR)
        read_expression(correlation, node, shop);
    else
        wrong(shop, node, "condition must be a map, such as {gte: 10}");
}

/* --- Our own keys --- */

static bool read_habit_span(struct correlation *correlation, const struct yaml_node *node,
                            struct sigma_workshop *shop)
{
    struct correlation_habit *habit = &correlation->habit;
    const struct {
        const char *key;
        unsigned trait;
        nanos *to;
    } spans[] = {{"learn", LEARNS, &habit->learn},
                 {"half-life", RARE, &habit->half_life},
                 {"wait", WAITS, &habit->wait}};
    for (size_t i = 0; i < sizeof spans / sizeof *spans; i++) {
        if (!sv_eq(node->key, sv_of(spans[i].key)) || !(traits[correlation->type] & spans[i].trait))
            continue;
        read_span(shop, node, spans[i].key, spans[i].to);
        return true;
    }
    return false;
}

static bool read_habit_number(struct correlation *correlation, const struct yaml_node *node,
                              struct sigma_workshop *shop)
{
    struct correlation_habit *habit = &correlation->habit;
    double minimum = (double)habit->minimum, v4 = habit->prefix_v4, v6 = habit->prefix_v6;
    const struct {
        const char *key;
        unsigned trait;
        double *to, least, most;
    } numbers[] = {{"minimum", LEARNS, &minimum, 0, CORRELATION_COUNT_MAX},
                   {"threshold", RARE, &habit->threshold, 0, 1},
                   {"factor", EXCESS, &habit->factor, 1, 1000},
                   {"deviations", EXCESS, &habit->deviations, 0, 1000},
                   {"prefix-v4", NETWORK, &v4, 0, 32},
                   {"prefix-v6", NETWORK, &v6, 0, 128}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double number;
        if (!sv_eq(node->key, sv_of(numbers[i].key)) || !(traits[correlation->type] & numbers[i].trait))
            continue;
        if (read_number(shop, node, numbers[i].key, &number)) {
            if (number < numbers[i].least || number > numbers[i].most)
                wrong(shop, node, "%s must be %g to %g", numbers[i].key, numbers[i].least, numbers[i].most);
            else
                *numbers[i].to = number;
        }
        habit->minimum = (int64_t)minimum;
        habit->prefix_v4 = (int)v4;
        habit->prefix_v6 = (int)v6;
        return true;
    }
    return false;
}

static void read_zone(struct correlation *correlation, const struct yaml_node *node,
                      struct sigma_workshop *shop)
{
    correlation->habit.zone = keep_word(shop, node, "zone");
    if (correlation->habit.zone.n && !zone_exists(correlation->habit.zone))
        wrong(shop, node, "there is no time zone '%.*s' in the system's database (tzdata)",
              SV_ARG(sv_first(correlation->habit.zone, 60)));
}

static bool read_own(struct correlation *correlation, const struct yaml_node *node,
                     struct sigma_workshop *shop)
{
    if (sv_eq(node->key, SV("zone")) && (traits[correlation->type] & ZONED))
        read_zone(correlation, node, shop);
    else if (sv_eq(node->key, SV("field")) && (traits[correlation->type] & FIELD))
        correlation->field.name = keep_word(shop, node, "field");
    else
        return read_habit_span(correlation, node, shop) || read_habit_number(correlation, node, shop);
    return true;
}

/* --- The whole --- */

static bool read_type(struct correlation *correlation, const struct yaml_node *map,
                      struct sigma_workshop *shop)
{
    const struct yaml_node *node = yaml_get(map, "type");
    for (size_t i = 0; node && i < sizeof type_names / sizeof *type_names; i++)
        if (node->kind == YAML_SCALAR && sv_eq(node->text, sv_of(type_names[i]))) {
            correlation->type = (enum correlation_type)i;
            return true;
        }
    if (node)
        wrong(shop, node, "there is no correlation type '%.*s'", SV_ARG(sv_first(node->text, 60)));
    else
        wrong(shop, map, "type is missing, such as event_count");
    return false;
}

/* sound: nothing was wrong with what is there, so what is missing has not been told already. */
static void check(const struct correlation *correlation, const struct yaml_node *map, bool sound,
                  struct sigma_workshop *shop)
{
    unsigned has = traits[correlation->type];
    const char *type = correlation_type_name(correlation->type);
    bool bounded = false;
    for (int i = 0; i < CORRELATION_OPERATORS; i++)
        bounded |= correlation->condition.has[i];
    if (!correlation->sources && !yaml_get(map, "rules"))
        wrong(shop, map, "rules is missing: the ids or names of the rules to correlate");
    if ((has & SPAN) && correlation->timespan <= 0 && sound)
        wrong(shop, map, "timespan is missing, such as 15m");
    if ((has & COUNTS) && !bounded && sound)
        wrong(shop, map, "%s needs a condition, such as {gte: 10}", type);
    if ((has & FIELD) && !correlation->field.name.n && sound)
        wrong(shop, map, "%s needs a field%s", type, has & COUNTS ? " in its condition" : "");
    if (!(has & FIELD) && correlation->field.name.n)
        wrong(shop, map, "%s has no use for a field", type);
    if (correlation->type == CORRELATION_MISSING_BEFORE && correlation->source_count == 1)
        wrong(shop, map,
              "missing_before needs two rules: what must come before, and last what it must come before");
}

void correlation_load(struct correlation *correlation, const struct yaml_node *map,
                      struct sigma_workshop *shop)
{
    size_t before = shop->errors->count;
    if (map->kind != YAML_MAP) {
        wrong(shop, map, "correlation must be a map with type, rules, timespan and the like");
        return;
    }
    if (!read_type(correlation, map, shop))
        return;
    correlation->habit = usual_habit(correlation->type);
    correlation->percentile = 50;
    correlation->timespan = correlation->type == CORRELATION_NEW_VALUE ? DAYS(90) : 0;
    const struct yaml_node *rules = yaml_get(map, "rules");
    if (rules)
        read_rules(correlation, rules, shop);
    for (const struct yaml_node *node = map->first; node; node = node->next) {
        if (node == rules || sv_eq(node->key, SV("type")))
            continue;
        if (sv_eq(node->key, SV("group-by")))
            read_group(correlation, node, shop);
        else if (sv_eq(node->key, SV("timespan")))
            read_span(shop, node, "timespan", &correlation->timespan);
        else if (sv_eq(node->key, SV("condition")))
            read_condition(correlation, node, shop);
        else if (sv_eq(node->key, SV("aliases")))
            read_aliases(correlation, node, shop);
        else if (sv_eq(node->key, SV("generate")))
            correlation->generate = read_flag(shop, node, "generate");
        else if (!read_own(correlation, node, shop))
            sigma_error(shop->errors, node->key_line, node->key_column, "%s has no key '%.*s'",
                        correlation_type_name(correlation->type), SV_ARG(sv_first(node->key, 60)));
    }
    check(correlation, map, shop->errors->count == before, shop);
}
