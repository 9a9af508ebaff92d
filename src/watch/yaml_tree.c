#include "watch/yaml_tree.h"

#include <assert.h>
#include <libfyaml.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct anchor {
    sv name;
    struct yaml_node *node;
    bool complete; /* false while its own content is being read: an alias there would be a loop */
};

/* An open list or map. */
struct level {
    struct yaml_node *node, **tail;
    bool has_key;
    sv key;
    int key_line, key_column;
    size_t anchor; /* index + 1, or 0 */
};

struct yaml_reader {
    sv text;
    struct arena *arena;
    struct fy_diag *diag;
    struct fy_parser *parser;
    struct yaml_problem *problem;
    struct yaml_node *root;
    struct level levels[YAML_DEPTH_MAX];
    size_t depth;
    struct anchor anchors[YAML_ANCHORS_MAX];
    size_t anchor_count, node_count;
    bool failed, ended, checked;
};

static void say_nothing(struct fy_diag *diag, void *user, const char *text, size_t n)
{
    (void)diag, (void)user, (void)text, (void)n;
}

struct yaml_reader *yaml_reader_new(sv text, struct arena *arena)
{
    struct yaml_reader *reader = calloc(1, sizeof *reader);
    assert(reader);
    reader->text = text;
    reader->arena = arena;
    struct fy_diag_cfg diag_cfg;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.fp = NULL;
    diag_cfg.output_fn = say_nothing;
    reader->diag = fy_diag_create(&diag_cfg);
    assert(reader->diag);
    fy_diag_set_collect_errors(reader->diag, true);
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_DISABLE_RECYCLING, .diag = reader->diag};
    reader->parser = fy_parser_create(&cfg);
    assert(reader->parser);
    reader->failed = fy_parser_set_string(reader->parser, text.n ? text.p : "", text.n) != 0;
    return reader;
}

void yaml_reader_free(struct yaml_reader *reader)
{
    if (!reader)
        return;
    fy_parser_destroy(reader->parser);
    fy_diag_destroy(reader->diag);
    free(reader);
}

__attribute__((format(printf, 4, 5))) static void fail(struct yaml_reader *reader, int line, int column,
                                                       const char *fmt, ...)
{
    reader->failed = true;
    if (reader->problem->message[0])
        return;
    reader->problem->line = line;
    reader->problem->column = column;
    va_list args;
    va_start(args, fmt);
    vsnprintf(reader->problem->message, sizeof reader->problem->message, fmt, args);
    va_end(args);
}

/* Bytes that are no UTF-8 are no YAML, and libfyaml 0.7 can run forever on them: it never sees any. */
static void check_encoding(struct yaml_reader *reader)
{
    if (sv_utf8(reader->text) && sv_find_char(reader->text, 0) == SV_NPOS)
        return;
    sv rest = reader->text;
    for (int line = 1; rest.p; line++) {
        sv one = sv_split(&rest, '\n');
        if (sv_utf8(one) && sv_find_char(one, 0) == SV_NPOS)
            continue;
        fail(reader, line, 1, "this line is not UTF-8 text: save the file in UTF-8");
        return;
    }
}

static void fail_from_library(struct yaml_reader *reader)
{
    void *at = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(reader->diag, &at);
    if (error)
        fail(reader, error->line > 0 ? error->line : 1, error->column > 0 ? error->column : 1,
             "this is not YAML: %s", error->msg);
    else
        fail(reader, 1, 1, "this is not YAML: it could not be read");
}

static const struct fy_mark *mark_of(struct fy_event *event)
{
    static const struct fy_mark start = {0};
    const struct fy_mark *mark = fy_event_start_mark(event);
    return mark ? mark : &start;
}

static sv text_of(struct yaml_reader *reader, struct fy_token *token)
{
    size_t n = 0;
    const char *text = token ? fy_token_get_text(token, &n) : NULL;
    return text ? arena_sv(reader->arena, (sv){text, n}) : SV("");
}

/* A node placed where the document stands: as the root, a list's next item, or the value of the last key.
 * NULL if it may not be (a bound, or a key that is no text). */
static struct yaml_node *place(struct yaml_reader *reader, struct fy_event *event)
{
    const struct fy_mark *mark = mark_of(event);
    int line = mark->line + 1, column = mark->column + 1;
    struct yaml_node *node = arena_alloc(reader->arena, sizeof *node);
    if (!node || ++reader->node_count > YAML_NODES_MAX) {
        fail(reader, line, column, "this text is too large: at most %d values are read", YAML_NODES_MAX);
        return NULL;
    }
    node->line = line;
    node->column = column;
    if (reader->depth == 0) {
        reader->root = node;
        return node;
    }
    struct level *level = &reader->levels[reader->depth - 1];
    if (level->node->kind == YAML_MAP) {
        if (!level->has_key) {
            fail(reader, line, column, "a key must be text, not a list or a map");
            return NULL;
        }
        node->key = level->key;
        node->key_line = level->key_line;
        node->key_column = level->key_column;
        level->has_key = false;
    }
    *level->tail = node;
    level->tail = &node->next;
    level->node->count++;
    return node;
}

static size_t put_anchor(struct yaml_reader *reader, struct fy_token *token, struct yaml_node *node,
                         bool complete)
{
    if (!token)
        return 0;
    if (reader->anchor_count == YAML_ANCHORS_MAX) {
        fail(reader, node->line, node->column, "more than %d anchors in one document", YAML_ANCHORS_MAX);
        return 0;
    }
    reader->anchors[reader->anchor_count] = (struct anchor){text_of(reader, token), node, complete};
    return ++reader->anchor_count;
}

