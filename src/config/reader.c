/* From YAML to structs by the tables of section.h. libfyaml stays in this file. */
#include "config/section.h"

#include "base/ascii.h"

#include <assert.h>
#include <libfyaml.h>

enum { SUGGESTION_DISTANCE_MAX = 2, SUGGESTION_BYTES_MAX = 40 };

/* A section's mapping that waits to be read. They queue up so that depth never costs stack. */
struct task {
    struct config_instance *instance;
    struct fy_node *node;
    struct config_place place;
    struct task *next;
};

struct walk {
    struct config_reader *reader;
    const char *file; /* a copy that lives as long as the configuration */
    struct task *first, **last;
};

static void *take(struct config_reader *reader, size_t n)
{
    void *p = arena_alloc(reader->arena, n);
    assert(p);
    return p;
}

static void complain(struct walk *walk, struct config_place place, const struct err *err, const char *key)
{
    config_errors_add(walk->reader->errors, place.file, place.line, place.column, err->advice, "%s: %s", key,
                      err->cause);
}

/* libfyaml marks a quoted text and an alias behind its first sign; people look for it at that sign. */
static struct config_place scalar_place(struct walk *walk, struct fy_node *node,
                                        struct config_place otherwise)
{
    struct fy_token *token = fy_node_get_scalar_token(node);
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    enum fy_node_style style = fy_node_get_style(node);
    bool quoted = style == FYNS_SINGLE_QUOTED || style == FYNS_DOUBLE_QUOTED || style == FYNS_ALIAS;
    if (!mark)
        return otherwise;
    return (struct config_place){walk->file, mark->line + 1,
                                 mark->column + (quoted && mark->column > 0 ? 0 : 1)};
}

/* libfyaml knows the place of scalars; a mapping or list is where its first scalar is, or at `otherwise`. */
static struct config_place place_of(struct walk *walk, struct fy_node *node, struct config_place otherwise)
{
    for (int depth = 0; node && depth < 8; depth++) {
        void *at = NULL;
        if (fy_node_is_scalar(node))
            return scalar_place(walk, node, otherwise);
        if (fy_node_is_mapping(node)) {
            struct fy_node_pair *pair = fy_node_mapping_iterate(node, &at);
            node = pair ? fy_node_pair_key(pair) : NULL;
        } else {
            node = fy_node_sequence_iterate(node, &at);
        }
    }
    return otherwise;
}

static sv scalar_text(struct fy_node *node)
{
    size_t n = 0;
    const char *text = node && fy_node_is_scalar(node) ? fy_node_get_scalar(node, &n) : NULL;
    return text ? sv_make(text, n) : SV_NONE;
}

/* Without a value, as after "port:" at the end of a line. */
static bool absent(struct fy_node *node)
{
    return !node || (fy_node_is_scalar(node) && fy_node_get_style(node) == FYNS_PLAIN &&
                     (scalar_text(node).n == 0 || sv_eq(scalar_text(node), SV("null")) ||
                      sv_eq(scalar_text(node), SV("~"))));
}

static bool alias(struct fy_node *node)
{
    return node && fy_node_is_alias(node);
}

