/* What a channel promises: whole messages, in order, each with its own descriptor, whatever the sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MESSAGES_MAX = 4096 };

struct peer {
    struct loop *loop;
    struct channel *channel;
    size_t n, stop_at, pause_at;
    size_t body_bytes[MESSAGES_MAX];
    ino_t inode[MESSAGES_MAX]; /* 0: no descriptor came */
    bool free_at_first, closed;
    struct err err;
};

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct peer *peer = arg;
    assert_int_equal(type, CONTROL_FINDINGS);
    for (size_t i = 0; i < body.n; i += 997)
        assert_int_equal((unsigned char)body.p[i], (unsigned char)(peer->n + i));
    peer->body_bytes[peer->n] = body.n;
    struct stat st = {0};
    if (fd >= 0) {
        assert_int_equal(fstat(fd, &st), 0);
        close(fd);
    }
    peer->inode[peer->n++] = st.st_ino;
    if (peer->free_at_first) {
        channel_free(channel);
        peer->channel = NULL;
        loop_stop(peer->loop);
    } else if (peer->n == peer->pause_at) {
        channel_pause(channel);
        loop_stop(peer->loop);
    } else if (peer->n == peer->stop_at) {
        loop_stop(peer->loop);
    }
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct peer *peer = arg;
    peer->closed = true;
    if (err)
        peer->err = *err;
    channel_free(channel);
    peer->channel = NULL;
    loop_stop(peer->loop);
}

static void send_filled(struct channel *channel, size_t serial, size_t n, int fd)
{
    char *body = malloc(n + 1);
    assert_non_null(body);
    for (size_t i = 0; i < n; i++)
        body[i] = (char)(serial + i);
    channel_send(channel, CONTROL_FINDINGS, sv_make(body, n), fd);
    free(body);
}

static void connect_peers(struct peer *left, struct peer *right)
{
    struct loop *loop = loop_new();
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    *left = (struct peer){.loop = loop};
    *right = (struct peer){.loop = loop};
    left->channel = channel_new(loop, fds[0], on_message, on_closed, left);
    right->channel = channel_new(loop, fds[1], on_message, on_closed, right);
}

static void part(struct peer *left, struct peer *right)
{
    channel_free(left->channel);
    channel_free(right->channel);
    loop_free(left->loop);
}

static void every_message_keeps_its_order_its_bytes_and_its_descriptor(void **state)
{
    (void)state;
    struct peer left, right;
    connect_peers(&left, &right);
    size_t sizes[] = {0, 1, 8, 100, 5000, 70 * 1024, 300 * 1024};
    ino_t sent[500] = {0};
    size_t n_sizes = sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i < 500; i++) {
        int fd = -1;
        if (i % 3 == 0 || i % 7 == 1) {
            fd = memfd_create("travels", MFD_CLOEXEC);
            struct stat st;
            assert_int_equal(fstat(fd, &st), 0);
            sent[i] = st.st_ino;
        }
        send_filled(left.channel, i, sizes[i * i % n_sizes], fd);
    }
    right.stop_at = 500;
    loop_run(left.loop);
    assert_int_equal(right.n, 500);
    for (size_t i = 0; i < 500; i++) {
        assert_int_equal(right.body_bytes[i], sizes[i * i % n_sizes]);
        assert_int_equal(right.inode[i], sent[i]);
    }
    assert_int_equal(channel_pending(left.channel), 0);
    part(&left, &right);
}

static void the_largest_message_passes(void **state)
{
    (void)state;
    struct peer left, right;
    connect_peers(&left, &right);
    send_filled(left.channel, 0, CONTROL_BODY_BYTES_MAX, memfd_create("travels", MFD_CLOEXEC));
    send_filled(left.channel, 1, 1, -1);
    right.stop_at = 2;
    loop_run(left.loop);
    assert_int_equal(right.body_bytes[0], CONTROL_BODY_BYTES_MAX);
    assert_true(right.inode[0] != 0 && right.inode[1] == 0);
    part(&left, &right);
}

static void a_paused_channel_delivers_nothing_and_resumes_where_it_was(void **state)
{
    (void)state;
    struct peer left, right;
    connect_peers(&left, &right);
    for (size_t i = 0; i < 10; i++)
        send_filled(left.channel, i, 10, i == 7 ? memfd_create("travels", MFD_CLOEXEC) : -1);
    right.pause_at = 4;
    right.stop_at = 10;
    loop_run(left.loop);
    assert_int_equal(right.n, 4);
    channel_resume(right.channel);
    loop_run(left.loop);
    assert_int_equal(right.n, 10);
    assert_true(right.inode[7] != 0 && right.inode[8] == 0);
    part(&left, &right);
}

