/* What transformations make of values. An expression sees a value as pySigma does, whose modifiers have been
 * applied by then: `endswith: \cmd.exe` is *\cmd.exe. */
#include "watch/pipeline_priv.h"

#include "base/ascii.h"
#include "base/buf.h"
#include "watch/sigma_value.h"

/* --- what a value is */

static bool has_affix(sv key)
{
    return pipeline_has_modifier(key, SV("contains")) || pipeline_has_modifier(key, SV("startswith")) ||
           pipeline_has_modifier(key, SV("endswith"));
}

/* Whether nothing but text is made of the item's values. */
static bool is_textual(sv key)
{
    static const char *const modifiers[] = {"contains", "startswith", "endswith", "all",
                                            "cased",    "neq",        "expand"};
    sv_split(&key, '|');
    while (key.p) {
        sv modifier = sv_split(&key, '|');
        bool known = false;
        for (size_t i = 0; i < sizeof modifiers / sizeof *modifiers; i++)
            known = known || sv_eq(modifier, sv_of(modifiers[i]));
        if (!known)
            return false;
    }
    return true;
}

enum pipeline_kind pipeline_kind_of(const struct yaml_node *item, const struct yaml_node *value)
{
    double number;
    if (value->kind != YAML_SCALAR || !is_textual(item->key))
        return PIPELINE_OTHER;
    if (!value->plain || has_affix(item->key))
        return PIPELINE_STRING;
    if (yaml_is_null(value))
        return PIPELINE_NULL;
    if (sigma_number(value->text, &number))
        return PIPELINE_NUMBER;
    return sv_ieq(value->text, SV("true")) || sv_ieq(value->text, SV("false")) ? PIPELINE_BOOLEAN
                                                                               : PIPELINE_STRING;
}

/* --- backslashes: one stands for itself, except before what it escapes */

static bool is_special(char c, bool expand)
{
    return c == '*' || c == '?' || (expand && c == '%');
}

static size_t backslashes(sv text)
{
    size_t n = 0;
    while (n < text.n && text.p[n] == '\\')
        n++;
    return n;
}

/* Before a special character backslashes stay as they are; elsewhere `count` gives how many become of n. */
static sv with_backslashes(sv text, bool expand, size_t (*count)(size_t n), struct arena *arena)
{
    char *out = arena_alloc(arena, 2 * text.n + 4);
    size_t n = 0;
    for (size_t i = 0; out && i < text.n;) {
        size_t run = backslashes(sv_from(text, i));
        size_t kept = i + run < text.n && is_special(text.p[i + run], expand) ? run : count(run);
        memset(out + n, '\\', kept);
        n += kept;
        i += run;
        if (i < text.n)
            out[n++] = text.p[i++];
    }
    return out ? sv_make(out, n) : SV_NONE;
}

static size_t half(size_t n)
{
    return (n + 1) / 2;
}

static size_t twice(size_t n)
{
    return 2 * n;
}

static bool ends_open(sv shown)
{
    size_t n = shown.n;
    if (n == 0 || shown.p[n - 1] != '*')
        return false;
    size_t run = 0;
    while (run + 1 < n && shown.p[n - 2 - run] == '\\')
        run++;
    return run % 2 == 0;
}

sv pipeline_shown(const struct yaml_node *item, sv text, struct arena *arena)
{
    sv key = item->key;
    bool both = pipeline_has_modifier(key, SV("contains"));
    sv shown = with_backslashes(text, pipeline_has_modifier(key, SV("expand")), half, arena);
    if (!shown.p || !has_affix(key))
        return shown;
    bool lead = (both || pipeline_has_modifier(key, SV("endswith"))) && !(shown.n && shown.p[0] == '*');
    bool trail = (both || pipeline_has_modifier(key, SV("startswith"))) && !ends_open(shown);
    size_t last = 0;
    while (last < shown.n && shown.p[shown.n - 1 - last] == '\\')
        last++;
    /* A star behind backslashes would be escaped by the last of them. */
    return arena_printf(arena, "%s%.*s%.*s%s", lead ? "*" : "", SV_ARG(shown), trail ? (int)last : 0,
                        shown.p + shown.n - last, trail ? "*" : "");
}

