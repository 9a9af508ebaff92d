/* One open file that is read as it grows, and a place in it that can be found again. Private to this room. */
#ifndef VEDETTE_WATCH_FOLLOW_H
#define VEDETTE_WATCH_FOLLOW_H

#include "watch/input.h"

#include <sys/types.h>

enum { FOLLOW_HEAD_BYTES_MAX = 256, FOLLOW_PLACE_BYTES_MAX = 128 };

/* Which file, how far, and what it began with: an inode number alone may come to mean another file. */
struct follow_place {
    uint64_t dev, ino, offset;
    uint64_t head_n, head_hash; /* of its first bytes */
};

/* "dev:inode:offset:head bytes:head hash". Returns the bytes written. */
size_t follow_place_text(const struct follow_place *place, char *text, size_t cap);
bool follow_place_parse(sv text, struct follow_place *ret);

struct follow {
    int fd;                 /* -1: closed */
    struct follow_place at; /* offset: of what has been read */
    struct syslog_framer framer;
    struct buf in; /* read and not evaluated */
};

/* Closed, for lines of at most so many bytes. */
void follow_init(struct follow *follow, size_t line_bytes_max);

/* Takes over fd, a regular file, from this offset on. */
void follow_start(struct follow *follow, int fd, uint64_t offset);

/* The place of the first byte that was not evaluated. */
struct follow_place follow_at(const struct follow *follow);

/* True if fd is the file that place was taken in, and still as long. */
bool follow_is(int fd, const struct follow_place *place);

/* False if the file was truncated or rewritten since: then follow_restart. */
bool follow_intact(struct follow *follow);

/* From the beginning; a line that was begun ends here. */
void follow_restart(struct input *input, struct follow *follow);

/* Reads and evaluates a bounded part. False at the end of the file, true if there may be more. */
bool follow_read(struct input *input, struct follow *follow);

/* Evaluates a last line without its end, and closes. */
void follow_end(struct input *input, struct follow *follow);

/* Closes without a word; frees the buffer. */
void follow_free(struct follow *follow);

#endif
