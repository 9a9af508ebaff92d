/* The form of a message that DKIM signs: relaxed header and relaxed body (RFC 6376 §3.4.2, §3.4.4, §3.7).
 * Pure.
 */
#ifndef VEDETTE_WIRE_DKIM_FORM_H
#define VEDETTE_WIRE_DKIM_FORM_H

#include "base/buf.h"

enum { DKIM_PIECE_BYTES = 4096 };

typedef void dkim_put_fn(void *arg, sv bytes);

/* Brings a body into its form as it comes. The members are the module's own. */
struct dkim_body {
    dkim_put_fn *put;
    void *arg;
    size_t line_ends; /* seen and not yet written: at the body's end they are not */
    bool space, cr;   /* the same */
    bool any;         /* something was written */
    size_t n;
    char piece[DKIM_PIECE_BYTES];
};

void dkim_body_open(struct dkim_body *body, dkim_put_fn *put, void *arg);

/* Lines end in CR LF; a bare CR or LF is a byte like any other. Cut it wherever you like. */
void dkim_body_feed(struct dkim_body *body, sv bytes);

/* The last of it: a body that has anything ends in exactly one CR LF, and an empty one stays empty. */
void dkim_body_end(struct dkim_body *body);

/* Head: the fields with their line ends, without the empty line. Both borrow. */
void dkim_split(sv content, sv *ret_head, sv *ret_body);

/* How many fields of that name the head has. */
size_t dkim_field_count(sv head, sv name);

/* Appends what is to be hashed for a signature over those names, in their order: the same name again means
 * the next of its fields from the bottom up, and one that is not there adds nothing. signature is the field
 * DKIM-Signature itself, with an empty b= at its end. −1 when out is full. */
int dkim_form_header(sv head, const sv *names, size_t count, sv signature, struct buf *out);

#endif