sv pipeline_written(const struct yaml_node *item, sv shown, struct arena *arena)
{
    return shown.p ? with_backslashes(shown, pipeline_has_modifier(item->key, SV("expand")), twice, arena)
                   : SV_NONE;
}

bool pipeline_same_value(const struct yaml_node *item, const struct yaml_node *value,
                         const struct yaml_node *wanted, struct arena *arena)
{
    double a, b;
    switch (pipeline_kind_of(item, value)) {
    case PIPELINE_NUMBER:
        return wanted->plain && sigma_number(value->text, &a) && sigma_number(wanted->text, &b) && a == b;
    case PIPELINE_STRING: {
        bool text = !wanted->plain || !sigma_number(wanted->text, &b);
        return text && sv_eq(pipeline_shown(item, value->text, arena), wanted->text);
    }
    case PIPELINE_BOOLEAN:
        return wanted->plain && sv_ieq(value->text, wanted->text);
    case PIPELINE_NULL:
        return yaml_is_null(wanted);
    case PIPELINE_OTHER:
        break;
    }
    return false;
}

/* --- one value becomes none, one or several */

struct outcome {
    struct pipeline_work *work;
    const struct yaml_node *transformation, *item, *value;
    struct yaml_node *first, **tail;
    size_t count;
    bool touched, changed, several;
};

static void put(struct outcome *outcome, sv text, bool plain)
{
    struct yaml_node *node = text.p ? pipeline_new_node(outcome->work, outcome->value) : NULL;
    if (!text.p)
        pipeline_fail(outcome->work, outcome->value, "there is no more room for rules");
    if (!node)
        return;
    *node = (struct yaml_node){.kind = YAML_SCALAR,
                               .plain = plain,
                               .block = true, /* its columns are not the file's any more */
                               .line = outcome->value->line,
                               .column = outcome->value->column,
                               .text = text};
    *outcome->tail = node;
    outcome->tail = &node->next;
    outcome->count++;
}

static bool expands(const struct outcome *outcome)
{
    return pipeline_has_modifier(outcome->item->key, SV("expand"));
}

/* What was put together, in the arena; the buffer is freed. */
static sv keep(struct buf *text, struct arena *arena)
{
    sv kept = buf_view(text).n ? arena_sv(arena, buf_view(text)) : SV("");
    buf_free(text);
    return kept;
}

static void put_shown(struct outcome *outcome, sv shown)
{
    put(outcome, pipeline_written(outcome->item, shown, outcome->work->arena), false);
}

static void put_same(struct outcome *outcome)
{
    sv text = outcome->value->text;
    if (pipeline_kind_of(outcome->item, outcome->value) != PIPELINE_STRING)
        put(outcome, text, outcome->value->plain);
    else
        put_shown(outcome, pipeline_shown(outcome->item, text, outcome->work->arena));
}

static void map_value(struct outcome *outcome, sv shown)
{
    const struct yaml_node *to = pipeline_mapped(outcome->transformation, shown);
    if (!to) {
        put_same(outcome);
        return;
    }
    outcome->touched = outcome->changed = true;
    outcome->several = outcome->several || (to->kind == YAML_LIST && to->count > 1);
    if (to->kind == YAML_SCALAR)
        put(outcome, to->text, false);
    for (const struct yaml_node *one = to->first; one; one = one->next)
        put(outcome, one->text, false);
}

static bool replace(struct outcome *outcome, sv text, sv *ret)
{
    struct pipeline_work *work = outcome->work;
    const struct yaml_node *step = outcome->transformation;
    const char *why;
    sv with;
    if (pipeline_regex_template(pipeline_text(step, "replacement"), work->arena, &with, &why) &&
        pipeline_regex_replace(work->facts.pipelines, yaml_get(step, "regex"), with, text, work->arena, ret))
        return true;
    pipeline_fail(work, outcome->value,
                  "a pipeline's replace_string takes too long on this value, or makes it too long");
    return false;
}

static bool is_name(char c)
{
    return ascii_alnum(c) || c == '_' || c == '-';
}

