#include "watch/testing_reference.h"

#include <assert.h>
#include <stdlib.h>

#include "watch/rule_source.h"

struct question {
    const struct yaml_node *detection;
    const struct event *event;
    const struct sigma_lists *lists;
    struct arena *arena;
};

void *reference_alloc(struct arena *arena, size_t n)
{
    void *memory = arena_alloc(arena, n + 1);
    assert(memory);
    return memory;
}

bool reference_has(const char *key, const char *modifier)
{
    sv rest = sv_of(key);
    sv_split(&rest, '|');
    while (rest.p)
        if (sv_eq(sv_split(&rest, '|'), sv_of(modifier)))
            return true;
    return false;
}

static bool is_header(sv name)
{
    return sv_starts(name, SV("log.syslog.")) || sv_starts(name, SV("vedette."));
}

/* A keyword is looked for in the record and its message; where the record escapes, in what its fields say. */
static bool keyword(const struct question *question, const char *key, const struct yaml_node *value)
{
    const struct event *event = question->event;
    const struct event_field whole[] = {{SV(""), event->raw, EVENT_STRING},
                                        {SV(""), event->message, EVENT_STRING}};
    for (size_t i = 0; i < 2; i++)
        if (reference_value(key, value, &whole[i], event, question->lists, question->arena))
            return true;
    if (event->raw.n && !memchr(event->raw.p, '\\', event->raw.n))
        return false;
    for (size_t i = 0; i < event->field_count; i++)
        if (event->fields[i].type != EVENT_NULL && !is_header(event->fields[i].name) &&
            reference_value(key, value, &event->fields[i], event, question->lists, question->arena))
            return true;
    return false;
}

/* One value under a key against every field of that name. */
static bool value_holds(const struct question *question, const char *key, const struct yaml_node *value)
{
    const struct event *event = question->event;
    sv rest = sv_of(key), name = sv_split(&rest, '|');
    bool present = false;
    if (name.n == 0)
        return keyword(question, key, value);
    for (size_t i = 0; i < event->field_count; i++) {
        if (!sv_eq(event->fields[i].name, name))
            continue;
        present = true;
        if (reference_has(key, "exists"))
            return sv_ieq(value->text, SV("true"));
        if (reference_value(key, value, &event->fields[i], event, question->lists, question->arena))
            return true;
    }
    if (present)
        return false;
    if (reference_has(key, "exists"))
        return sv_ieq(value->text, SV("false"));
    /* Absent: only null holds, if the key leaves it one. */
    const struct event_field nothing = {name, SV(""), EVENT_NULL};
    return value->plain && (yaml_is_null(value) || sv_ieq(value->text, SV("null"))) &&
           reference_value(key, value, &nothing, event, question->lists, question->arena);
}

static bool item_holds(const struct question *question, const char *key, const struct yaml_node *values)
{
    bool all = reference_has(key, "all"), any = false, every = true;
    const struct yaml_node *first = values->kind == YAML_LIST ? values->first : values;
    for (const struct yaml_node *value = first; value;
         value = values->kind == YAML_LIST ? value->next : NULL) {
        bool holds = value_holds(question, key, value);
        any = any || holds;
        every = every && holds;
    }
    return (all ? every : any) != reference_has(key, "neq");
}

static const char *cstr(const struct question *question, sv text)
{
    char *copy = arena_cstr(question->arena, text);
    assert(copy);
    return copy;
}

static bool map_holds(const struct question *question, const struct yaml_node *map)
{
    for (const struct yaml_node *item = map->first; item; item = item->next)
        if (!item_holds(question, cstr(question, item->key), item))
            return false;
    return true;
}

/* A map: all. A list: any, be they maps or words. */
static bool selection_holds(const struct question *question, const struct yaml_node *selection)
{
    if (selection->kind == YAML_MAP)
        return map_holds(question, selection);
    if (selection->kind == YAML_SCALAR)
        return keyword(question, "", selection);
    for (const struct yaml_node *child = selection->first; child; child = child->next)
        if (child->kind == YAML_MAP ? map_holds(question, child) : keyword(question, "", child))
            return true;
    return false;
}

/* --- conditions: read and answered at once */

