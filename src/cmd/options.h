/* Options of a command as one table: the parser and the help text are drawn from it. */
#ifndef VEDETTE_CMD_OPTIONS_H
#define VEDETTE_CMD_OPTIONS_H

#include "base/err.h"
#include "base/sv.h"

#include <stdio.h>

enum option_kind { OPTION_FLAG, OPTION_TEXT, OPTION_NUMBER };

/* --name or -letter; TEXT and NUMBER take an argument ("--name=x", "--name x", "-n x", "-nx"). target points
 * to a bool, a const char * or an int64_t, whichever the kind says, and keeps its value when the option is
 * absent. */
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

/* One line an option. */
void options_help(const struct option_spec *specs, size_t count, FILE *out);

#endif
