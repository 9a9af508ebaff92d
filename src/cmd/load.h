/* Reads the configuration's files from disk: the main one and conf.d beside it. */
#ifndef VEDETTE_CMD_LOAD_H
#define VEDETTE_CMD_LOAD_H

#include "config/config.h"

#define LOAD_DEFAULT_PATH "/etc/vedette/vedette.yaml"

enum { LOAD_FILES_MAX = 256, LOAD_FILE_BYTES_MAX = 1024 * 1024 };

/* The files as they were read: what the parent sends to its children, so that all see the same bytes. */
struct load {
    struct config_source sources[LOAD_FILES_MAX];
    size_t count;
    struct arena *arena; /* owns names and texts */
};

/* path and, in order of name, every *.yaml in conf.d beside it. path NULL: the default. */
int load_files(const char *path, struct load *ret, struct err *err);
void load_free(struct load *load);

/* Packs the files into a START or PREPARE body, and back (views borrow from body). */
void load_pack(const struct load *load, struct buf *out);
int load_unpack(sv body, struct load *ret, struct err *err);

/* config_parse and config_parse_faulty with this machine's name, and the system's time zones. */
struct config *load_parse(const struct load *load, struct config_errors *errors);
struct config *load_parse_faulty(const struct load *load, struct config_errors *errors);

/* config_parse_faulty of what the parent has checked: looks at no file, so that it may run in a sandbox. */
struct config *load_parse_checked(const struct load *load, struct config_errors *errors);

/* Reads, parses, and prints what is wrong; NULL with *ret_exit set. For commands. */
struct config *load_or_complain(const char *path, int *ret_exit);

/* The same, and keeps what was read; untouched on failure. */
struct config *load_kept_or_complain(const char *path, struct load *ret_load, int *ret_exit);

/* One error a line, "file:line:column: message" and its advice. */
void load_print_errors(const struct config_errors *errors);

/* Where the control socket is: runtime_directory/control. */
const char *load_control_path(const struct config *config);

#endif
