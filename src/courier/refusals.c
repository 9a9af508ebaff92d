#include "courier/refusals.h"

void refusals_add(struct refusals *refusals, int64_t message, uint32_t path)
{
    if (refusals_has(refusals, message, path))
        return;
    refusals->ring[refusals->next].message = message;
    refusals->ring[refusals->next].path = path;
    refusals->next = (refusals->next + 1) % REFUSALS_MAX;
    if (refusals->count < REFUSALS_MAX)
        refusals->count++;
}

bool refusals_has(const struct refusals *refusals, int64_t message, uint32_t path)
{
    for (size_t i = 0; i < refusals->count; i++)
        if (refusals->ring[i].message == message && refusals->ring[i].path == path)
            return true;
    return false;
}
