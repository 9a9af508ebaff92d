/* Everything that can be found wrong with a configuration without opening a connection. */
#ifndef VEDETTE_CMD_PROOFREAD_H
#define VEDETTE_CMD_PROOFREAD_H

#include "cmd/load.h"

enum { PROOFREAD_WARNINGS_MAX = 64 };

struct proofread {
    struct config_errors errors; /* of the configuration, the files it names, and its rules */
    sv warnings[PROOFREAD_WARNINGS_MAX];
    size_t warning_count;
    size_t gateways, inputs, rules, guard_rails;
    int exit_code; /* what to end with if there are errors */
    bool whole;    /* the configuration itself has no error: all of its values are there */
    struct arena *arena;
};

/* path NULL: the default configuration. */
void proofread_run(struct proofread *ret, const char *path);
void proofread_free(struct proofread *check);

#endif
