/* Which path has refused which message for good, for as long as the message is still tried over others. In
 * memory only: after a restart a path may be asked once more. */
#ifndef VEDETTE_COURIER_REFUSALS_H
#define VEDETTE_COURIER_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REFUSALS_MAX = 4096 }; /* the oldest is forgotten first */

struct refusals {
    struct {
        int64_t message;
        uint32_t path;
    } ring[REFUSALS_MAX];
    size_t count, next;
};

void refusals_add(struct refusals *refusals, int64_t message, uint32_t path);
bool refusals_has(const struct refusals *refusals, int64_t message, uint32_t path);

#endif
