/* Keeps a secret out of words that are written down. Pure. */
#ifndef VEDETTE_COURIER_MASK_H
#define VEDETTE_COURIER_MASK_H

#include "base/sv.h"

/* Overwrites with "*" every place in text where the secret stands, bare or inside a word of base64. Secrets
 * shorter than 4 bytes cannot be told from anything else and are left. */
void mask(char *text, sv secret);

#endif
