#include "courier/mask.h"

enum { SECRET_BYTES_MIN = 4, WORD_BYTES_MIN = 8, DECODED_BYTES_MAX = 4096 };

static int base64_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* True if the bytes that the word of base64 stands for, from any of its four positions, have the secret. */
static bool hides(sv word, sv secret)
{
    char bytes[DECODED_BYTES_MAX];
    size_t n = 0;
    unsigned bits = 0;
    int count = 0;
    for (size_t i = 0; i < word.n && n < sizeof bytes; i++) {
        bits = (bits << 6 | (unsigned)base64_value(word.p[i])) & 0xffffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes[n++] = (char)(bits >> count & 0xff);
        }
    }
    bool found = sv_find(sv_make(bytes, n), secret) != SV_NPOS;
    explicit_bzero(bytes, sizeof bytes);
    return found;
}

static void mask_base64(char *text, sv secret)
{
    for (char *p = text; *p;) {
        char *start = p;
        while (*p && base64_value(*p) >= 0)
            p++;
        if ((size_t)(p - start) >= WORD_BYTES_MIN && hides(sv_make(start, (size_t)(p - start)), secret))
            memset(start, '*', (size_t)(p - start));
        if (*p)
            p++;
    }
}

void mask(char *text, sv secret)
{
    if (secret.n < SECRET_BYTES_MIN)
        return;
    sv rest = sv_of(text);
    for (size_t at = sv_find(rest, secret); at != SV_NPOS; at = sv_find(rest, secret)) {
        char *place = text + (rest.p - text) + at;
        memset(place, '*', secret.n);
        rest = sv_from(rest, at + secret.n);
    }
    mask_base64(text, secret);
}
