/* Finds the Message-ID in the head of a mail. Pure. */
#ifndef VEDETTE_COURIER_MESSAGE_ID_H
#define VEDETTE_COURIER_MESSAGE_ID_H

#include "base/sv.h"

/* "<left@right>" of the first Message-ID field before the first empty line, with its angle brackets; it may
 * stand on a folded line, lines may end in CR LF or LF. Empty if there is none. Borrows from mail. */
sv message_id_find(sv mail);

#endif
