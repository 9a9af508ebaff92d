#include "wire/json_event.h"

#include "wire/derive.h"
#include "wire/json_walk.h"

/* The name of the value that the walk has come to; empty if it has none or the arena is used up. */
static sv value_name(struct json_walk *walk)
{
    struct json_level *level = json_walk_level(walk);
    if (!json_walk_in_array(walk))
        return level->path_n ? decoding_join(walk->decoding, json_walk_path(walk), walk->key) : walk->key;
    if (!level->name.p)
        level->name = decoding_join(walk->decoding, json_walk_path(walk), SV_NONE);
    return level->name;
}

bool json_event_decode(struct decoding *decoding, sv body, sv *ret_error)
{
    struct json_walk walk;
    size_t before = decoding->event->field_count;
    if (!json_walk_begin(&walk, body, decoding))
        return false;
    while (json_walk_next(&walk)) {
        /* Past the maximum no name is made, lest a long one be made for nothing again and again. */
        bool full = decoding->event->field_count >= EVENT_FIELDS_MAX;
        sv name = full ? walk.key : value_name(&walk);
        if (name.n || full)
            decoding_add_typed(decoding, name, walk.text, walk.type);
    }
    if (walk.error.n && decoding->event->field_count == before)
        return false;
    *ret_error = walk.error;
    return true;
}

/* What was wrong, as decode.c reports it. */
void json_event_derive(const struct derive *derive)
{
#define X(name, text) derive_value(derive, SV("vedette.decode_error"), SV(text), SV_NONE);
    JSON_FAULTS(X)
#undef X
}
