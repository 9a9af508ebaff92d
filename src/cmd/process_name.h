/* What processes are called: "courier", "watch", and the next watches "watch-2", "watch-3". Everywhere, also
 * in ps(1), the log, and the sockets of their counters. */
#ifndef VEDETTE_CMD_PROCESS_NAME_H
#define VEDETTE_CMD_PROCESS_NAME_H

#include "base/sv.h"

enum { PROCESS_NAME_MAX = 16 };

/* number counts those of a kind from 0. Returns out. */
const char *process_name(const char *kind, unsigned number, char out[PROCESS_NAME_MAX]);

/* False if the name is none of that kind. */
bool process_name_parse(sv name, const char *kind, unsigned *ret_number);

#endif