static void a_callback_may_free_the_channel(void **state)
{
    (void)state;
    struct peer left, right;
    connect_peers(&left, &right);
    right.free_at_first = true;
    send_filled(left.channel, 0, 10, -1);
    send_filled(left.channel, 1, 10, -1);
    loop_run(left.loop);
    assert_int_equal(right.n, 1);
    loop_run(left.loop);
    assert_true(left.closed);
    part(&left, &right);
}

static void what_was_flushed_arrives_though_the_sender_is_gone(void **state)
{
    (void)state;
    struct peer left, right;
    connect_peers(&left, &right);
    for (size_t i = 0; i < 5; i++)
        send_filled(left.channel, i, 100, -1);
    struct err err;
    assert_int_equal(channel_flush(left.channel, &err), 0);
    channel_free(left.channel);
    left.channel = NULL;
    loop_run(right.loop);
    assert_int_equal(right.n, 5);
    assert_true(right.closed);
    assert_int_equal(right.err.class, ERR_NONE);
    part(&left, &right);
}

static void sending_to_a_peer_that_is_gone_is_harmless_and_flush_says_so(void **state)
{
    (void)state;
    struct peer left, right;
    connect_peers(&left, &right);
    channel_free(right.channel);
    right.channel = NULL;
    send_filled(left.channel, 0, 100, memfd_create("travels", MFD_CLOEXEC));
    struct err err;
    assert_int_equal(channel_flush(left.channel, &err), -1);
    assert_int_equal(err.class, ERR_UNAVAILABLE);
    send_filled(left.channel, 0, 100, memfd_create("travels", MFD_CLOEXEC));
    assert_int_equal(channel_pending(left.channel), 0);
    loop_run(left.loop);
    assert_true(left.closed);
    part(&left, &right);
}

static void a_peer_that_never_reads_closes_the_channel_at_the_bound(void **state)
{
    (void)state;
    struct peer left, right;
    connect_peers(&left, &right);
    channel_pause(right.channel);
    for (size_t i = 0; i < 5; i++)
        send_filled(left.channel, i, CONTROL_BODY_BYTES_MAX, -1);
    loop_run(left.loop);
    assert_true(left.closed);
    assert_int_equal(left.err.class, ERR_LIMIT);
    part(&left, &right);
}

static void bytes_that_are_no_message_close_the_channel_with_the_reason(void **state)
{
    (void)state;
    const char *bad[] = {"GET / HTTP/1.0\r\n\r\n", "\0\0\0\0\xee\xee\0\0", "\xff\xff\xff\xff\1\0\0\0"};
    size_t n[] = {18, 8, 8};
    for (size_t i = 0; i < 3; i++) {
        int fds[2];
        assert_int_equal(channel_pair(fds, NULL), 0);
        struct peer right = {.loop = loop_new()};
        right.channel = channel_new(right.loop, fds[1], on_message, on_closed, &right);
        assert_int_equal(write(fds[0], bad[i], n[i]), (ssize_t)n[i]);
        loop_run(right.loop);
        assert_int_equal(right.err.class, ERR_PROTOCOL);
        close(fds[0]);
        loop_free(right.loop);
    }
}

static void two_descriptors_in_one_message_are_refused_and_not_leaked(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    struct peer right = {.loop = loop_new()};
    right.channel = channel_new(right.loop, fds[1], on_message, on_closed, &right);
    union {
        char bytes[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } control = {.align = {CMSG_LEN(2 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.align), (int[]){0, 0}, 2 * sizeof(int));
    char head[4] = {0};
    struct iovec bytes = {head, sizeof head};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int next = dup(0);
    assert_true(next >= 0);
    close(next);
    assert_int_equal(sendmsg(fds[0], &message, 0), sizeof head);
    loop_run(right.loop);
    assert_int_equal(right.err.class, ERR_PROTOCOL);
    assert_int_equal(fcntl(next, F_GETFD), -1);
    close(fds[0]);
    loop_free(right.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_keeps_its_order_its_bytes_and_its_descriptor),
        cmocka_unit_test(the_largest_message_passes),
        cmocka_unit_test(a_paused_channel_delivers_nothing_and_resumes_where_it_was),
        cmocka_unit_test(a_callback_may_free_the_channel),
        cmocka_unit_test(what_was_flushed_arrives_though_the_sender_is_gone),
        cmocka_unit_test(sending_to_a_peer_that_is_gone_is_harmless_and_flush_says_so),
        cmocka_unit_test(a_peer_that_never_reads_closes_the_channel_at_the_bound),
        cmocka_unit_test(bytes_that_are_no_message_close_the_channel_with_the_reason),
        cmocka_unit_test(two_descriptors_in_one_message_are_refused_and_not_leaked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
