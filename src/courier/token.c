#include "courier/token.h"

#include <stdlib.h>

#include "base/ascii.h"

enum { GROUPS = 3, GROUP_CHARS = 4 };

void token_make(char ret[static STORE_TOKEN_MAX])
{
    static const char LETTERS[32 + 1] = "abcdefghjkmnpqrstuvwxyz023456789";
    unsigned char chance[GROUPS * GROUP_CHARS];
    size_t n = 0;
    arc4random_buf(chance, sizeof chance);
    for (size_t i = 0; i < sizeof chance; i++) {
        if (i && i % GROUP_CHARS == 0)
            ret[n++] = '-';
        ret[n++] = LETTERS[chance[i] % 32];
    }
    ret[n] = '\0';
}

void token_read(sv typed, char ret[static STORE_TOKEN_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < typed.n && n + 1 < STORE_TOKEN_MAX; i++) {
        char c = ascii_lower(typed.p[i]);
        if (c == '-' || ascii_alnum(c))
            ret[n++] = c;
    }
    ret[n] = '\0';
}
