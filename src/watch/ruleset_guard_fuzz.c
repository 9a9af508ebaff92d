/* Rules and records made of the input's bytes: the engine and the reference never differ. */
#include <stdio.h>
#include <stdlib.h>

#include "watch/testing_guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dice dice = {sv_make(data, size), 0x2545f4914f6cdd1dULL};
    struct guard *guard = guard_new();
    guard_round(guard, &dice, false);
    if (guard->differences || guard->refused) {
        fprintf(stderr, "%s\n", guard->first);
        abort();
    }
    guard_free(guard);
    return 0;
}
