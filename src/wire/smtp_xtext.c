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
    if (c < '!' || c == 0x7f || c == '=')
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

static bool octets_valid(sv s)
{
    for (size_t i = 0, n = 0; i < s.n; i += n)
        if (octet(s, i, &n) < 0)
            return false;
    return s.n > 0;
}

bool smtp_atom_valid(sv s)
{
    bool atom = s.n > 0;
    for (size_t i = 0; atom && i < s.n; i++)
        atom = s.p[i] > ' ' && s.p[i] < 0x7f && !strchr("()<>@,;:\\\".[]+=", s.p[i]);
    return atom;
}

bool smtp_xtext_valid(sv s)
{
    return sv_ascii(s) && octets_valid(s);
}

bool smtp_unitext_valid(sv s)
{
    for (size_t i = 0; i + 1 < s.n; i++) /* U+0080 to U+009F are control characters too */
        if ((unsigned char)s.p[i] == 0xc2 && (unsigned char)s.p[i + 1] < 0xa0)
            return false;
    return sv_utf8(s) && octets_valid(s);
}

int smtp_xtext_decode(sv s, struct buf *out)
{
    int failed = 0;
    for (size_t i = 0, n = 0; i < s.n && !failed; i += n)
        failed = buf_put_char(out, (char)octet(s, i, &n));
    return failed;
}

/* The character that well-formed UTF-8 has at its front, and in *ret_n its bytes. */
static uint32_t character(sv text, size_t *ret_n)
{
    unsigned char first = (unsigned char)text.p[0];
    size_t n = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = n == 1 ? first : first & (0x7fU >> n);
    for (size_t i = 1; i < n; i++)
        code = code << 6 | ((unsigned char)text.p[i] & 0x3f);
    *ret_n = n;
    return code;
}

int smtp_utf8_xtext(sv text, const char *escaped, struct buf *out)
{
    int failed = sv_utf8(text) ? 0 : -1;
    for (size_t n; text.n && !failed; text = sv_from(text, n)) {
        uint32_t code = character(text, &n);
        if (code < 0x21 || code > 0x7e || strchr(escaped, (int)code))
            failed = buf_printf(out, "\\x{%02X}", (unsigned)code);
        else
            failed = buf_put_char(out, (char)code);
    }
    return failed;
}
