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
