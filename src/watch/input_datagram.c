/* Syslog over UDP and over a unix datagram socket: one datagram, one record. */
#include "watch/input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    DATAGRAMS_MAX = 32,      /* taken by one call */
    CALLS_MAX = 8,           /* before other inputs have their turn */
    FINISH_CALLS_MAX = 2048, /* for what waits in the kernel at the end */
};

struct datagrams {
    struct loop_fd *watch;
    uint32_t lost; /* as the kernel last counted */
    size_t bytes_max;
    char *bytes; /* DATAGRAMS_MAX pieces of bytes_max */
    struct mmsghdr messages[DATAGRAMS_MAX];
    struct iovec parts[DATAGRAMS_MAX];
    union {
        char bytes[CMSG_SPACE(sizeof(uint32_t))];
        struct cmsghdr align;
    } controls[DATAGRAMS_MAX];
};

/* The kernel's count of what it had no room for comes with every datagram. */
static void count_lost(struct input *input, struct datagrams *datagrams, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        uint32_t lost;
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&lost, CMSG_DATA(head), sizeof lost);
        if (lost == datagrams->lost)
            continue;
        input->counts->datagrams_lost += (uint32_t)(lost - datagrams->lost);
        datagrams->lost = lost;
        struct err err = {0};
        err_set(&err, ERR_LIMIT, "raise net.core.rmem_max, or let the sender use tcp",
                "%u datagrams came faster than they could be read, since the socket was opened", lost);
        input_complain(input, "the kernel dropped datagrams", &err);
    }
}

static sv without_end(sv record)
{
    while (record.n && strchr("\r\n", record.p[record.n - 1])) /* NUL counts as an end too */
        record.n--;
    return record;
}

static void take(struct input *input, struct datagrams *datagrams, size_t i)
{
    struct mmsghdr *message = &datagrams->messages[i];
    sv raw = sv_make(datagrams->bytes + i * datagrams->bytes_max, message->msg_len);
    bool cut = (message->msg_hdr.msg_flags & MSG_TRUNC) != 0;
    input->counts->bytes += raw.n;
    count_lost(input, datagrams, &message->msg_hdr);
    raw = cut ? raw : without_end(raw);
    if (raw.n)
        input_record(input, &(struct input_record){.raw = raw, .cut = cut});
}

static bool read_once(struct input *input, int fd)
{
    struct datagrams *datagrams = input->state;
    for (size_t i = 0; i < DATAGRAMS_MAX; i++) {
        datagrams->parts[i] =
            (struct iovec){datagrams->bytes + i * datagrams->bytes_max, datagrams->bytes_max};
        datagrams->messages[i].msg_hdr = (struct msghdr){.msg_iov = &datagrams->parts[i],
                                                         .msg_iovlen = 1,
                                                         .msg_control = &datagrams->controls[i],
                                                         .msg_controllen = sizeof datagrams->controls[i]};
    }
    int n = recvmmsg(fd, datagrams->messages, DATAGRAMS_MAX, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++)
        take(input, datagrams, (size_t)i);
    return n == DATAGRAMS_MAX;
}

static void on_ready(void *arg, int fd, int ready)
{
    struct input *input = arg;
    (void)ready;
    for (int calls = 0; calls < CALLS_MAX && input_may_read(input) && read_once(input, fd); calls++)
        ;
    input_turn_end(input, NULL);
}

static int datagram_open(struct input *input, struct err *err)
{
    (void)err;
    struct datagrams *datagrams = calloc(1, sizeof *datagrams);
    assert(datagrams);
    datagrams->bytes_max = (size_t)input->config->line_bytes_max;
    datagrams->bytes = malloc(DATAGRAMS_MAX * datagrams->bytes_max);
    assert(datagrams->bytes);
    input->state = datagrams;
    return 0;
}

static void datagram_resume(struct input *input)
{
    struct datagrams *datagrams = input->state;
    if (!datagrams->watch && input->fd >= 0)
        datagrams->watch = loop_fd_new(input->loop, input->fd, on_ready, input);
    if (datagrams->watch)
        loop_fd_want(datagrams->watch, LOOP_READ);
}

static void datagram_pause(struct input *input)
{
    struct datagrams *datagrams = input->state;
    if (datagrams->watch)
        loop_fd_want(datagrams->watch, 0);
}

static void datagram_finish(struct input *input)
{
    for (int calls = 0; input->fd >= 0 && calls < FINISH_CALLS_MAX && read_once(input, input->fd); calls++)
        ;
    input_turn_end(input, NULL);
}

static void datagram_close(struct input *input)
{
    struct datagrams *datagrams = input->state;
    if (!datagrams)
        return;
    loop_fd_free(datagrams->watch);
    free(datagrams->bytes);
    free(datagrams);
    input->state = NULL;
}

const struct input_ops input_datagram_ops = {
    .open = datagram_open,
    .resume = datagram_resume,
    .pause = datagram_pause,
    .finish = datagram_finish,
    .close = datagram_close,
};
