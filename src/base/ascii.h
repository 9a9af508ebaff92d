/* What a character is in ASCII, whatever the locale; what is past it is none of these. */
#ifndef VEDETTE_BASE_ASCII_H
#define VEDETTE_BASE_ASCII_H

#include <stdbool.h>

static inline bool ascii_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_letter(int c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

static inline bool ascii_alnum(int c)
{
    return ascii_digit(c) || ascii_letter(c);
}

/* The value of a hexadecimal digit in either case, or −1. */
static inline int ascii_hex(char c)
{
    int lower = c | 0x20;
    return ascii_digit(c) ? c - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

#endif
