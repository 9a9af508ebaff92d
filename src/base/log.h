/* The log: one structured line per event on standard error, logfmt by default, JSON when asked. */
#ifndef VEDETTE_BASE_LOG_H
#define VEDETTE_BASE_LOG_H

#include "base/err.h"
#include "base/sv.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };

/* One key and its value: text if text.p is set, else number. Control bytes are escaped when written. */
struct log_field {
    const char *key;
    sv text;
    int64_t number;
};

#define LOG_SV(k, v)  ((struct log_field){.key = (k), .text = (v)})
#define LOG_STR(k, v) ((struct log_field){.key = (k), .text = sv_of(v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v)})
#define LOG_ERR(e)    LOG_STR("cause", (e)->cause), LOG_STR("advice", (e)->advice)

/* Set once as the process starts: its name in every line, the lowest level written, the form. Lines carry
 * sd-daemon(3) priorities ("<4>") when standard error is the journal. process is kept, not copied. */
void log_setup(const char *process, enum log_level level, enum log_format format);

/* Writes one line of at most 8 KiB, longer ones cut. `what` is a short sentence. Never blocks on a pipe
 * that nobody reads for longer than one write(2). */
void log_write(enum log_level level, const char *what, const struct log_field *fields, size_t n);

#define LOG(level, what, ...)                                       \
    log_write(level, what, (const struct log_field[]){__VA_ARGS__}, \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))

/* At least one field each: LOG_INFO("listening", LOG_STR("input", name)). */
#define LOG_ERROR(what, ...)   LOG(LOG_LEVEL_ERROR, what, __VA_ARGS__)
#define LOG_WARNING(what, ...) LOG(LOG_LEVEL_WARNING, what, __VA_ARGS__)
#define LOG_INFO(what, ...)    LOG(LOG_LEVEL_INFO, what, __VA_ARGS__)
#define LOG_DEBUG(what, ...)   LOG(LOG_LEVEL_DEBUG, what, __VA_ARGS__)

#endif
