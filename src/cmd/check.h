/* Everything that can be found wrong with a configuration without opening a connection. */
#ifndef VEDETTE_CMD_CHECK_H
#define VEDETTE_CMD_CHECK_H

#include "cmd/load.h"

enum { CHECK_WARNINGS_MAX = 64 };

struct check {
    struct config_errors errors; /* of the configuration, the files it names, and its rules */
    sv warnings[CHECK_WARNINGS_MAX];
    size_t warning_count;
    size_t gateways, inputs, rules;
    int exit_code; /* what to end with if there are errors */
    struct arena *arena;
};

/* path NULL: the default configuration. */
void check_run(struct check *ret, const char *path);
void check_free(struct check *check);

#endif
