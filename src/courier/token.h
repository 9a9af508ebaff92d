/* Tokens that a person copies out of a test message. */
#ifndef VEDETTE_COURIER_TOKEN_H
#define VEDETTE_COURIER_TOKEN_H

#include "store/canary.h"

/* "k7wm-3fpa-x2dr": 60 random bits, without letters that are mistaken for one another. */
void token_make(char ret[static STORE_TOKEN_MAX]);

/* The same token as somebody may have typed it: in small letters, without what stands around it. */
void token_read(sv typed, char ret[static STORE_TOKEN_MAX]);

#endif