/* Edit distance with neighbours swapped as one step, for short words. */
static unsigned distance(sv a, sv b)
{
    enum { N = SUGGESTION_BYTES_MAX + 1 };
    unsigned rows[3][N];
    if (a.n >= N || b.n >= N)
        return N;
    for (size_t j = 0; j <= b.n; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned best = before[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            best = before[j] + 1 < best ? before[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                best = earlier[j - 2] + 1 < best ? earlier[j - 2] + 1 : best;
            now[j] = best;
        }
    }
    return rows[a.n % 3][b.n];
}

static void nearer(sv key, const char *candidate, unsigned *best, const char **ret)
{
    unsigned d = distance(key, sv_of(candidate));
    if (d < *best && d < strlen(candidate)) {
        *best = d;
        *ret = candidate;
    }
}

static const char *suggestion(const struct config_section *section, sv key)
{
    unsigned best = SUGGESTION_DISTANCE_MAX + 1;
    const char *found = NULL;
    for (size_t i = 0; i < section->field_count; i++)
        nearer(key, section->fields[i].key, &best, &found);
    for (size_t i = 0; i < section->child_count; i++)
        nearer(key, section->children[i].key, &best, &found);
    return found;
}

/* A key without a space after its colon takes its value in, which may be a secret: only the word is shown. */
static void unknown_key(struct walk *walk, const struct config_section *section, sv key,
                        struct config_place place)
{
    size_t n = 0;
    while (n < key.n && n < SUGGESTION_BYTES_MAX &&
           (ascii_letter(key.p[n]) || key.p[n] == '_' || key.p[n] == '-'))
        n++;
    const char *near = suggestion(section, sv_first(key, n));
    char advice[120];
    struct buf text = BUF_INIT(sizeof advice);
    if (near)
        buf_printf(&text, "did you mean %s?", near);
    else
        buf_printf(&text, "`vedette help config` lists the keys");
    sv_copy(advice, sizeof advice, buf_view(&text));
    buf_free(&text);
    config_errors_add(walk->reader->errors, place.file, place.line, place.column, advice,
                      "unknown key \"%.*s%s\" in %s", (int)n, key.p ? key.p : "", n < key.n ? "…" : "",
                      section->name);
}

/* True if the key was there before; says so unless it may add to what was there. */
static bool repeated(struct walk *walk, struct config_place *seen, struct config_place place, bool adds,
                     const char *key)
{
    bool again = seen->line != 0 && (!adds || seen->file == place.file);
    if (again)
        config_errors_add(walk->reader->errors, place.file, place.line, place.column, "keep one of the two",
                          "%s: given before, at %s:%d", key, seen->file, seen->line);
    else
        *seen = place;
    return again;
}

static int read_scalar(struct walk *walk, enum config_type type, struct fy_node *node, void *ret,
                       struct err *err)
{
    if (type == CONFIG_TYPE_PRESENT) {
        void *at = NULL;
        if (!node || !fy_node_is_mapping(node) || fy_node_mapping_iterate(node, &at))
            return err_set(err, ERR_CONFIG, "write {} behind it", "takes no value and has no keys");
        *(bool *)ret = true;
        return 0;
    }
    if (alias(node))
        return err_set(err, ERR_CONFIG, "write the value out", "anchors and aliases (* and &) are not taken");
    if (absent(node))
        return err_set(err, ERR_CONFIG, NULL, "has no value; expected is %s", config_type_expected(type));
    if (!fy_node_is_scalar(node))
        return err_set(err, ERR_CONFIG, NULL, "expected is %s, not a %s", config_type_expected(type),
                       fy_node_is_mapping(node) ? "section" : "list");
    struct config_value value = {scalar_text(node), walk->file, walk->reader->arena};
    return config_value_parse(type, &value, ret, err);
}

static size_t item_count(struct fy_node *list)
{
    size_t n = 0;
    void *at = NULL;
    while (fy_node_sequence_iterate(list, &at))
        n++;
    return n;
}

/* Adds the items to those from earlier files. */
static int read_list(struct walk *walk, const struct config_field *field, struct fy_node *node,
                     struct config_place place, struct config_strings *strings)
{
    struct err err = {0};
    if (alias(node) || !node || !fy_node_is_sequence(node)) {
        err_set(&err, ERR_CONFIG, "write it in brackets, [a, b], or as lines that begin with \"- \"",
                "expected is %s", config_type_expected(field->type));
        complain(walk, place, &err, field->key);
        return -1;
    }
    size_t n = item_count(node);
    if (strings->count + n > CONFIG_LIST_ITEMS_MAX) {
        err_set(&err, ERR_CONFIG, NULL, "has more than %d items", CONFIG_LIST_ITEMS_MAX);
        complain(walk, place, &err, field->key);
        return -1;
    }
    const char **items = take(walk->reader, (strings->count + n) * sizeof *items);
    if (strings->count)
        memcpy(items, strings->items, strings->count * sizeof *items);
    void *at = NULL;
    int result = 0;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at));) {
        if (read_scalar(walk, config_type_item(field->type), item, &items[strings->count], &err) == 0) {
            strings->count++;
            continue;
        }
        complain(walk, place_of(walk, item, place), &err, field->key);
        result = -1;
    }
    strings->items = items;
    return result;
}

