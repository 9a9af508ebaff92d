#include "io/channel.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    READ_BYTES = 128 * 1024,
    INPUT_BYTES_MAX = CONTROL_BODY_BYTES_MAX + CONTROL_HEAD_BYTES + READ_BYTES,
    STRAIGHT_BYTES_MIN = 16 * 1024,      /* a longer body is not copied if the kernel takes it */
    IDLE_BUFFER_BYTES_MAX = 1024 * 1024, /* an empty buffer larger than that is given back */
    ARRIVALS_MAX = 2,
};

/* A descriptor that waits to be sent with the frame that starts at byte `at` of all bytes ever queued. */
struct departure {
    uint64_t at;
    size_t frame_bytes;
    int fd;
    struct departure *next;
};

/* A descriptor that came with the byte before `until`, and so belongs to the frame that holds that byte: the
 * kernel ends a read behind the bytes that a descriptor was attached to, and a sender attaches one only to
 * a write that begins a frame and goes no further than that frame. */
struct arrival {
    uint64_t until;
    int fd;
};

struct channel {
    int fd;
    struct loop_fd *watch;
    struct loop_timer *kick; /* frames lie in `in` or `out` that nothing else will wake us for */
    channel_message_fn *on_message;
    channel_closed_fn *on_closed;
    void *arg;
    channel_drained_fn *on_drained;
    void *drained_arg;

    struct buf in, out;
    uint64_t read_bytes, sent_bytes; /* since the start */
    struct arrival arrivals[ARRIVALS_MAX];
    size_t n_arrivals;
    struct departure *departures, **last_departure;

    bool paused, closed;
    bool full;      /* the kernel takes no more, and says when it does */
    bool peer_deaf; /* a write failed: nothing more goes out, what it sent before is still read */
    bool overflown;
    bool *ret_freed; /* set while a callback runs, which may free the channel */
};

static void want(const struct channel *channel)
{
    int what = channel->paused ? 0 : LOOP_READ;
    if (channel->full)
        what |= LOOP_WRITE;
    loop_fd_want(channel->watch, channel->closed ? 0 : what);
}

static void departures_drop(struct channel *channel)
{
    while (channel->departures) {
        struct departure *first = channel->departures;
        channel->departures = first->next;
        if (first->fd >= 0)
            close(first->fd);
        free(first);
    }
    channel->last_departure = &channel->departures;
}

static void close_with(struct channel *channel, const struct err *err)
{
    channel->closed = true;
    want(channel);
    loop_timer_cancel(channel->kick);
    channel->on_closed(channel->arg, channel, err);
}

/* The descriptor of the frame whose last byte is the one before `until`, or -1. */
static int arrival_take(struct channel *channel, uint64_t until)
{
    if (!channel->n_arrivals || channel->arrivals[0].until > until)
        return -1;
    int fd = channel->arrivals[0].fd;
    channel->arrivals[0] = channel->arrivals[1];
    channel->n_arrivals--;
    return fd;
}

/* Gives whole frames to the callback. False when the channel is gone or closed. */
static bool deliver(struct channel *channel)
{
    bool freed = false;
    struct err err;
    while (!channel->paused) {
        enum control_type type;
        sv body;
        size_t used;
        sv in = buf_view(&channel->in);
        enum control_event event = control_take(in, &type, &body, &used);
        if (event == CONTROL_NEED_DATA)
            return true;
        if (event == CONTROL_INVALID) {
            err_set(&err, ERR_PROTOCOL, "both ends must be of the same version of vedette",
                    "a message of unknown type or size came");
            close_with(channel, &err);
            return false;
        }
        int fd = arrival_take(channel, channel->read_bytes - in.n + used);
        channel->ret_freed = &freed;
        channel->on_message(channel->arg, channel, type, body, fd);
        if (freed)
            return false;
        channel->ret_freed = NULL;
        buf_consume_wiped(&channel->in, used);
    }
    return true;
}

/* Keeps the one descriptor of a read. Each read is delivered before the next, so that at most one older
 * descriptor waits for the rest of its frame. */
static int keep_arrival(struct channel *channel, struct msghdr *message, struct err *err)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
        return 0;
    int fd;
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
    if (message->msg_flags & MSG_CTRUNC || channel->n_arrivals == ARRIVALS_MAX) {
        close(fd);
        return err_set(err, ERR_PROTOCOL, NULL, "a message came with more descriptors than one");
    }
    channel->arrivals[channel->n_arrivals++] = (struct arrival){.until = channel->read_bytes, .fd = fd};
    return 0;
}

