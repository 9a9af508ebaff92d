/* Mailboxes as the configuration writes them: "user@example.org", "Name <user@example.org>". Private. */
#ifndef VEDETTE_CONFIG_MAILBOX_H
#define VEDETTE_CONFIG_MAILBOX_H

#include "base/sv.h"

/* Letters, digits, "-", "_" in labels of 1 to 63, 253 in all; a trailing dot is not one. */
bool host_valid(sv host);

/* A mailbox that can stand in an envelope and in a header: dot-atom or quoted local part of at most 64 bytes
 * (UTF-8 allowed), a domain name (one that IDNA allows, too) or an address literal. */
bool mailbox_valid(sv mailbox);

#endif