static void read_field(struct walk *walk, struct config_instance *instance, size_t index,
                       struct fy_node *node, struct config_place key_place)
{
    const struct config_field *field = &instance->section->fields[index];
    bool list = config_type_is_list(field->type);
    if (repeated(walk, &instance->keys[index], key_place, list, field->key))
        return;
    void *ret = (char *)instance->base + field->offset;
    struct config_place place = place_of(walk, node, key_place);
    if (list) {
        instance->faulty[index] |= read_list(walk, field, node, place, ret) < 0;
        return;
    }
    struct err err = {0};
    instance->faulty[index] = read_scalar(walk, field->type, node, ret, &err) < 0;
    if (instance->faulty[index])
        complain(walk, place, &err, field->key);
    instance->keys[index] = place;
}

static void enqueue(struct walk *walk, struct config_instance *instance, struct fy_node *node,
                    struct config_place place)
{
    struct task *task = take(walk->reader, sizeof *task);
    *task = (struct task){.instance = instance, .node = node, .place = place};
    *walk->last = task;
    walk->last = &task->next;
}

static struct config_instance *instance_new(struct config_reader *reader,
                                            const struct config_section *section, void *base)
{
    struct config_instance *instance = take(reader, sizeof *instance);
    instance->section = section;
    instance->base = base ? base : take(reader, section->size);
    return instance;
}

static void read_section_list(struct walk *walk, struct config_instance *instance, size_t index,
                              struct fy_node *node, struct config_place place)
{
    const struct config_child *child = &instance->section->children[index];
    struct err err = {0};
    if (!node || alias(node) || !fy_node_is_sequence(node)) {
        err_set(&err, ERR_CONFIG, "begin each with \"- \"", "expected is a list of sections");
        complain(walk, place, &err, child->key);
        instance->faulty_children[index] = true;
        return;
    }
    size_t n = 0;
    struct config_instance **tail = &instance->children[index];
    for (; *tail; tail = &(*tail)->next)
        n++;
    void *at = NULL;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at)); tail = &(*tail)->next) {
        if (++n > child->max) {
            err_set(&err, ERR_CONFIG, NULL, "has more than %zu entries", child->max);
            complain(walk, place, &err, child->key);
            return;
        }
        *tail = instance_new(walk->reader, child->section, NULL);
        enqueue(walk, *tail, item, place_of(walk, item, place));
    }
}

static void read_child(struct walk *walk, struct config_instance *instance, size_t index,
                       struct fy_node *node, struct config_place key_place)
{
    const struct config_child *child = &instance->section->children[index];
    if (repeated(walk, &instance->child_keys[index], key_place, true, child->key))
        return;
    if (child->max) {
        read_section_list(walk, instance, index, node, key_place);
        return;
    }
    if (!instance->children[index])
        instance->children[index] =
            instance_new(walk->reader, child->section, (char *)instance->base + child->offset);
    enqueue(walk, instance->children[index], node, key_place);
}

static void read_pair(struct walk *walk, struct config_instance *instance, struct fy_node_pair *pair,
                      struct config_place section_place)
{
    struct fy_node *key_node = fy_node_pair_key(pair), *node = fy_node_pair_value(pair);
    struct config_place place = place_of(walk, key_node, section_place);
    sv key = alias(key_node) ? SV_NONE : scalar_text(key_node);
    const struct config_section *section = instance->section;
    for (size_t i = 0; i < section->field_count; i++)
        if (sv_eq(key, sv_of(section->fields[i].key))) {
            read_field(walk, instance, i, node, place);
            return;
        }
    for (size_t i = 0; i < section->child_count; i++)
        if (sv_eq(key, sv_of(section->children[i].key))) {
            read_child(walk, instance, i, node, place);
            return;
        }
    unknown_key(walk, section, key, place);
}

static bool is_value(struct fy_node *node)
{
    return !absent(node) && (alias(node) || fy_node_is_scalar(node));
}

