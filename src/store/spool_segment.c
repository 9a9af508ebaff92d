#include "store/spool_private.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_DIGITS = 16, ZEROS_BYTES = 256 * 1024 };

static const char *segment_name(uint64_t number, char name[static SPOOL_NAME_MAX])
{
    snprintf(name, SPOOL_NAME_MAX, "%016llx.log", (unsigned long long)number);
    return name;
}

const char *spool_external_name(uint64_t serial, char name[static SPOOL_NAME_MAX])
{
    snprintf(name, SPOOL_NAME_MAX, "%016llx.big", (unsigned long long)serial);
    return name;
}

static bool number_of(const char *name, const char *ending, uint64_t *ret)
{
    if (strlen(name) != NAME_DIGITS + strlen(ending) || strcmp(name + NAME_DIGITS, ending) != 0 ||
        strspn(name, "0123456789abcdef") < NAME_DIGITS)
        return false;
    *ret = strtoull(name, NULL, 16);
    return true;
}

bool spool_segment_number(const char *name, uint64_t *ret)
{
    return number_of(name, ".log", ret);
}

bool spool_external_serial(const char *name, uint64_t *ret)
{
    return number_of(name, ".big", ret);
}

/* The first record says whose file this is. */
static int write_head(int fd, uint64_t number)
{
    char head[SPOOL_RECORD_HEADER];
    spool_record_finish(head, &(struct spool_record){.type = SPOOL_RECORD_SEGMENT, .serial = number});
    spool_record_sign(head, sizeof head, number);
    ssize_t n = pwrite(fd, head, sizeof head, 0);
    if (n >= 0 && n < (ssize_t)sizeof head)
        errno = ENOSPC;
    return n == (ssize_t)sizeof head ? 0 : -1;
}

static int write_zeros(int fd, size_t size)
{
    static const char zeros[ZEROS_BYTES];
    for (size_t at = 0; at < size;) {
        size_t n = size - at < sizeof zeros ? size - at : sizeof zeros;
        ssize_t written = pwrite(fd, zeros, n, (off_t)at);
        if (written < 0 && errno != EINTR)
            return -1;
        at += written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static struct spool_segment *segment_new(int fd, uint64_t number, size_t size)
{
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return NULL;
    struct spool_segment *segment = calloc(1, sizeof *segment);
    assert(segment);
    segment->number = number;
    segment->fd = fd;
    segment->map = map;
    segment->size = size;
    segment->used = SPOOL_RECORD_HEADER;
    return segment;
}

struct spool_segment *spool_segment_make(int dir_fd, uint64_t number, size_t size, bool fill)
{
    char name[SPOOL_NAME_MAX];
    segment_name(number, name);
    int fd = openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return NULL;
    int why = posix_fallocate(fd, 0, (off_t)size);
    if (why == 0 && fill && write_zeros(fd, size) < 0)
        why = errno;
    if (why == 0 && (write_head(fd, number) < 0 || fsync(fd) < 0 || fsync(dir_fd) < 0))
        why = errno;
    struct spool_segment *segment = why == 0 ? segment_new(fd, number, size) : NULL;
    if (segment)
        return segment;
    if (why == 0)
        why = errno;
    close(fd);
    unlinkat(dir_fd, name, 0);
    errno = why;
    return NULL;
}

int spool_segment_renew(int dir_fd, struct spool_segment *segment, uint64_t number)
{
    char old_name[SPOOL_NAME_MAX], name[SPOOL_NAME_MAX];
    /* The head first: under its old name the file is no segment any more, whatever happens next. */
    if (write_head(segment->fd, number) < 0 || fdatasync(segment->fd) < 0 ||
        renameat(dir_fd, segment_name(segment->number, old_name), dir_fd, segment_name(number, name)) < 0)
        return -1;
    segment->number = number;
    segment->used = SPOOL_RECORD_HEADER;
    segment->next = NULL;
    segment->live_bytes = segment->pins = 0;
    segment->listed = false;
    return fsync(dir_fd);
}

struct spool_segment *spool_segment_open(int dir_fd, uint64_t number, bool *ret_other, struct err *err)
{
    char name[SPOOL_NAME_MAX];
    struct stat st;
    struct spool_record head;
    size_t size = 0;
    *ret_other = false;
    int fd = openat(dir_fd, segment_name(number, name), O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        err_set(err, ERR_IO, "check the disk and who owns the file", "open the spool's %s", name);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct spool_segment *segment =
        st.st_size >= SPOOL_RECORD_HEADER ? segment_new(fd, number, (size_t)st.st_size) : NULL;
    if (segment && spool_record_read(sv_make(segment->map, segment->size), number, &head, &size) &&
        head.type == SPOOL_RECORD_SEGMENT && head.serial == number)
        return segment;
    *ret_other = true;
    if (segment)
        spool_segment_close(segment);
    else
        close(fd);
    return NULL;
}

void spool_segment_close(struct spool_segment *segment)
{
    if (!segment)
        return;
    union {
        const void *borrowed;
        void *owned;
    } map = {.borrowed = segment->map};
    munmap(map.owned, segment->size);
    close(segment->fd);
    free(segment);
}

void spool_segment_drop(int dir_fd, struct spool_segment *segment)
{
    char name[SPOOL_NAME_MAX];
    unlinkat(dir_fd, segment_name(segment->number, name), 0);
    spool_segment_close(segment);
}
