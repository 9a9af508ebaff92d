/* What mask_load.c builds and mask.c applies. Private. */
#ifndef VEDETTE_WATCH_MASK_PRIV_H
#define VEDETTE_WATCH_MASK_PRIV_H

#include <endian.h>

#include "base/bits.h"
#include "watch/mask.h"
#include "watch/mask_sieve.h"
#include "watch/regex_run.h"

enum {
    MASK_REGEX_SHARE = 4, /* of the time, for each expression: findings are few */
    MASK_NAME_LOOKS = 1024,
};

struct mask {
    struct regex *pattern, *except; /* except may be NULL */
    int group;                      /* that catches the secret */
    sv expression;                  /* of pattern */
};

struct masks {
    struct arena *arena;
    struct mask list[MASKS_MAX];
    size_t count;
    sv names[MASKS_MAX]; /* of fields */
    size_t name_count;
    uint16_t first[MASK_NAME_LOOKS],
        next[MASKS_MAX]; /* numbers of names that look alike, one more than they are */
    uint64_t name_looks[MASK_NAME_LOOKS / BITS_PER_WORD]; /* that fields of these names may have */
    struct regex_runner *runner;
    struct mask_sieve *sieve; /* made by the seal; NULL: every pattern is tried */
};

/* What names that end alike have in common (ASCII case aside), and most others have not: the last three
 * letters, 0 where there are fewer. */
static inline size_t mask_name_look(sv name)
{
    uint32_t end = 0;
    if (name.n >= sizeof end)
        memcpy(&end, name.p + name.n - sizeof end, sizeof end);
    else if (name.n)
        memcpy((char *)&end + sizeof end - name.n, name.p, name.n);
    return (le32toh(end) & 0x1f1f1f00) * 0x9e3779b1U / (UINT32_MAX / MASK_NAME_LOOKS + 1);
}

enum mask_search {
    MASK_NOTHING,
    MASK_FOUND,
    MASK_EXCEPTED, /* found, but `except` says that it is no secret */
    MASK_GIVEN_UP, /* where a rule's would be: the text is hidden whole */
};

/* The next secret from `at` on: where it begins and ends. */
enum mask_search mask_search(struct masks *masks, const struct mask *mask, sv text, size_t at,
                             size_t *ret_from, size_t *ret_to);

/* Only the patterns, on one text: for the examples. */
sv masks_hide_text(struct masks *masks, sv text, struct arena *arena);

#endif
