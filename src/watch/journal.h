/* Reads the systemd journal entry by entry. libsystemd stays behind this header. Private to this room. */
#ifndef VEDETTE_WATCH_JOURNAL_H
#define VEDETTE_WATCH_JOURNAL_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"

struct journal;

/* This machine's journal, behind the entry that cursor names; with an empty one, or when that entry is gone,
 * behind the newest. field_bytes_max bounds what is read of one field. */
int journal_open(const char *cursor, size_t field_bytes_max, struct journal **ret, struct err *err);
void journal_close(struct journal *journal); /* NULL is fine */

/* True if there are files that we may read. */
bool journal_exists(struct journal *journal);

/* Readable when something changed; then journal_wake must be called. -1: it must be looked at by time. */
int journal_fd(struct journal *journal);
void journal_wake(struct journal *journal);

/* 1: the next entry is the current one; 0: there is none yet; -1: it cannot be read. */
int journal_next(struct journal *journal, struct err *err);

/* Of the current entry. A field's value is valid until the next call, empty if there is none. */
sv journal_field(struct journal *journal, const char *name);
nanos journal_time(struct journal *journal); /* 0: unknown */

/* Its cursor, NUL-terminated; false if it does not fit. */
bool journal_cursor(struct journal *journal, char *ret, size_t cap);

#endif
