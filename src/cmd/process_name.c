#include "cmd/process_name.h"

#include <stdio.h>

const char *process_name(const char *kind, unsigned number, char out[PROCESS_NAME_MAX])
{
    if (number == 0)
        snprintf(out, PROCESS_NAME_MAX, "%s", kind);
    else
        snprintf(out, PROCESS_NAME_MAX, "%.10s-%u", kind, number + 1);
    return out;
}

bool process_name_parse(sv name, const char *kind, unsigned *ret_number)
{
    uint64_t shown = 1;
    if (!sv_starts(name, sv_of(kind)))
        return false;
    sv rest = sv_from(name, strlen(kind));
    if (rest.n && (rest.p[0] != '-' || !sv_to_u64(sv_from(rest, 1), &shown) || shown < 2 || shown > 999))
        return false;
    *ret_number = (unsigned)shown - 1;
    return true;
}
