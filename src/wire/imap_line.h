/* Reads the few untagged lines of IMAP (RFC 3501 §7) that a look into a folder asks for. Pure. */
#ifndef VEDETTE_WIRE_IMAP_LINE_H
#define VEDETTE_WIRE_IMAP_LINE_H

#include "base/sv.h"
#include "base/timefmt.h"

/* "* SEARCH 4 7 9": true; the numbers are what is left in *ret_numbers, see imap_line_number. */
bool imap_line_search(sv line, sv *ret_numbers);

/* Cuts the next number above 0 off; false at the end, or at what is none. */
bool imap_line_number(sv *numbers, uint32_t *ret);

/* "* 12 FETCH (UID 9 INTERNALDATE "24-Nov-2026 08:15:30 +0100")", in either order, with other items of one
 * word or one string between. False unless both are there. */
bool imap_line_fetch(sv line, uint32_t *ret_uid, nanos *ret_at);

/* "* OK [UIDVALIDITY 17] …" */
bool imap_line_uid_validity(sv line, uint32_t *ret);

/* The date-time of RFC 3501 §9, without its quotes. */
bool imap_date_time(sv text, nanos *ret);

#endif