/* Reads once. 1: bytes came; 0: none now; -1: the peer is gone (err untouched) or broke the protocol. */
static int read_once(struct channel *channel, struct err *err)
{
    char *to = buf_reserve(&channel->in, READ_BYTES);
    assert(to); /* a frame that long is refused by its head */
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = to, .iov_len = READ_BYTES};
    /* CMSG_LEN, not CMSG_SPACE: the padding would make room for a second descriptor. */
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    ssize_t n = recvmsg(channel->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return -1;
    buf_added(&channel->in, (size_t)n);
    channel->read_bytes += (size_t)n;
    return keep_arrival(channel, &message, err) < 0 ? -1 : 1;
}

static ssize_t send_with(int to, sv bytes, int fd)
{
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.n};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(head), &fd, sizeof fd);
    }
    return sendmsg(to, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* One sendmsg(2): up to the next frame that bears a descriptor, or that frame alone. */
static ssize_t send_once(struct channel *channel)
{
    sv out = buf_view(&channel->out);
    struct departure *next = channel->departures;
    int fd = -1;
    if (next && next->at > channel->sent_bytes) {
        out = sv_first(out, next->at - channel->sent_bytes);
    } else if (next) {
        out = sv_first(out, next->frame_bytes);
        fd = next->fd;
    }
    ssize_t n = send_with(channel->fd, out, fd);
    if (n <= 0)
        return n;
    channel->sent_bytes += (size_t)n;
    buf_consume_wiped(&channel->out, (size_t)n);
    if (fd >= 0) {
        close(fd);
        channel->departures = next->next;
        if (!channel->departures)
            channel->last_departure = &channel->departures;
        free(next);
    }
    return n;
}

static void deafen(struct channel *channel)
{
    channel->peer_deaf = true;
    buf_free(&channel->out);
    departures_drop(channel);
}

static void send_all_that_fits(struct channel *channel)
{
    while (buf_view(&channel->out).n) {
        if (send_once(channel) > 0 || errno == EINTR)
            continue;
        /* ETOOMANYREFS: too many descriptors are on their way; it passes as the peer reads. */
        if (errno != EAGAIN && errno != ETOOMANYREFS && errno != ENOBUFS)
            deafen(channel);
        break;
    }
    channel->full = buf_view(&channel->out).n > 0;
    if (!buf_view(&channel->out).n && channel->out.cap > IDLE_BUFFER_BYTES_MAX)
        buf_free(&channel->out);
}

static void send_out(struct channel *channel)
{
    send_all_that_fits(channel);
    if (channel->on_drained && !channel->full)
        channel->on_drained(channel->drained_arg);
}

static void on_ready(void *arg, int fd, int ready)
{
    (void)fd;
    struct channel *channel = arg;
    struct err err = {.class = ERR_NONE};
    if (ready & LOOP_WRITE)
        send_out(channel);
    if (ready & LOOP_READ) {
        int rc = read_once(channel, &err);
        if (rc < 0) {
            close_with(channel, err.class == ERR_NONE ? NULL : &err);
            return;
        }
        if (rc > 0 && !deliver(channel))
            return;
        if (!buf_view(&channel->in).n && channel->in.cap > IDLE_BUFFER_BYTES_MAX)
            buf_free(&channel->in);
    }
    want(channel);
}

static void on_kick(void *arg)
{
    struct channel *channel = arg;
    if (channel->overflown) {
        struct err err;
        err_set(&err, ERR_LIMIT, "find out why it does not read", "the peer left more than %d bytes unread",
                CHANNEL_PENDING_MAX);
        close_with(channel, &err);
        return;
    }
    if (buf_view(&channel->out).n && !channel->full)
        send_out(channel);
    if (deliver(channel))
        want(channel);
}

struct channel *channel_new(struct loop *loop, int fd, channel_message_fn *on_message,
                            channel_closed_fn *on_closed, void *arg)
{
    struct channel *channel = calloc(1, sizeof *channel);
    assert(channel);
    *channel = (struct channel){.fd = fd,
                                .on_message = on_message,
                                .on_closed = on_closed,
                                .arg = arg,
                                .in = BUF_INIT(INPUT_BYTES_MAX),
                                .out = BUF_INIT(CHANNEL_PENDING_MAX)};
    channel->last_departure = &channel->departures;
    channel->watch = loop_fd_new(loop, fd, on_ready, channel);
    channel->kick = loop_timer_new(loop, on_kick, channel);
    want(channel);
    return channel;
}

/* Gives the kernel what it takes of a frame, and queues the rest, which fits. */
static void send_straight(struct channel *channel, enum control_type type, sv body)
{
    char head[CONTROL_HEAD_BYTES];
    control_head(type, body, head);
    struct iovec parts[] = {{.iov_base = head, .iov_len = sizeof head},
                            {.iov_base = (void *)(uintptr_t)body.p, .iov_len = body.n}};
    ssize_t n = sendmsg(channel->fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = 2},
                        MSG_NOSIGNAL | MSG_DONTWAIT);
    size_t sent = n > 0 ? (size_t)n : 0; /* an error meets the rest, too */
    channel->sent_bytes += sent;
    buf_put(&channel->out, sv_from(sv_make(head, sizeof head), sent));
    buf_put(&channel->out, sv_from(body, sent > sizeof head ? sent - sizeof head : 0));
    if (buf_view(&channel->out).n)
        loop_timer_set(channel->kick, 0);
}

