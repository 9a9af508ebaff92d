#include "watch/gram.h"

const struct gram_set gram_set_full = {.bits = {[0 ...(1 << GRAM_BITS) / 64 - 1] = UINT64_MAX}};

void gram_set_make(struct gram_set *ret, sv folded)
{
    *ret = (struct gram_set){.bits = {1 << GRAM_NONE}};
    for (size_t i = 0; i + GRAM_BYTES <= folded.n; i++) {
        uint16_t gram = gram_at(folded.p + i);
        ret->bits[gram / 64] |= UINT64_C(1) << gram % 64;
    }
}
