/* Writes counters in Prometheus's text exposition format (version 0.0.4). Names: vedette_ROOM_WHAT_UNIT,
 * counters end in _total, units are base units (seconds, bytes). */
#ifndef VEDETTE_BASE_METRICS_H
#define VEDETTE_BASE_METRICS_H

#include "base/buf.h"

enum { METRICS_BYTES_MAX = 4 * 1024 * 1024 }; /* of one process's text */

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE };

struct metrics_label {
    const char *name;
    sv value; /* any bytes; escaped here, and what is not UTF-8 is written as "?" */
};

/* "# HELP" and "# TYPE": once for each name, before its samples, which follow one another. */
void metrics_family(struct buf *out, const char *name, enum metrics_type type, const char *help);

void metrics_sample(struct buf *out, const char *name, const struct metrics_label *labels, size_t count,
                    int64_t value);

/* The same for a length of time, as seconds. */
void metrics_seconds(struct buf *out, const char *name, const struct metrics_label *labels, size_t count,
                     int64_t nanos);

/* A family with one sample that has no label. */
void metrics_one(struct buf *out, const char *name, enum metrics_type type, const char *help, int64_t value);

#endif