void channel_send(struct channel *channel, enum control_type type, sv body, int fd)
{
    assert(body.n <= CONTROL_BODY_BYTES_MAX);
    size_t before = buf_view(&channel->out).n;
    bool takes = !channel->closed && !channel->peer_deaf && !channel->overflown;
    if (takes && !before && fd < 0 && body.n >= STRAIGHT_BYTES_MIN) {
        send_straight(channel, type, body);
        return;
    }
    if (takes && control_put(&channel->out, type, body) < 0) {
        channel->overflown = true;
        loop_timer_set(channel->kick, 0);
    }
    if (!takes || channel->overflown) {
        if (fd >= 0)
            close(fd);
    } else if (fd >= 0) {
        struct departure *departure = calloc(1, sizeof *departure);
        assert(departure);
        *departure = (struct departure){
            .at = channel->sent_bytes + before, .frame_bytes = buf_view(&channel->out).n - before, .fd = fd};
        *channel->last_departure = departure;
        channel->last_departure = &departure->next;
    }
    /* Asking the kernel whether there is room costs more than finding out. */
    if (takes && !channel->full)
        loop_timer_set(channel->kick, 0);
}

void channel_on_drained(struct channel *channel, channel_drained_fn *fn, void *arg)
{
    channel->on_drained = fn;
    channel->drained_arg = arg;
}

size_t channel_pending(const struct channel *channel)
{
    return buf_view(&channel->out).n;
}

int channel_flush(struct channel *channel, struct err *err)
{
    for (;;) {
        send_all_that_fits(channel);
        if (channel->peer_deaf || channel->overflown)
            break;
        if (!buf_view(&channel->out).n) {
            want(channel);
            return 0;
        }
        struct pollfd ready = {.fd = channel->fd, .events = POLLOUT};
        if (poll(&ready, 1, -1) < 0 && errno != EINTR)
            break;
    }
    want(channel);
    return err_set(err, ERR_UNAVAILABLE, NULL, "the other end does not read any more");
}

uid_t channel_peer_user(const struct channel *channel)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(channel->fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 ? peer.uid : (uid_t)-1;
}

void channel_pause(struct channel *channel)
{
    channel->paused = true;
    want(channel);
}

void channel_resume(struct channel *channel)
{
    if (!channel->paused)
        return;
    channel->paused = false;
    if (!channel->closed)
        loop_timer_set(channel->kick, 0);
    want(channel);
}

void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    if (channel->ret_freed)
        *channel->ret_freed = true;
    departures_drop(channel);
    for (size_t i = 0; i < channel->n_arrivals; i++)
        close(channel->arrivals[i].fd);
    loop_timer_free(channel->kick);
    loop_fd_free(channel->watch);
    close(channel->fd);
    buf_free(&channel->in);
    buf_free(&channel->out);
    free(channel);
}

int channel_pair(int ret_fds[2], struct err *err)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
        return err_set(err, ERR_SYSTEM, NULL, "make a socket pair");
    return 0;
}
