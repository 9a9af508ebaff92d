#include "base/memory.h"

#include <malloc.h>

enum { LARGE_BYTES = 512 * 1024, TOP_BYTES = 1024 * 1024 };

void memory_setup(void)
{
    /* Without a word of ours the first becomes as large as the largest block that was ever freed. */
    (void)mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, TOP_BYTES);
}

void memory_give_back(void)
{
    (void)malloc_trim(0);
}
