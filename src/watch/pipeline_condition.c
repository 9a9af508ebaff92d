/* Whether a transformation is for a rule, an item of its detection, or a field's name. */
#include "watch/pipeline_priv.h"

#include "base/ascii.h"
#include "watch/sigma_value.h"

enum { EXPRESSION_DEPTH_MAX = 32 };

/* --- conditions put together */

/* not binds before and, and before or. */
struct expression {
    sv rest;
    const struct yaml_node *named; /* a map of conditions */
    pipeline_holds_fn *fn;         /* NULL: only read, for what is wrong */
    void *arg;
    const char *wrong;
    sv name; /* that it is about */
    size_t named_count, depth;
    uint64_t seen; /* the first 64 of named: which stand in it */
};

static bool is_word_character(char c)
{
    return ascii_alnum(c) || c == '_' || c == '-';
}

/* The next bracket or word, which stays where it is. */
static sv peek(struct expression *expression)
{
    expression->rest = sv_trim(expression->rest);
    size_t n = 0;
    while (n < expression->rest.n && is_word_character(expression->rest.p[n]))
        n++;
    return sv_first(expression->rest, n ? n : 1);
}

static bool take(struct expression *expression, sv word)
{
    if (expression->rest.n == 0 || !sv_eq(peek(expression), word))
        return false;
    expression->rest = sv_from(expression->rest, word.n);
    return true;
}

static bool wrong(struct expression *expression, const char *why, sv name)
{
    if (!expression->wrong) {
        expression->wrong = why;
        expression->name = name;
    }
    return false;
}

static bool read_or(struct expression *expression);

