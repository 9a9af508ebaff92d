#include "watch/follow.h"

#include "base/hash.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    READ_BYTES = INPUT_BLOCK_BYTES,
    READS_MAX = 4, /* in one turn */
};

size_t follow_place_text(const struct follow_place *place, char *text, size_t cap)
{
    int n = snprintf(text, cap, "%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64 ":%" PRIu64, place->dev,
                     place->ino, place->offset, place->head_n, place->head_hash);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

bool follow_place_parse(sv text, struct follow_place *ret)
{
    struct follow_place place;
    uint64_t *const numbers[] = {&place.dev, &place.ino, &place.offset, &place.head_n, &place.head_hash};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!sv_to_u64(sv_split(&text, ':'), numbers[i]))
            return false;
    if (text.p || place.head_n > FOLLOW_HEAD_BYTES_MAX || place.offset > INT64_MAX)
        return false;
    *ret = place;
    return true;
}

void follow_init(struct follow *follow, size_t line_bytes_max)
{
    *follow = (struct follow){.fd = -1};
    follow->in = BUF_INIT(line_bytes_max + SYSLOG_FRAME_PREFIX_BYTES_MAX + READ_BYTES);
    syslog_framer_init(&follow->framer, SYSLOG_FRAMING_LINES, line_bytes_max);
}

/* The hash of the first n bytes; false if there are fewer. */
static bool head_hash(int fd, uint64_t n, uint64_t *ret)
{
    char head[FOLLOW_HEAD_BYTES_MAX];
    assert(n <= sizeof head);
    if (n && pread(fd, head, (size_t)n, 0) != (ssize_t)n)
        return false;
    *ret = hash_sv(sv_make(head, (size_t)n));
    return true;
}

/* While the file is short its head grows with it. */
static void remember_head(struct follow *follow)
{
    uint64_t n = follow->at.offset < FOLLOW_HEAD_BYTES_MAX ? follow->at.offset : FOLLOW_HEAD_BYTES_MAX;
    if (n != follow->at.head_n && head_hash(follow->fd, n, &follow->at.head_hash))
        follow->at.head_n = n;
}

static void rewind_to(struct follow *follow, uint64_t offset)
{
    struct stat st;
    size_t line_bytes_max = follow->framer.record_bytes_max;
    follow->at = (struct follow_place){.offset = offset};
    (void)head_hash(follow->fd, 0, &follow->at.head_hash);
    if (fstat(follow->fd, &st) == 0) {
        follow->at.dev = st.st_dev;
        follow->at.ino = st.st_ino;
    }
    remember_head(follow);
    buf_clear(&follow->in);
    syslog_framer_init(&follow->framer, SYSLOG_FRAMING_LINES, line_bytes_max);
}

void follow_start(struct follow *follow, int fd, uint64_t offset)
{
    assert(follow->fd < 0);
    follow->fd = fd;
    rewind_to(follow, offset);
}

struct follow_place follow_at(const struct follow *follow)
{
    struct follow_place place = follow->at;
    place.offset -= buf_view(&follow->in).n;
    return place;
}

bool follow_is(int fd, const struct follow_place *place)
{
    struct stat st;
    uint64_t hash;
    /* The device's number may change with a restart of the machine; the head tells the file then. */
    return fstat(fd, &st) == 0 && st.st_ino == place->ino && (st.st_dev == place->dev || place->head_n) &&
           (uint64_t)st.st_size >= place->offset && head_hash(fd, place->head_n, &hash) &&
           hash == place->head_hash;
}

bool follow_intact(struct follow *follow)
{
    return follow_is(follow->fd, &follow->at);
}

static void take_rest(struct input *input, struct follow *follow)
{
    input_take_rest(input, &follow->framer, buf_view(&follow->in));
    buf_clear(&follow->in);
}

void follow_restart(struct input *input, struct follow *follow)
{
    take_rest(input, follow);
    rewind_to(follow, 0);
}

/* Evaluates whole lines. False when the flow ended it. */
static bool take(struct input *input, struct follow *follow)
{
    size_t used;
    enum input_taken taken = input_take(input, &follow->framer, buf_view(&follow->in), SIZE_MAX, &used);
    buf_consume(&follow->in, used);
    return taken == INPUT_TAKEN_ALL;
}

bool follow_read(struct input *input, struct follow *follow)
{
    if (follow->fd < 0)
        return false;
    for (int reads = 0; reads < READS_MAX; reads++) {
        if (!take(input, follow))
            return true;
        char *to = buf_reserve(&follow->in, READ_BYTES);
        assert(to);
        ssize_t n = pread(follow->fd, to, READ_BYTES, (off_t)follow->at.offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            struct err err = {0};
            err_set(&err, ERR_IO, "check the disk or the file server", "read the file");
            input_complain(input, "a file cannot be read on", &err);
        }
        if (n <= 0)
            return false;
        buf_added(&follow->in, (size_t)n);
        follow->at.offset += (uint64_t)n;
        input->counts->bytes += (uint64_t)n;
        remember_head(follow);
    }
    take(input, follow);
    return true;
}

void follow_end(struct input *input, struct follow *follow)
{
    take_rest(input, follow);
    close(follow->fd);
    follow->fd = -1;
}

void follow_free(struct follow *follow)
{
    if (follow->fd >= 0)
        close(follow->fd);
    follow->fd = -1;
    buf_free(&follow->in);
}
