/* Walks through the plain values of one JSON object (RFC 8259), each with the dotted name that its place
 * gives it. Streaming, bounded, pure; allocates nothing but, if it may, for escapes. */
#ifndef VEDETTE_WIRE_JSON_WALK_H
#define VEDETTE_WIRE_JSON_WALK_H

#include "wire/decoding.h"
#include "wire/json_event.h"

/* What may be wrong with the text. */
#define JSON_FAULTS(X)                                   \
    X(OPEN_STRING, "a string does not end")              \
    X(LONG_NAME, "a name is too long")                   \
    X(DEPTH, "it is nested too deeply")                  \
    X(NO_VALUE, "there is no value where one should be") \
    X(NO_DIGITS, "a number has no digits")               \
    X(NUMBER, "a number runs into a word")               \
    X(NO_NAME, "there is no name where one should be")   \
    X(NO_COLON, "there is no colon behind a name")       \
    X(NO_COMMA, "a comma or the end is missing")         \
    X(REST, "there is text behind its end")

enum json_fault {
#define X(name, text) JSON_FAULT_##name,
    JSON_FAULTS(X)
#undef X
};

/* An object or array that the walk is in. */
struct json_level {
    char end;      /* `}` or `]` */
    size_t path_n; /* of the path in front of the keys here, or the name of the array */
    sv name;       /* for who walks: the array's name, once it has been made */
};

struct json_walk {
    struct decoding *decoding; /* whose arena escapes are resolved in; NULL: they stay */
    const char *at, *end;
    sv error; /* what was wrong with the text */
    size_t depth;
    bool entered;       /* the innermost level, just now */
    bool escaped_names; /* there was a name with escapes */
    struct json_level levels[JSON_DEPTH_MAX];
    char path[JSON_NAME_BYTES_MAX];
    sv key; /* of the value, in an object */
    /* The value. */
    sv text;
    enum event_field_type type;
};

/* False if body begins neither an object nor an array. */
bool json_walk_begin(struct json_walk *walk, sv body, struct decoding *decoding);

/* To the next value; false at the end, or where the text breaks off or breaks the grammar. Line ends and tabs
 * inside strings are let pass, as senders write them. */
bool json_walk_next(struct json_walk *walk);

/* What the walk has not come to yet. */
static inline sv json_walk_rest(const struct json_walk *walk)
{
    return sv_make(walk->at, (size_t)(walk->end - walk->at));
}

/* The level that the value stands in. */
static inline struct json_level *json_walk_level(struct json_walk *walk)
{
    return &walk->levels[walk->depth - 1];
}

static inline bool json_walk_in_array(const struct json_walk *walk)
{
    return walk->levels[walk->depth - 1].end == ']';
}

/* The path in front of the value's key; in an array the value's whole name. */
static inline sv json_walk_path(struct json_walk *walk)
{
    return sv_make(walk->path, json_walk_level(walk)->path_n);
}

#endif
