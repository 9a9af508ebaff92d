/* Options of a command as one table: the parser and the help text are drawn from it. */
#ifndef VEDETTE_CMD_OPTIONS_H
#define VEDETTE_CMD_OPTIONS_H

#include "base/err.h"
#include "base/sv.h"

#include <stdio.h>

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER, OPTION_LIST };

enum { OPTION_LIST_MAX = 100 };

/* What an option that may be repeated was given, in order. */
struct option_list {
    const char *items[OPTION_LIST_MAX];
    size_t count;
};

/* --name or -letter; all but FLAG take an argument ("--name=x", "--name x", "-n x", "-nx"); flags
 * may share a word ("-ti"). target points
 * to a bool, a const char *, an int64_t or a struct option_list, whichever the kind says, and keeps its value
 * when the option is absent. */
struct option_spec {
    const char *name;
    char letter; /* 0 for none */
    enum option_kind kind;
    const char *argument; /* its name in the help text; NULL for a flag */
    const char *help;
    void *target;
};

/* Takes options from argv up to "--" or the end; what is left, in order, stays in argv[0 … *ret_left). */
int options_parse(const struct option_spec *specs, size_t count, int argc, char **argv, int *ret_left,
                  struct err *err);

/* −1: the number that an option was given is not from min to max. */
int options_range(const char *name, int64_t value, int64_t min, int64_t max, struct err *err);

/* One line an option. */
void options_help(const struct option_spec *specs, size_t count, FILE *out);

#endif
