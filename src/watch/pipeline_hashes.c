/* hashes_fields: Sysmon's Hashes becomes a field for each algorithm, of which one must match. */
#include "watch/pipeline_priv.h"

#include "watch/sigma_value.h"

/* By the count of hexadecimal digits. */
static sv algorithm_of_length(size_t n)
{
    return n == 32    ? SV("MD5")
           : n == 40  ? SV("SHA1")
           : n == 64  ? SV("SHA256")
           : n == 128 ? SV("SHA512")
                      : SV("");
}

/* "SHA1=5f…", "SHA1|5f…" or a hash alone: without an algorithm that is asked for, its name is empty. */
static sv take_hash(const struct yaml_node *step, sv shown, sv *ret_hash)
{
    char mark = sv_find_char(shown, '|') != SV_NPOS ? '|' : '=';
    sv rest = shown, first = sv_split(&rest, mark), second = rest.p ? sv_split(&rest, mark) : SV_NONE, name;
    const struct yaml_node *valid = yaml_get(step, "valid_hash_algos"),
                           *one = valid->kind == YAML_LIST ? valid->first : valid;
    if (second.p && !rest.p) {
        name = first;
        while (name.n && name.p[0] == '*')
            name = sv_from(name, 1);
        *ret_hash = second;
    } else {
        name = algorithm_of_length(first.n);
        *ret_hash = first;
    }
    for (; one; one = valid->kind == YAML_LIST ? one->next : NULL)
        if (sv_ieq(one->text, name))
            return one->text;
    return SV("");
}

/* The item of that field, which is made if there is none yet. */
static struct yaml_node *item_of(struct pipeline_work *work, struct yaml_node **first, sv field,
                                 const struct yaml_node *like)
{
    struct yaml_node **at = first;
    while (*at && !sv_eq((*at)->key, field))
        at = &(*at)->next;
    if (!*at) {
        *at = pipeline_new_node(work, like);
        if (*at)
            **at = (struct yaml_node){.kind = YAML_LIST,
                                      .key = field,
                                      .line = like->line,
                                      .column = like->column,
                                      .key_line = like->key_line,
                                      .key_column = like->key_column};
    }
    return *at;
}

static void add_value(struct pipeline_work *work, struct yaml_node *item, const struct yaml_node *like,
                      sv text)
{
    struct yaml_node **tail = &item->first, *value = pipeline_new_node(work, like);
    while (*tail)
        tail = &(*tail)->next;
    if (!value)
        return;
    *value = (struct yaml_node){
        .kind = YAML_SCALAR, .block = true, .line = like->line, .column = like->column, .text = text};
    *tail = value;
    item->count++;
}

/* The item itself, or what is in the list that it is: the first, and what follows. */
static const struct yaml_node *first_of(const struct yaml_node *item)
{
    return item->kind == YAML_LIST ? item->first : item;
}

static const struct yaml_node *next_of(const struct yaml_node *item, const struct yaml_node *one)
{
    return item->kind == YAML_LIST ? one->next : NULL;
}

/* Puts the hash that the value says to those of its algorithm. */
static void split_hash(struct pipeline_work *work, const struct yaml_node *transformation,
                       const struct yaml_node *item, const struct yaml_node *value, struct yaml_node **first)
{
    sv prefix = pipeline_text(transformation, "field_prefix"), hash = SV("");
    bool short_name = pipeline_says(transformation, "drop_algo_prefix");
    sv shown = pipeline_shown(item, value->text, work->arena);
    sv name = take_hash(transformation, shown.p ? shown : SV(""), &hash);
    sv field = arena_printf(work->arena, "%.*s%.*s", SV_ARG(prefix), SV_ARG(short_name ? SV("") : name));
    struct yaml_node *of = name.n && field.n ? item_of(work, first, field, item) : NULL;
    sv text = pipeline_written(item, hash, work->arena);
    if (of && text.p)
        add_value(work, of, value, text);
}

struct yaml_node *pipeline_split_hashes(struct pipeline_work *work, const struct yaml_node *transformation,
                                        const struct yaml_node *item)
{
    struct yaml_node *first = NULL;
    for (const struct yaml_node *one = first_of(item); one; one = next_of(item, one))
        if (pipeline_kind_of(item, one) != PIPELINE_STRING)
            return NULL;
    for (const struct yaml_node *one = first_of(item); one && !work->failed; one = next_of(item, one))
        split_hash(work, transformation, item, one, &first);
    if (!first)
        pipeline_fail(work, item,
                      "a pipeline asks for hashes here, and none is of an algorithm in valid_hash_algos");
    return first;
}
