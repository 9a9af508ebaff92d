/* The header section of a message as its content comes in: kept until it is whole, counted, and bounded, so
 * that no header costs more than we have (RFC 5322 §2.2; loops: RFC 5321 §6.3). Pure. */
#ifndef VEDETTE_GATEWAY_HEAD_H
#define VEDETTE_GATEWAY_HEAD_H

#include "base/buf.h"

enum {
    HEAD_BYTES_MAX = 64 * 1024, /* of the whole section */
    HEAD_FIELDS_MAX = 1000,
    HEAD_RECEIVED_MAX = 99, /* of Received: with our own it would be a hundred (RFC 5321 §6.3) */
    HEAD_OWN_MAX = 4,       /* of Received that name us: fewer may be an honest detour */
};

enum head_state {
    HEAD_OPEN,      /* more of it may come */
    HEAD_WHOLE,     /* head_text has it */
    HEAD_TOO_LARGE, /* HEAD_BYTES_MAX or HEAD_FIELDS_MAX: 552 5.3.4 */
    HEAD_LOOP,      /* HEAD_RECEIVED_MAX or HEAD_OWN_MAX: 554 5.4.6 */
};

struct head {
    struct buf text;
    char own[300]; /* "by NAME", in front of a space */
    enum head_state state;
    size_t line, fields, received, owned; /* line: where the last one begins in text */
    size_t tls_required;                  /* fields of that name */
    bool in_received, bare;               /* bare: there was no empty line */
};

/* our_name as our own Received fields have it. */
void head_open(struct head *head, sv our_name);
void head_free(struct head *head);

/* Takes content, lines ended by CRLF, and returns how many bytes of it: what is left is body, as is all that
 * comes once head->state is not OPEN. The empty line is taken too. A line that is no field and continues none
 * begins the body at once. */
size_t head_put(struct head *head, sv content);

/* The content ended: what there is is the section. */
void head_end(struct head *head);

/* After WHOLE: there is one field TLS-Required and it says No (RFC 8689 §3). */
bool head_tls_optional(const struct head *head);

/* After WHOLE: the fields with their CRLF, without the empty line … */
sv head_text(const struct head *head);

/* … and what was taken and yet is the body's beginning. */
sv head_rest(const struct head *head);

#endif
