/* Reads standard input or the files that a command names. */
#ifndef VEDETTE_CMD_INPUT_FILES_H
#define VEDETTE_CMD_INPUT_FILES_H

#include "base/buf.h"
#include "base/err.h"

/* All of standard input, at most out's maximum. */
int input_read_all(struct buf *out, struct err *err);

/* Each record of each file in order, "-" and no file at all being standard input. A record is a line without
 * its LF or CRLF; but a JSON object that its line leaves open goes on to its last brace, and a CyberArk
 * <syslog> element to its end tag. A record over 64 KiB is cut; empty lines are none. Non-zero from fn stops.
 * path is the file's name for messages. */
typedef int input_record_fn(void *arg, const char *path, sv record);
int input_records(char **files, int count, input_record_fn *fn, void *arg, struct err *err);

#endif
