#include "courier/retry.h"

#include <assert.h>

nanos retry_delay(nanos first, nanos max, int failures, uint32_t chance)
{
    assert(failures >= 1);
    nanos delay = first < NANOS_PER_MS ? NANOS_PER_MS : first;
    for (int i = 1; i < failures && delay < max; i++)
        delay = delay > max / 2 ? max : delay * 2;
    if (delay > max && max > 0)
        delay = max;
    nanos half = delay / 2;
    /* In steps of 1/1024, so that no length of time can overflow. */
    return half + half / 1024 * (nanos)(chance % 1025);
}