/* The length of a wildcard, or of a %name% of a key with expand, that stands there; 0: none does. */
static size_t special_at(sv rest, bool expand)
{
    size_t end = 1;
    if (rest.p[0] != '%' || !expand)
        return is_special(rest.p[0], false);
    end += end < rest.n && rest.p[end] == PIPELINE_VAR_MARK;
    while (end < rest.n && is_name(rest.p[end]))
        end++;
    return end > 1 && end < rest.n && rest.p[end] == '%' ? end + 1 : 0;
}

/* The literal text up to the next wildcard or placeholder, without its escapes. */
static sv take_literal(sv *rest, bool expand, struct arena *arena)
{
    char *out = arena_alloc(arena, rest->n + 1);
    size_t n = 0, i = 0;
    while (out && i < rest->n && special_at(sv_from(*rest, i), expand) == 0) {
        bool escape = rest->p[i] == '\\' && i + 1 < rest->n &&
                      (rest->p[i + 1] == '\\' || is_special(rest->p[i + 1], expand));
        i += escape;
        out[n++] = rest->p[i++];
    }
    *rest = out ? sv_from(*rest, i) : SV("");
    return out ? sv_make(out, n) : SV_NONE;
}

/* As a rule writes it; with_wildcards: its * and ? are meant as such. */
static void put_literal(struct buf *out, sv literal, bool expand, bool with_wildcards)
{
    for (size_t i = 0; i < literal.n; i++) {
        char c = literal.p[i];
        if (c == '\\' || (is_special(c, expand) && !(with_wildcards && c != '%')))
            buf_put(out, SV("\\"));
        buf_put(out, sv_make(&c, 1));
    }
}

static void replace_parts(struct outcome *outcome, sv text)
{
    struct arena *arena = outcome->work->arena;
    bool expand = expands(outcome), meant = pipeline_says(outcome->transformation, "interpret_special");
    struct buf out = BUF_INIT(2 * SIGMA_VALUE_BYTES_MAX);
    for (sv rest = text; rest.n;) {
        size_t special = special_at(rest, expand);
        buf_put(&out, sv_first(rest, special));
        rest = sv_from(rest, special);
        sv literal = special ? SV("") : take_literal(&rest, expand, arena), replaced = SV("");
        if (literal.n && replace(outcome, literal, &replaced))
            put_literal(&out, replaced, expand, meant);
    }
    sv whole = keep(&out, arena);
    outcome->changed = outcome->changed || !sv_eq(whole, text);
    put(outcome, whole, false);
}

static void replace_value(struct outcome *outcome, sv shown)
{
    sv replaced = shown;
    outcome->touched = true;
    if (pipeline_says(outcome->transformation, "skip_special")) {
        replace_parts(outcome, pipeline_written(outcome->item, shown, outcome->work->arena));
        return;
    }
    if (!replace(outcome, shown, &replaced))
        return;
    outcome->changed = outcome->changed || !sv_eq(replaced, shown);
    put_shown(outcome, replaced);
}

/* ASCII's letters; names of placeholders stay as they are. */
static void case_value(struct outcome *outcome, sv shown)
{
    sv method = pipeline_text(outcome->transformation, "method");
    bool upper = sv_eq(method, SV("upper")), snake = sv_eq(method, SV("snake_case")), inside = false;
    struct buf out = BUF_INIT(2 * SIGMA_VALUE_BYTES_MAX);
    for (sv rest = shown; rest.n;) {
        size_t special = special_at(rest, expands(outcome));
        if (special == 0) {
            char c = upper ? ascii_upper(rest.p[0]) : ascii_lower(rest.p[0]);
            if (snake && inside && rest.p[0] != ascii_lower(rest.p[0]))
                buf_put(&out, SV("_"));
            buf_put(&out, sv_make(&c, 1));
        }
        inside = special == 0;
        buf_put(&out, sv_first(rest, special));
        rest = sv_from(rest, special ? special : 1);
    }
    sv whole = keep(&out, outcome->work->arena);
    outcome->touched = true;
    outcome->changed = outcome->changed || !sv_eq(whole, shown);
    put_shown(outcome, whole);
}

