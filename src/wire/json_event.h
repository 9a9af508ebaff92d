/* Decodes one JSON object (RFC 8259) into fields with dotted names. Streaming, bounded, and no allocation but
 * the arena's. */
#ifndef VEDETTE_WIRE_JSON_EVENT_H
#define VEDETTE_WIRE_JSON_EVENT_H

#include "wire/decoding.h"

enum { JSON_DEPTH_MAX = 32, JSON_NAME_BYTES_MAX = 1024 };

/* Adds a field for every value in the object, or in the objects of an array: `{"a":{"b":[1,2]}}` gives `a.b`
 * twice. Duplicates stay, empty objects and arrays give nothing. Strings borrow from body unless they have
 * escapes. Line ends and tabs inside strings are let pass, as senders write them. When the text breaks off
 * or breaks the grammar, what came before stays, and *ret_error says what was wrong (empty if nothing was).
 * False, and nothing added, if body begins neither an object nor an array that has a value in it. */
bool json_event_decode(struct decoding *decoding, sv body, sv *ret_error);

#endif
