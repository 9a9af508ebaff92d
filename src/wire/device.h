/* What CEF and LEEF share: the piped header that names the device, and values that come with a label. */
#ifndef VEDETTE_WIRE_DEVICE_H
#define VEDETTE_WIRE_DEVICE_H

#include "wire/decoding.h"
#include "wire/device_pairs.h"
#include "wire/names.h"

struct device {
    sv vendor, product, version, code;
    sv name, severity; /* CEF only */
};

/* Cuts the text up to the next `|` off *s and takes its escapes (`\|`, `\\`) away. False if there is no
 * further `|`: then *ret is all that is left. */
bool device_take_piece(struct decoding *decoding, sv *s, sv *ret);

/* The same for the first pieces of a header, as they are. False if there are fewer, or one has escapes. */
bool device_cut_pieces(sv *s, sv *ret_pieces, size_t count);

/* Whether the bar at that place is the fourth behind a "CEF:" or "LEEF:": the code stands behind it, unless a
 * bar before it is escaped. */
bool device_is_code_frame(sv record, size_t at);

/* The value under that name without its escapes: `\=`, `\\`, `\|`, `\n`, `\r`; any other backslash stands for
 * itself. In paths and in names of users and hosts `\n` is a backslash and an n. */
sv device_unescape(struct decoding *decoding, sv name, sv value);

/* `cs1` and `cs1Label` and their like, as they are met. */
enum { DEVICE_LABELS = 24 };
struct device_labels {
    uint32_t have_label, have_value; /* bits; the arrays below are filled only where a bit is set */
    sv label[DEVICE_LABELS], value[DEVICE_LABELS];
};

/* Remembers a field if it is one of a pair. */
void device_labels_note(struct device_labels *labels, sv name, sv value);

/* Adds each labelled value once more, under the label's text. */
void device_labels_apply(const struct device_labels *labels, struct decoding *decoding);

/* Gives the event its time, ECS names and log source, as far as the device tells them. Fields from index
 * `from` on are what it sent; names are the ECS names for them. */
void device_apply(struct decoding *decoding, const struct device *device, const struct names *names,
                  size_t from);

#endif
