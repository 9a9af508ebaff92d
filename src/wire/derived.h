/* What stands in an event and not in its record: the names and words that decoders have of their own, and
 * where a record hides what it says. Whoever looks for text in raw bytes, to spare their decoding, has it
 * from here.
 *
 * The promise, held by derived_test and by the fuzz target of decode: if a record shows no veil, then for
 * every field of its event
 *  - each piece of the value between the bytes of derived_cuts stands in the record as it is, or the value is
 *    told here for that name with a mark that stands in the record;
 *  - each such piece of the name's last part (behind its last dot) stands in the record, or the name is told
 *    here with a mark that stands in it.
 * All of it ASCII case aside. A decoder that learns new words of its own tells them beside where it says
 * them. */
#ifndef VEDETTE_WIRE_DERIVED_H
#define VEDETTE_WIRE_DERIVED_H

#include "base/sv.h"

/* A decoder may give `value` to the field `name` where `mark` stands. An empty value: what the record says,
 * under a name that it does not. An empty mark: no text tells where. framed: such a value stands right behind
 * the mark. */
struct derived {
    sv name, value, mark;
    bool framed;
    sv product; /* not empty: only to an event of that product, where a mark of VEIL_SHAPE stands */
};

/* Whether the mark of a framed value, at that place of a record, can be its frame. */
bool derived_is_frame(sv record, size_t at);

typedef void derived_fn(void *arg, const struct derived *derived);

/* Tells all of them. */
void derived_each(derived_fn *fn, void *arg);

/* Bytes that an escape may stand for wherever it is not a veil: control characters, the quote, the backslash.
 */
static inline bool derived_cuts(char c)
{
    return (unsigned char)c < ' ' || c == '"' || c == '\\';
}

/* Text that says that values of the record may not stand in it as they are; here case counts. */
enum veil_kind {
    VEIL_PLAIN,
    VEIL_ESCAPE, /* if its backslash is not itself behind one that escapes it */
    VEIL_SHAPE,  /* none, unless the event is given a log source that is not its own, or a format is insisted
                    on */
    VEIL_HEX,    /* if it begins a word, and two capital hex digits follow */
};

struct veil {
    sv mark;
    enum veil_kind kind;
};

extern const struct veil derived_veils[];
extern const size_t derived_veil_count;

/* Whether a mark that stands at that place of the text, up to `end`, is a veil. */
bool derived_is_veil(const struct veil *veil, sv text, size_t end);

/* Whether any veil stands in the record. */
bool derived_is_veiled(sv record);

#endif
