#include "wire/base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(sv in, struct buf *out)
{
    if (in.n == 0)
        return 0;
    size_t length = (in.n + 2) / 3 * 4, to = 0;
    char *text = buf_reserve(out, length);
    if (!text)
        return -1;
    for (size_t i = 0; i < in.n; i += 3) {
        size_t have = in.n - i < 3 ? in.n - i : 3;
        uint32_t bits = (uint32_t)(unsigned char)in.p[i] << 16;
        if (have > 1)
            bits |= (uint32_t)(unsigned char)in.p[i + 1] << 8;
        if (have > 2)
            bits |= (unsigned char)in.p[i + 2];
        text[to++] = alphabet[bits >> 18];
        text[to++] = alphabet[bits >> 12 & 63];
        text[to++] = '='; /* overwritten where there is a byte for it */
        text[to++] = '=';
        if (have > 1)
            text[to - 2] = alphabet[bits >> 6 & 63];
        if (have > 2)
            text[to - 1] = alphabet[bits & 63];
    }
    buf_added(out, length);
    return 0;
}

static int value_of(char c)
{
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

/* Four characters with `padding` of them "=" give 3 - padding bytes; false if they are not exact. */
static bool decode_group(const char *group, size_t padding, char *to)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i < 4 - padding ? value_of(group[i]) : 0;
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
    }
    if ((padding == 1 && bits & 0xff) || (padding == 2 && bits & 0xffff))
        return false;
    for (size_t i = 0; i < 3 - padding; i++)
        to[i] = (char)(bits >> (16 - 8 * i) & 0xff);
    return true;
}

int base64_decode(sv in, struct buf *out)
{
    if (in.n == 0)
        return 0;
    if (in.n % 4 != 0)
        return -1;
    size_t padding = in.p[in.n - 1] != '=' ? 0 : in.p[in.n - 2] != '=' ? 1 : 2;
    char *to = buf_reserve(out, in.n / 4 * 3);
    if (!to)
        return -1;
    for (size_t i = 0; i < in.n; i += 4)
        if (!decode_group(in.p + i, i + 4 == in.n ? padding : 0, to + i / 4 * 3))
            return -1;
    buf_added(out, in.n / 4 * 3 - padding);
    return 0;
}
