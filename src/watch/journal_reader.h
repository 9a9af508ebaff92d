/* Reads the systemd journal entry by entry. libsystemd stays behind this header. Private to this room. */
#ifndef VEDETTE_WATCH_JOURNAL_READER_H
#define VEDETTE_WATCH_JOURNAL_READER_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"

struct journal_reader;

/* This machine's journal, behind the entry that cursor names; with an empty one, or when that entry is gone,
 * behind the newest. field_bytes_max bounds what is read of one field. */
int journal_reader_open(const char *cursor, size_t field_bytes_max, struct journal_reader **ret,
                        struct err *err);
void journal_reader_close(struct journal_reader *journal); /* NULL is fine */

/* True if there are files that we may read. */
bool journal_reader_exists(struct journal_reader *journal);

/* Readable when something changed; then journal_reader_wake must be called. -1: it must be looked at by time.
 */
int journal_reader_fd(struct journal_reader *journal);
void journal_reader_wake(struct journal_reader *journal);

/* 1: the next entry is the current one; 0: there is none yet; -1: it cannot be read. */
int journal_reader_next(struct journal_reader *journal, struct err *err);

/* Of the current entry. A field's value is valid until the next call, empty if there is none. */
sv journal_reader_field(struct journal_reader *journal, const char *name);
nanos journal_reader_time(struct journal_reader *journal); /* 0: unknown */

/* Its cursor, NUL-terminated; false if it does not fit. */
bool journal_reader_cursor(struct journal_reader *journal, char *ret, size_t cap);

#endif