struct reader {
    const struct question *question;
    sv rest;
};

static sv peek(struct reader *reader)
{
    sv rest = sv_trim(reader->rest);
    reader->rest = rest;
    if (rest.n && (rest.p[0] == '(' || rest.p[0] == ')'))
        return sv_first(rest, 1);
    size_t n = 0;
    while (n < rest.n && !strchr(" \t\r\n()", rest.p[n]))
        n++;
    return sv_first(rest, n);
}

static sv take(struct reader *reader)
{
    sv word = peek(reader);
    reader->rest = sv_from(reader->rest, word.n);
    return word;
}

/* NOLINTNEXTLINE(misc-no-recursion): a test's patterns are short. */
static bool name_fits(sv pattern, sv name)
{
    if (pattern.n == 0)
        return name.n == 0;
    if (pattern.p[0] == '*')
        return name_fits(sv_from(pattern, 1), name) || (name.n && name_fits(pattern, sv_from(name, 1)));
    return name.n && name.p[0] == pattern.p[0] && name_fits(sv_from(pattern, 1), sv_from(name, 1));
}

static bool counted(struct reader *reader, sv count)
{
    const struct question *question = reader->question;
    uint64_t number = 1, found = 0, total = 0;
    sv_to_u64(count, &number);
    take(reader); /* of */
    sv pattern = take(reader);
    bool them = sv_eq(pattern, SV("them"));
    for (const struct yaml_node *node = question->detection->first; node; node = node->next) {
        if (sv_eq(node->key, SV("condition")) || sv_eq(node->key, SV("timeframe")))
            continue;
        if (node->key.n && node->key.p[0] == '_' && (them || pattern.p[0] != '_'))
            continue;
        if (!them && !name_fits(pattern, node->key))
            continue;
        total++;
        found += selection_holds(question, node);
    }
    return sv_eq(count, SV("all")) ? found == total : found >= number;
}

static bool read_or(struct reader *reader);

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool read_one(struct reader *reader)
{
    sv word = take(reader);
    if (sv_eq(word, SV("not")))
        return !read_one(reader);
    if (sv_eq(word, SV("("))) {
        bool holds = read_or(reader);
        take(reader);
        return holds;
    }
    if (sv_eq(peek(reader), SV("of")))
        return counted(reader, word);
    const struct yaml_node *selection = yaml_get(reader->question->detection, cstr(reader->question, word));
    assert(selection);
    return selection_holds(reader->question, selection);
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool read_and(struct reader *reader)
{
    bool holds = read_one(reader);
    while (sv_eq(peek(reader), SV("and"))) {
        take(reader);
        bool next = read_one(reader);
        holds = holds && next;
    }
    return holds;
}

/* NOLINTNEXTLINE(misc-no-recursion) */
static bool read_or(struct reader *reader)
{
    bool holds = read_and(reader);
    while (sv_eq(peek(reader), SV("or"))) {
        take(reader);
        bool next = read_and(reader);
        holds = holds || next;
    }
    return holds;
}

static bool condition_holds(const struct question *question, const struct yaml_node *condition)
{
    struct reader reader = {question, condition->text};
    bool holds = read_or(&reader);
    assert(peek(&reader).n == 0);
    return holds;
}

static sv source_part(const struct yaml_node *source, const char *key)
{
    const struct yaml_node *node = yaml_get(source, key);
    return node ? node->text : SV("");
}

bool reference_matches(const struct yaml_node *rule, const struct event *event,
                       const struct sigma_lists *lists, struct arena *arena)
{
    const struct yaml_node *source = yaml_get(rule, "logsource"), *detection = yaml_get(rule, "detection");
    const struct yaml_node *condition = yaml_get(detection, "condition");
    const struct question question = {detection, event, lists, arena};
    const struct logsource wanted = {source_part(source, "product"), source_part(source, "category"),
                                     source_part(source, "service")};
    if (!rule_source_agrees(&wanted, &event->source))
        return false;
    if (condition->kind != YAML_LIST)
        return condition_holds(&question, condition);
    for (const struct yaml_node *one = condition->first; one; one = one->next)
        if (condition_holds(&question, one))
            return true;
    return false;
}
