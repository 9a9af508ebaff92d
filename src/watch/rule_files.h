/* Finds rule files: a file, or a folder's *.yml and *.yaml, recursively, in order of name. */
#ifndef VEDETTE_WATCH_RULE_FILES_H
#define VEDETTE_WATCH_RULE_FILES_H

#include "base/buf.h"
#include "base/err.h"

enum { RULE_FILES_DEPTH_MAX = 16, RULE_FILE_BYTES_MAX = 4 * 1024 * 1024 };

/* Called for every rule file with its content, or with why it could not be read (then text is empty). */
typedef void rule_file_fn(void *arg, const char *path, sv text, const struct err *problem);

/* Hidden files and the examples (*.test.yml) are passed over. −1 only if path itself cannot be read. */
int rule_files_visit(const char *path, rule_file_fn *fn, void *arg, struct err *err);

/* Where the examples of a rule file stand: NAME.test.yml for NAME.yml. False if it does not fit. */
bool rule_files_examples(const char *path, char *ret, size_t cap);

#endif