static void convert_value(struct outcome *outcome, enum pipeline_kind kind)
{
    const struct yaml_node *value = outcome->value;
    bool number = sv_eq(pipeline_text(outcome->transformation, "target_type"), SV("num"));
    double ignored;
    outcome->touched = outcome->touched || kind != PIPELINE_NULL;
    if (number && kind != PIPELINE_NULL &&
        (has_affix(outcome->item->key) || !sigma_number(value->text, &ignored)))
        pipeline_fail(outcome->work, value, "a pipeline makes numbers of these values, and this is none");
    bool converted =
        kind == (number ? PIPELINE_STRING : PIPELINE_NUMBER) || (!number && kind == PIPELINE_BOOLEAN);
    outcome->changed = outcome->changed || converted;
    if (converted)
        put(outcome, value->text, number);
    else
        put_same(outcome);
}

static void change_value(struct outcome *outcome, enum pipeline_type type)
{
    const struct yaml_node *value = outcome->value;
    enum pipeline_kind kind = pipeline_kind_of(outcome->item, value);
    sv shown = kind == PIPELINE_STRING ? pipeline_shown(outcome->item, value->text, outcome->work->arena)
                                       : value->text;
    if (type == PIPELINE_convert_type && kind != PIPELINE_OTHER)
        convert_value(outcome, kind);
    else if (type == PIPELINE_map_string && kind == PIPELINE_STRING)
        map_value(outcome, shown);
    else if (type == PIPELINE_replace_string && (kind == PIPELINE_STRING || kind == PIPELINE_NUMBER))
        replace_value(outcome, shown);
    else if (type == PIPELINE_case && kind == PIPELINE_STRING)
        case_value(outcome, shown);
    else
        put_same(outcome);
}

/* --- items */

/* The key without the modifiers that stand for stars, which are written now. */
static sv without_affixes(sv key, struct arena *arena)
{
    sv out = pipeline_field_of(key);
    sv_split(&key, '|');
    while (key.p && out.p) {
        sv modifier = sv_split(&key, '|');
        if (!sv_eq(modifier, SV("contains")) && !sv_eq(modifier, SV("startswith")) &&
            !sv_eq(modifier, SV("endswith")))
            out = arena_printf(arena, "%.*s|%.*s", SV_ARG(out), SV_ARG(modifier));
    }
    return out;
}

static void take_over(struct outcome *outcome, struct yaml_node *item, sv key)
{
    if (outcome->several &&
        (pipeline_has_modifier(item->key, SV("all")) || pipeline_has_modifier(item->key, SV("neq"))))
        pipeline_fail(outcome->work, item,
                      "this value is mapped to several, which goes with neither all nor neq");
    item->key = key;
    item->kind = YAML_LIST;
    item->first = outcome->first;
    item->count = outcome->count;
}

static bool set_values(struct pipeline_work *work, const struct yaml_node *step, struct yaml_node *item)
{
    const struct yaml_node *value = yaml_get(step, "value");
    sv type = pipeline_text(step, "force_type"), field = pipeline_field_of(item->key);
    struct outcome outcome = {.work = work, .transformation = step, .item = item, .value = item};
    outcome.tail = &outcome.first;
    put(&outcome, value->text, type.n ? sv_eq(type, SV("num")) : value->plain);
    take_over(&outcome, item,
              pipeline_has_modifier(item->key, SV("neq"))
                  ? arena_printf(work->arena, "%.*s|neq", SV_ARG(field))
                  : field);
    return true;
}

static bool has_strings(const struct yaml_node *item)
{
    const struct yaml_node *value = item->kind == YAML_LIST ? item->first : item;
    for (; value; value = item->kind == YAML_LIST ? value->next : NULL)
        if (pipeline_kind_of(item, value) == PIPELINE_STRING)
            return true;
    return false;
}

