#include "wire/smtp_xtext.h"

static const char digits[] = "0123456789ABCDEF";

/* The value of a hexadecimal digit in upper case, −1 of anything else. */
static int digit(char c)
{
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* The octet that stands at s.p[i], and in *ret_n how many it takes; −1 if it is none that may stand there. */
static int octet(sv s, size_t i, size_t *ret_n)
{
    unsigned char c = (unsigned char)s.p[i];
    *ret_n = 1;
    if (c < '!' || c > '~' || c == '=')
        return -1;
    if (c != '+')
        return c;
    int high = i + 1 < s.n ? digit(s.p[i + 1]) : -1, low = i + 2 < s.n ? digit(s.p[i + 2]) : -1;
    *ret_n = 3;
    if (high < 0 || low < 0)
        return -1;
    int decoded = high * 16 + low;
    return decoded < 0x20 || decoded == 0x7f ? -1 : decoded;
}

bool smtp_xtext_valid(sv s)
{
    for (size_t i = 0, n = 0; i < s.n; i += n)
        if (octet(s, i, &n) < 0)
            return false;
    return s.n > 0;
}

int smtp_xtext_decode(sv s, struct buf *out)
{
    int failed = 0;
    for (size_t i = 0, n = 0; i < s.n && !failed; i += n)
        failed = buf_put_char(out, (char)octet(s, i, &n));
    return failed;
}
