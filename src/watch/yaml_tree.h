/* YAML documents as small trees in which every node knows its line and column. Pure. */
#ifndef VEDETTE_WATCH_YAML_TREE_H
#define VEDETTE_WATCH_YAML_TREE_H

#include "base/arena.h"

enum {
    YAML_DEPTH_MAX = 48,     /* nesting of lists and maps */
    YAML_NODES_MAX = 200000, /* in one text */
    YAML_KEYS_MAX = 2000,    /* in one map */
    YAML_ANCHORS_MAX = 64,   /* in one document */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

/* A child of a map has a key. Aliases stand as copies of the node that they name (its children shared), so
 * that a walk that bounds its own steps is all the care they need. */
struct yaml_node {
    enum yaml_kind kind;
    bool plain; /* a scalar without quotes, whose text may therefore be a number, a boolean or null */
    bool block; /* a scalar after | or >, or over several lines: columns inside it are unknown */
    int line, column, key_line, key_column; /* from 1; of the text itself, past an opening quote */
    sv text, key;
    struct yaml_node *first, *next; /* children in order; the next sibling */
    size_t count;                   /* of children */
};

struct yaml_problem {
    int line, column;
    char message[200]; /* empty if there is none */
};

/* Reads the next document of a text. */
struct yaml_reader;

/* Borrows text and arena, which the nodes live in. */
struct yaml_reader *yaml_reader_new(sv text, struct arena *arena);
void yaml_reader_free(struct yaml_reader *reader);

/* The root of the next document that is not empty; NULL at the end, or when ret_problem says why the rest of
 * the text cannot be read. */
struct yaml_node *yaml_reader_next(struct yaml_reader *reader, struct yaml_problem *ret_problem);

/* The child of a map with that key, or NULL. */
const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key);

/* True for a plain null, ~ or nothing at all. */
bool yaml_is_null(const struct yaml_node *node);

#endif