static void read_section(struct walk *walk, const struct task *task)
{
    struct config_instance *instance = task->instance;
    if (instance->own.line == 0)
        instance->own = task->place;
    if (instance->section->shorthand && is_value(task->node)) {
        read_field(walk, instance, 0, task->node, task->place);
        return;
    }
    if (!task->node || !fy_node_is_mapping(task->node)) {
        walk->reader->broken |= instance == walk->reader->top;
        config_errors_add(walk->reader->errors, task->place.file, task->place.line, task->place.column,
                          "write one \"key: value\" per line", "%s: expected is a section with keys",
                          instance->section->name);
        return;
    }
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(task->node, &at));)
        read_pair(walk, instance, pair, task->place);
}

static void read_document(struct walk *walk, struct fy_document *document)
{
    struct config_place start = {walk->file, 1, 1};
    struct fy_node *root = fy_document_root(document);
    if (absent(root) && !alias(root))
        return;
    enqueue(walk, walk->reader->top, root, place_of(walk, root, start));
    for (const struct task *task = walk->first; task; task = task->next)
        read_section(walk, task);
}

/* Says what libfyaml found, in its words, at its place. */
static void report_syntax(struct walk *walk, struct fy_diag *diag)
{
    void *at = NULL;
    struct fy_diag_error *found = fy_diag_errors_iterate(diag, &at);
    walk->reader->broken = true;
    if (!found)
        config_errors_add(walk->reader->errors, walk->file, 1, 1, NULL, "this is not YAML");
    for (; found; found = fy_diag_errors_iterate(diag, &at))
        config_errors_add(walk->reader->errors, walk->file, found->line, found->column,
                          "check the indentation, colons, brackets and quotes here", "YAML: %s", found->msg);
}

static void read_documents(struct walk *walk, struct fy_parser *parser, struct fy_diag *diag)
{
    struct fy_document *document = fy_parse_load_document(parser);
    if (!document) {
        if (fy_diag_got_error(diag))
            report_syntax(walk, diag);
        return; /* an empty file has nothing to say */
    }
    read_document(walk, document);
    struct fy_document *second = fy_parse_load_document(parser);
    if (second)
        config_errors_add(walk->reader->errors, walk->file, 1, 1, "move the rest into a file of its own",
                          "this file holds more than one YAML document");
    else if (fy_diag_got_error(diag))
        report_syntax(walk, diag);
    if (second)
        fy_parse_document_destroy(parser, second);
    fy_parse_document_destroy(parser, document);
}

/* The line of the first byte that is no UTF-8 or is NUL, 0 if all is well: libfyaml is not asked then. */
static int bad_line(sv text)
{
    int line = 1;
    for (sv rest = text; rest.p; line++) {
        sv one = sv_split(&rest, '\n');
        if (!sv_utf8(one) || (one.n && memchr(one.p, 0, one.n)))
            return line;
    }
    return 0;
}

void config_read(struct config_reader *reader, const struct config_source *source)
{
    struct walk walk = {.reader = reader, .file = arena_cstr(reader->arena, sv_of(source->name))};
    walk.last = &walk.first;
    assert(walk.file);
    int line = bad_line(source->text);
    if (line > 0) {
        reader->broken = true;
        config_errors_add(reader->errors, walk.file, line, 1, "save the file as UTF-8",
                          "this line is not UTF-8 text");
        return;
    }
    struct fy_diag_cfg diag_config;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    diag_config.level = FYET_ERROR;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    assert(diag);
    fy_diag_set_collect_errors(diag, true);
    /* Duplicate keys are let through because we find them with both places; aliases are never resolved, so
     * they cannot blow up. */
    struct fy_parse_cfg config = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS |
                                           FYPCF_JSON_NONE | FYPCF_DEFAULT_VERSION_1_2,
                                  .diag = diag};
    struct fy_parser *parser = fy_parser_create(&config);
    assert(parser);
    if (fy_parser_set_string(parser, source->text.p ? source->text.p : "", source->text.n) == 0)
        read_documents(&walk, parser, diag);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
}