static bool read_name(struct expression *expression)
{
    sv name = peek(expression);
    size_t place = 0;
    const struct yaml_node *found = expression->named->first;
    for (; found && !sv_eq(found->key, name); found = found->next)
        place++;
    if (name.n == 0 || !is_word_character(name.p[0]))
        return wrong(expression, "a condition's name is missing in this expression", SV(""));
    if (!found)
        return wrong(expression, "there is no condition of that name", name);
    expression->rest = sv_from(expression->rest, name.n);
    expression->seen |= place < 64 ? (uint64_t)1 << place : 0;
    return expression->fn && expression->fn(expression->arg, found);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool read_not(struct expression *expression)
{
    bool negated = false;
    while (take(expression, SV("not")))
        negated = !negated;
    if (!take(expression, SV("(")))
        return read_name(expression) != negated;
    if (++expression->depth > EXPRESSION_DEPTH_MAX)
        return wrong(expression, "this expression is nested too deeply", SV(""));
    bool holds = read_or(expression);
    expression->depth--;
    if (!take(expression, SV(")")))
        return wrong(expression, "a bracket is not closed", SV(""));
    return holds != negated;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool read_and(struct expression *expression)
{
    bool holds = read_not(expression);
    while (!expression->wrong && take(expression, SV("and")))
        holds = read_not(expression) && holds;
    return holds;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool read_or(struct expression *expression)
{
    bool holds = read_and(expression);
    while (!expression->wrong && take(expression, SV("or")))
        holds = read_and(expression) || holds;
    return holds;
}

static struct expression expression_of(const struct yaml_node *transformation,
                                       const struct pipeline_level_keys *keys)
{
    return (struct expression){.rest = pipeline_text(transformation, keys->expression),
                               .named = yaml_get(transformation, keys->conditions)};
}

const char *pipeline_expression_wrong(const struct yaml_node *transformation, enum pipeline_level level,
                                      sv *ret_name)
{
    const struct pipeline_level_keys *keys = &pipeline_level_keys[level];
    struct expression expression = expression_of(transformation, keys);
    *ret_name = SV("");
    if (!yaml_get(transformation, keys->expression))
        return NULL;
    if (yaml_get(transformation, keys->op))
        return "an expression and an operator cannot stand together";
    if (!expression.named || expression.named->kind != YAML_MAP)
        return "an expression wants a map of named conditions";
    read_or(&expression);
    if (!expression.wrong && sv_trim(expression.rest).n)
        wrong(&expression, "what stands behind this expression belongs to it by no and or or", SV(""));
    size_t place = 0;
    for (const struct yaml_node *one = expression.named->first; one; one = one->next, place++)
        if (place < 64 && !(expression.seen >> place & 1))
            wrong(&expression, "a condition is not in this expression", one->key);
    *ret_name = expression.name;
    return expression.wrong;
}

bool pipeline_holds(const struct yaml_node *transformation, enum pipeline_level level, pipeline_holds_fn *fn,
                    void *arg)
{
    const struct pipeline_level_keys *keys = &pipeline_level_keys[level];
    const struct yaml_node *list = yaml_get(transformation, keys->conditions);
    bool any = false, all = true;
    if (!list || list->count == 0)
        return true;
    bool negated = pipeline_says(transformation, keys->negated);
    if (yaml_get(transformation, keys->expression)) {
        struct expression expression = expression_of(transformation, keys);
        expression.fn = fn;
        expression.arg = arg;
        return read_or(&expression) != negated;
    }
    for (const struct yaml_node *child = list->first; child; child = child->next) {
        bool holds = fn(arg, child);
        any = any || holds;
        all = all && holds;
    }
    return (sv_eq(pipeline_text(transformation, keys->op), SV("or")) ? any : all) != negated;
}

/* --- what was set before */

static bool op_is(const struct yaml_node *condition, const char *op)
{
    const struct yaml_node *given = yaml_get(condition, "op");
    return given ? sv_eq(given->text, sv_of(op)) : strcmp(op, "eq") == 0;
}

/* Below 0, 0 or above: how the two stand to each other under the condition's op. */
static bool op_holds(const struct yaml_node *condition, double order)
{
    return op_is(condition, "eq")    ? order == 0
           : op_is(condition, "ne")  ? order != 0
           : op_is(condition, "gte") ? order >= 0
           : op_is(condition, "gt")  ? order > 0
           : op_is(condition, "lte") ? order <= 0
                                     : order < 0;
}

static double order_of(sv a, sv b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    return order ? order : (double)(a.n > b.n) - (double)(a.n < b.n);
}

/* Numbers by their value, all else as text; a number and a text are never the same. */
static bool values_hold(const struct yaml_node *condition, const struct yaml_node *is,
                        const struct yaml_node *wanted)
{
    double a, b;
    bool number = is->plain && sigma_number(is->text, &a),
         other = wanted->plain && sigma_number(wanted->text, &b);
    if (number && other)
        return op_holds(condition, a - b);
    return number == other ? op_holds(condition, order_of(is->text, wanted->text)) : op_is(condition, "ne");
}

static bool state_holds(const struct pipeline_facts *facts, const struct yaml_node *condition)
{
    const struct pipeline_note *note = facts->state;
    while (note && !sv_eq(note->name, pipeline_text(condition, "key")))
        note = note->earlier;
    return note && values_hold(condition, note->value, yaml_get(condition, "val"));
}

/* --- rules */

/* Every item of the detection until one is found. */
static bool any_item(const struct pipeline_work *work, const struct yaml_node *condition,
                     bool (*fn)(const struct pipeline_work *work, const struct yaml_node *condition,
                                const struct yaml_node *item))
{
    for (const struct yaml_node *selection = work->detection->first; selection; selection = selection->next) {
        const struct yaml_node *map = selection->kind == YAML_LIST ? selection->first : selection;
        for (; map; map = selection->kind == YAML_LIST ? map->next : NULL)
            for (const struct yaml_node *item = map->kind == YAML_MAP ? map->first : NULL; item;
                 item = item->next)
                if (sv_eq(pipeline_field_of(item->key), pipeline_text(condition, "field")) &&
                    fn(work, condition, item))
                    return true;
    }
    return false;
}

static bool is_any(const struct pipeline_work *work, const struct yaml_node *condition,
                   const struct yaml_node *item)
{
    (void)work;
    (void)condition;
    (void)item;
    return true;
}

static bool has_value(const struct pipeline_work *work, const struct yaml_node *condition,
                      const struct yaml_node *item)
{
    const struct yaml_node *wanted = yaml_get(condition, "value"),
                           *value = item->kind == YAML_LIST ? item->first : item;
    for (; value; value = item->kind == YAML_LIST ? value->next : NULL)
        if (pipeline_same_value(item, value, wanted, work->arena))
            return true;
    return false;
}

static bool part_is(const struct pipeline_work *work, const struct yaml_node *condition, const char *key)
{
    sv wanted = pipeline_text(condition, key);
    return wanted.n == 0 || sv_ieq(wanted, pipeline_text(work->source, key));
}

/* The place of a word in a list of them, from the least; −1 if it is none. */
static int rank_of(const char *words, sv word)
{
    int rank = 0;
    for (sv rest = sv_of(words); rest.p && rest.n; rank++)
        if (sv_ieq(sv_split(&rest, ' '), word))
            return rank;
    return -1;
}

/* Levels and stages have an order of their own; dates are written in theirs. */
static bool attribute_holds(const struct pipeline_work *work, const struct yaml_node *condition)
{
    sv name = pipeline_text(condition, "attribute");
    const struct yaml_node *wanted = yaml_get(condition, "value"), *is = NULL;
    const struct pipeline_note *note = work->facts.attributes;
    for (const struct yaml_node *child = work->document->first; child && !is; child = child->next)
        is = sv_eq(child->key, name) ? child : NULL;
    while (!is && note && !sv_eq(note->name, name))
        note = note->earlier;
    is = is ? is : note ? note->value : NULL;
    if (!is || is->kind == YAML_MAP)
        return false;
    if (is->kind == YAML_LIST)
        return op_is(condition, "in")       ? pipeline_lists(is, wanted->text)
               : op_is(condition, "not_in") ? !pipeline_lists(is, wanted->text)
                                            : op_is(condition, "ne");
    static const char levels[] = "informational low medium high critical",
                      stages[] = "unsupported deprecated experimental test stable";
    const char *words = sv_eq(name, SV("level")) ? levels : sv_eq(name, SV("status")) ? stages : "";
    int a = rank_of(words, is->text), b = rank_of(words, wanted->text);
    return a >= 0 && b >= 0 ? op_holds(condition, a - b) : values_hold(condition, is, wanted);
}

static bool has_tag(const struct pipeline_work *work, sv tag)
{
    const struct yaml_node *tags = yaml_get(work->document, "tags");
    for (const struct yaml_node *one = tags ? tags->first : NULL; one; one = one->next)
        if (sv_ieq(one->text, tag))
            return true;
    return false;
}

static bool rule_condition_holds(void *arg, const struct yaml_node *condition)
{
    const struct pipeline_work *work = arg;
    switch (pipeline_condition_of(PIPELINE_RULE, condition)) {
    case PIPELINE_RULE_logsource:
        return part_is(work, condition, "product") && part_is(work, condition, "category") &&
               part_is(work, condition, "service");
    case PIPELINE_RULE_contains_field:
        return any_item(work, condition, is_any);
    case PIPELINE_RULE_contains_detection_item:
        return any_item(work, condition, has_value);
    case PIPELINE_RULE_processing_item_applied:
        return pipeline_has_note(work->facts.steps, SV(""), pipeline_text(condition, "processing_item_id"));
    case PIPELINE_RULE_processing_state:
        return state_holds(&work->facts, condition);
    case PIPELINE_RULE_is_sigma_rule:
        return true; /* correlations come by only for their fields' names, which are their rules' */
    case PIPELINE_RULE_rule_attribute:
        return attribute_holds(work, condition);
    case PIPELINE_RULE_tag:
        return has_tag(work, pipeline_text(condition, "tag"));
    default:
        return false;
    }
}

bool pipeline_for_rule(const struct pipeline_work *work, const struct yaml_node *transformation)
{
    return pipeline_holds(transformation, PIPELINE_RULE, rule_condition_holds, (void *)(uintptr_t)work);
}

/* --- items */

struct item_question {
    const struct pipeline_work *work;
    const struct yaml_node *item;
};

static bool was_marked(const struct item_question *question, sv id)
{
    const struct pipeline_mark *mark = question->work->marks;
    while (mark && !(mark->item == question->item && sv_eq(mark->id, id)))
        mark = mark->next;
    return mark != NULL;
}

static bool value_holds(const struct item_question *question, const struct yaml_node *condition,
                        enum pipeline_condition type, const struct yaml_node *value)
{
    const struct pipeline_work *work = question->work;
    enum pipeline_kind kind = pipeline_kind_of(question->item, value);
    sv shown = kind == PIPELINE_STRING ? pipeline_shown(question->item, value->text, work->arena) : SV("");
    if (type == PIPELINE_ITEM_is_null)
        return kind == PIPELINE_NULL;
    if (type == PIPELINE_ITEM_match_value)
        return pipeline_same_value(question->item, value, yaml_get(condition, "value"), work->arena);
    if (type == PIPELINE_ITEM_match_string)
        return (kind == PIPELINE_STRING &&
                pipeline_regex_match(work->facts.pipelines, yaml_get(condition, "pattern"), shown) == 1) !=
               pipeline_says(condition, "negate");
    for (size_t i = 0; i < shown.n; i++) {
        if (shown.p[i] == '*' || shown.p[i] == '?')
            return true;
        i += shown.p[i] == '\\' && i + 1 < shown.n && strchr("\\*?", shown.p[i + 1]);
    }
    return false;
}

static bool item_condition_holds(void *arg, const struct yaml_node *condition)
{
    const struct item_question *question = arg;
    const struct yaml_node *item = question->item, *value = item->kind == YAML_LIST ? item->first : item;
    enum pipeline_condition type = pipeline_condition_of(PIPELINE_ITEM, condition);
    bool any = false, all = true;
    if (type == PIPELINE_ITEM_processing_state)
        return state_holds(&question->work->facts, condition);
    if (type == PIPELINE_ITEM_processing_item_applied)
        return was_marked(question, pipeline_text(condition, "processing_item_id"));
    for (; value; value = item->kind == YAML_LIST ? value->next : NULL) {
        bool holds = value_holds(question, condition, type, value);
        any = any || holds;
        all = all && holds;
    }
    return sv_eq(pipeline_text(condition, "cond"), SV("all")) ? all : any;
}

/* --- names of fields */

/* A name without text is that of a search for words. */
static bool name_listed(const struct pipeline_facts *facts, const struct yaml_node *condition, sv field)
{
    const struct yaml_node *fields = yaml_get(condition, "fields"),
                           *one = fields->kind == YAML_LIST ? fields->first : fields;
    if (field.n == 0)
        return false;
    if (!sv_eq(pipeline_text(condition, "mode"), SV("re")))
        return pipeline_lists(fields, field);
    for (; one; one = fields->kind == YAML_LIST ? one->next : NULL)
        if (pipeline_regex_match(facts->pipelines, one, field) == 1)
            return true;
    return false;
}

struct name_question {
    const struct pipeline_facts *facts;
    sv field;
    const struct item_question *item; /* NULL: nothing but a name is asked for */
    bool values;                      /* of the item: they count, too */
};

static bool one_name_holds(const struct name_question *question, const struct yaml_node *condition, sv field)
{
    switch (pipeline_condition_of(PIPELINE_NAME, condition)) {
    case PIPELINE_NAME_include_fields:
        return name_listed(question->facts, condition, field);
    case PIPELINE_NAME_exclude_fields:
        return !name_listed(question->facts, condition, field);
    case PIPELINE_NAME_processing_state:
        return state_holds(question->facts, condition);
    case PIPELINE_NAME_processing_item_applied: {
        sv id = pipeline_text(condition, "processing_item_id");
        return question->item ? was_marked(question->item, id)
                              : pipeline_has_note(question->facts->names, field, id);
    }
    default:
        return false;
    }
}

/* Fields that stand as values count as the item's own. */
static bool name_condition_holds(void *arg, const struct yaml_node *condition)
{
    const struct name_question *question = arg;
    if (one_name_holds(question, condition, question->field))
        return true;
    const struct yaml_node *item = question->item ? question->item->item : NULL;
    if (!item || !question->values || !pipeline_has_modifier(item->key, SV("fieldref")))
        return false;
    const struct yaml_node *value = item->kind == YAML_LIST ? item->first : item;
    for (; value; value = item->kind == YAML_LIST ? value->next : NULL)
        if (one_name_holds(question, condition, value->text))
            return true;
    return false;
}

bool pipeline_for_item(const struct pipeline_work *work, const struct yaml_node *transformation,
                       const struct yaml_node *item)
{
    struct item_question question = {work, item};
    struct name_question name = {&work->facts, pipeline_field_of(item->key), &question, true};
    return pipeline_holds(transformation, PIPELINE_ITEM, item_condition_holds, &question) &&
           pipeline_holds(transformation, PIPELINE_NAME, name_condition_holds, &name);
}

bool pipeline_for_item_name(const struct pipeline_work *work, const struct yaml_node *transformation,
                            const struct yaml_node *item)
{
    struct item_question question = {work, item};
    struct name_question name = {&work->facts, pipeline_field_of(item->key), &question, false};
    return pipeline_holds(transformation, PIPELINE_NAME, name_condition_holds, &name);
}

bool pipeline_for_field(const struct pipeline_facts *facts, const struct yaml_node *transformation, sv field)
{
    struct name_question name = {facts, field, NULL, false};
    return pipeline_holds(transformation, PIPELINE_NAME, name_condition_holds, &name);
}
