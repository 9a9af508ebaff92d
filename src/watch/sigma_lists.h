/* Named lists that stand in a rule where it writes %name% and its key says expand. Pure. */
#ifndef VEDETTE_WATCH_SIGMA_LISTS_H
#define VEDETTE_WATCH_SIGMA_LISTS_H

#include "base/sv.h"

enum {
    SIGMA_LISTS_MAX = 1024,            /* lists */
    SIGMA_LIST_ENTRIES_MAX = 100000,   /* in one list */
    SIGMA_LIST_NAME_BYTES_MAX = 128,   /* letters, digits, - and _ */
    SIGMA_LIST_ENTRY_BYTES_MAX = 4096, /* a longer one is refused */
};

struct sigma_list {
    sv name;
    sv *entries; /* read as rules are: * and ? are wildcards where the rule compares text */
    size_t count;
};

struct sigma_lists;

struct sigma_lists *sigma_lists_new(void);
void sigma_lists_free(struct sigma_lists *lists);

/* Adds an entry to the list of that name, which it makes if need be; both are copied. An entry of "" only
 * makes the list. False past a bound, or if the name has other characters than a placeholder may have. */
bool sigma_lists_add(struct sigma_lists *lists, sv name, sv entry);

/* Reads entries from a file's content: one a line, without the blanks around it; empty lines and those that
 * begin with # are passed over. False past a bound. */
bool sigma_lists_read(struct sigma_lists *lists, sv name, sv content);

/* The list of that name (ASCII case aside), or NULL. lists may be NULL. */
const struct sigma_list *sigma_lists_find(const struct sigma_lists *lists, sv name);

#endif