/* Texts are compared without regard to case anyway; "plain" is what makes them regard it. */
static bool make_regex(struct pipeline_work *work, const struct yaml_node *step, struct yaml_node *item)
{
    if (!has_strings(item))
        return false;
    if (sv_eq(pipeline_text(step, "method"), SV("plain")) && !pipeline_has_modifier(item->key, SV("cased")))
        item->key = arena_printf(work->arena, "%.*s|cased", SV_ARG(item->key));
    return true;
}

/* --- placeholders */

/* The name between two percent signs that stand there, with its mark if it has been chosen; empty if there is
 * none. */
static sv placeholder_at(sv text, size_t i)
{
    bool escaped = i && text.p[i - 1] == '\\';
    size_t n = text.p[i] == '%' && !escaped ? special_at(sv_from(text, i), true) : 0;
    return n ? sv_first(sv_from(text, i + 1), n - 2) : SV("");
}

static bool is_chosen(const struct pipeline_work *work, const struct yaml_node *step, sv name, bool widen)
{
    const struct yaml_node *include = yaml_get(step, "include");
    return name.p[0] != PIPELINE_VAR_MARK && (!include || pipeline_lists(include, name)) &&
           !pipeline_lists(yaml_get(step, "exclude"), name) &&
           (widen || pipelines_var(work->facts.pipelines, name));
}

/* %name% becomes a wildcard, or is marked as a variable; what is not chosen is left to the configuration's
 * lists. */
static bool replace_placeholders(struct pipeline_work *work, const struct yaml_node *step, sv key,
                                 struct yaml_node *value)
{
    bool widen = pipeline_type_of(step) == PIPELINE_wildcard_placeholders, any = false;
    sv text = value->text, star = pipeline_has_modifier(key, SV("re")) ? SV(".*") : SV("*");
    struct buf out = BUF_INIT(2 * SIGMA_VALUE_BYTES_MAX);
    for (size_t i = 0; i < text.n;) {
        sv name = placeholder_at(text, i);
        bool chosen = name.n && is_chosen(work, step, name, widen);
        sv whole = sv_first(sv_from(text, i), name.n ? name.n + 2 : 1);
        if (!chosen)
            buf_put(&out, whole);
        else if (widen)
            buf_put(&out, star);
        else
            buf_printf(&out, "%%%c%.*s%%", PIPELINE_VAR_MARK, SV_ARG(name));
        any = any || chosen;
        i += whole.n;
    }
    value->text = keep(&out, work->arena);
    if (!value->text.p)
        pipeline_fail(work, value, "there is no more room for rules");
    return any;
}

static bool change_placeholders(struct pipeline_work *work, const struct yaml_node *step,
                                struct yaml_node *item)
{
    bool any = false;
    struct yaml_node *value = item->kind == YAML_LIST ? item->first : item;
    if (!pipeline_has_modifier(item->key, SV("expand")))
        return false;
    for (; value; value = item->kind == YAML_LIST ? value->next : NULL)
        any = replace_placeholders(work, step, item->key, value) || any;
    return any;
}

bool pipeline_change_values(struct pipeline_work *work, const struct yaml_node *transformation,
                            struct yaml_node *item)
{
    enum pipeline_type type = pipeline_type_of(transformation);
    struct yaml_node *value = item->kind == YAML_LIST ? item->first : item;
    for (const struct yaml_node *one = value; one; one = item->kind == YAML_LIST ? one->next : NULL)
        if (one->kind != YAML_SCALAR)
            return false; /* the loader says what is wrong with it */
    if (type == PIPELINE_value_placeholders || type == PIPELINE_wildcard_placeholders)
        return change_placeholders(work, transformation, item);
    if (type == PIPELINE_set_value)
        return set_values(work, transformation, item);
    if (type == PIPELINE_regex)
        return make_regex(work, transformation, item);
    struct outcome outcome = {.work = work, .transformation = transformation, .item = item};
    outcome.tail = &outcome.first;
    for (; value && !work->failed; value = item->kind == YAML_LIST ? value->next : NULL) {
        outcome.value = value;
        change_value(&outcome, type);
    }
    if (outcome.changed && !work->failed)
        take_over(&outcome, item,
                  type == PIPELINE_convert_type ? item->key : without_affixes(item->key, work->arena));
    return outcome.touched;
}
