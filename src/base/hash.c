#include "base/hash.h"

#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME  0x100000001b3ULL

uint64_t hash_sv(sv s)
{
    uint64_t h = FNV_OFFSET;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * FNV_PRIME;
    return h;
}

uint64_t hash_sv_fold(sv s)
{
    uint64_t h = FNV_OFFSET;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        h = (h ^ (c >= 'A' && c <= 'Z' ? c + 32U : c)) * FNV_PRIME;
    }
    return h;
}

uint32_t hash_lot(uint32_t chance, size_t index)
{
    uint32_t x = chance ^ ((uint32_t)index * 0x9e3779b9U);
    x = (x ^ (x >> 16)) * 0x85ebca6bU;
    x = (x ^ (x >> 13)) * 0xc2b2ae35U;
    return x ^ (x >> 16);
}
