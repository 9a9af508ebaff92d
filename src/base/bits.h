/* Sets of small numbers, one bit each. */
#ifndef VEDETTE_BASE_BITS_H
#define VEDETTE_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BITS_PER_WORD = 64 };

/* Words that numbers below n need. */
static inline size_t bits_words(size_t n)
{
    return (n + BITS_PER_WORD - 1) / BITS_PER_WORD;
}

static inline void bits_add(uint64_t *set, size_t number)
{
    set[number / BITS_PER_WORD] |= UINT64_C(1) << number % BITS_PER_WORD;
}

static inline bool bits_has(const uint64_t *set, size_t number)
{
    return set[number / BITS_PER_WORD] >> number % BITS_PER_WORD & 1;
}

/* Takes the least number out of a word that is not empty. */
static inline size_t bits_take(uint64_t *word)
{
    size_t number = (size_t)__builtin_ctzll(*word);
    *word &= *word - 1;
    return number;
}

#endif