/* Keeps a scalar as the key that the next node belongs to; false if it is not in a key's place. */
static bool take_key(struct yaml_reader *reader, struct fy_event *event)
{
    if (reader->depth == 0)
        return false;
    struct level *level = &reader->levels[reader->depth - 1];
    if (level->node->kind != YAML_MAP || level->has_key)
        return false;
    const struct fy_mark *mark = mark_of(event);
    level->key = text_of(reader, event->scalar.value);
    level->key_line = mark->line + 1;
    level->key_column = mark->column + 1;
    level->has_key = true;
    if (level->node->count == YAML_KEYS_MAX)
        fail(reader, level->key_line, level->key_column, "more than %d keys in one map", YAML_KEYS_MAX);
    for (const struct yaml_node *other = level->node->first; other; other = other->next)
        if (sv_eq(other->key, level->key))
            fail(reader, level->key_line, level->key_column,
                 "the key '%.*s' stands twice in one map (first in line %d): the second would hide the first",
                 SV_ARG(sv_first(level->key, 60)), other->key_line);
    return true;
}

static void take_scalar(struct yaml_reader *reader, struct fy_event *event)
{
    if (take_key(reader, event))
        return;
    struct yaml_node *node = place(reader, event);
    if (!node)
        return;
    struct fy_token *token = event->scalar.value;
    enum fy_scalar_style style = token ? fy_token_scalar_style(token) : FYSS_PLAIN;
    node->kind = YAML_SCALAR;
    node->text = text_of(reader, token);
    node->plain = style == FYSS_PLAIN;
    node->block = style == FYSS_LITERAL || style == FYSS_FOLDED || sv_find_char(node->text, '\n') != SV_NPOS;
    put_anchor(reader, event->scalar.anchor, node, true);
}

static void open_level(struct yaml_reader *reader, struct fy_event *event, enum yaml_kind kind,
                       struct fy_token *anchor)
{
    struct yaml_node *node = place(reader, event);
    if (!node)
        return;
    node->kind = kind;
    if (reader->depth == YAML_DEPTH_MAX) {
        fail(reader, node->line, node->column, "nested deeper than %d levels", YAML_DEPTH_MAX);
        return;
    }
    struct level *level = &reader->levels[reader->depth++];
    *level = (struct level){.node = node, .tail = &node->first};
    level->anchor = put_anchor(reader, anchor, node, false);
}

static void close_level(struct yaml_reader *reader)
{
    assert(reader->depth > 0);
    struct level *level = &reader->levels[--reader->depth];
    if (level->anchor)
        reader->anchors[level->anchor - 1].complete = true;
}

static void take_alias(struct yaml_reader *reader, struct fy_event *event)
{
    sv name = text_of(reader, event->alias.anchor);
    struct yaml_node *node = place(reader, event);
    if (!node)
        return;
    for (size_t i = reader->anchor_count; i-- > 0;) {
        const struct anchor *anchor = &reader->anchors[i];
        if (!sv_eq(anchor->name, name))
            continue;
        if (!anchor->complete)
            break;
        node->kind = anchor->node->kind;
        node->plain = anchor->node->plain;
        node->block = anchor->node->block;
        node->text = anchor->node->text;
        node->first = anchor->node->first;
        node->count = anchor->node->count;
        return;
    }
    fail(reader, node->line, node->column, "the alias *%.*s names no anchor that ends before it",
         SV_ARG(sv_first(name, 60)));
}

/* False at the end of the document. */
static bool take_event(struct yaml_reader *reader, struct fy_event *event)
{
    switch (event->type) {
    case FYET_SCALAR:
        take_scalar(reader, event);
        break;
    case FYET_SEQUENCE_START:
        open_level(reader, event, YAML_LIST, event->sequence_start.anchor);
        break;
    case FYET_MAPPING_START:
        open_level(reader, event, YAML_MAP, event->mapping_start.anchor);
        break;
    case FYET_SEQUENCE_END:
    case FYET_MAPPING_END:
        close_level(reader);
        break;
    case FYET_ALIAS:
        take_alias(reader, event);
        break;
    case FYET_DOCUMENT_END:
        return false;
    case FYET_STREAM_END:
        reader->ended = true;
        return false;
    case FYET_NONE:
    case FYET_STREAM_START:
    case FYET_DOCUMENT_START:
        break;
    }
    return true;
}

struct yaml_node *yaml_reader_next(struct yaml_reader *reader, struct yaml_problem *ret_problem)
{
    *ret_problem = (struct yaml_problem){0};
    reader->problem = ret_problem;
    if (!reader->checked)
        check_encoding(reader);
    reader->checked = true;
    while (!reader->ended && !reader->failed) {
        reader->root = NULL;
        reader->depth = 0;
        reader->anchor_count = 0;
        for (bool more = true; more && !reader->failed;) {
            struct fy_event *event = fy_parser_parse(reader->parser);
            if (!event) {
                fail_from_library(reader);
                break;
            }
            more = take_event(reader, event);
            fy_parser_event_free(reader->parser, event);
        }
        if (!reader->failed && reader->root && !yaml_is_null(reader->root))
            return reader->root;
    }
    return NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml_node *child = map->first; child; child = child->next)
        if (sv_eq(child->key, sv_of(key)))
            return child;
    return NULL;
}

bool yaml_is_null(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->plain &&
           (node->text.n == 0 || sv_eq(node->text, SV("~")) || sv_eq(node->text, SV("null")) ||
            sv_eq(node->text, SV("Null")) || sv_eq(node->text, SV("NULL")));
}
