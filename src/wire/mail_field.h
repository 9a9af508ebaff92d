/* Walks the header fields of a mail. Pure. */
#ifndef VEDETTE_WIRE_MAIL_FIELD_H
#define VEDETTE_WIRE_MAIL_FIELD_H

#include "base/sv.h"

struct mail_field {
    sv name;  /* without its colon; a line without one is a field without a name */
    sv value; /* trimmed, folded lines as they stand */
};

/* Takes the field at the front of *head. False at the empty line that ends the header, or at the end. Lines
 * may end in CR LF or LF. Borrows. */
bool mail_field_next(sv *head, struct mail_field *ret);

#endif
