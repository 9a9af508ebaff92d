/* An SMTP sink that takes everything at once: accepts connections on loopback, answers each command, counts
 * messages, and writes down when each was accepted. The time that it costs is small beside what is measured.
 *
 * usage: sink PORT FILE   FILE gets one line a message, "NANOSECONDS TOKEN BYTES" (CLOCK_MONOTONIC; TOKEN is
 * the first "probe-…" in it, or "-"), flushed when the sink is idle. Ends with SIGTERM. */
#include "tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 1024,
    INPUT_MAX = 256 * 1024,
    OUTPUT_MAX = 4096,
    EVENTS_MAX = 64,
    TOKEN_LENGTH = 12
};

struct connection {
    char in[INPUT_MAX];
    size_t have;
    bool in_data;
    size_t mail_bytes;
    char token[TOKEN_LENGTH + 1];
};

static struct connection *connections[CONNECTIONS_MAX];
static FILE *record;
static volatile sig_atomic_t ending;

static void on_term(int signal_number)
{
    (void)signal_number;
    ending = 1;
}

static void find_token(struct connection *c, const char *line, size_t n)
{
    const char *hit = c->token[0] ? NULL : memmem(line, n, "probe-", 6);
    size_t left = hit ? (size_t)(line + n - hit) : 0;
    if (left < TOKEN_LENGTH || strspn(hit + 6, "0123456789") < TOKEN_LENGTH - 6)
        return; /* A soft line break of quoted-printable may cut it; a mail has it more than once. */
    memcpy(c->token, hit, TOKEN_LENGTH);
    c->token[TOKEN_LENGTH] = '\0';
}

/* One line of a mail; true at its end. */
static bool take_data(struct connection *c, const char *line, size_t n)
{
    c->mail_bytes += n + 2;
    find_token(c, line, n);
    if (n != 1 || line[0] != '.')
        return false;
    fprintf(record, "%llu %s %zu\n", (unsigned long long)tool_nanos(), c->token[0] ? c->token : "-",
            c->mail_bytes);
    c->in_data = false;
    c->token[0] = '\0';
    c->mail_bytes = 0;
    return true;
}

static bool is(const char *line, size_t n, const char *command)
{
    return n >= strlen(command) && strncasecmp(line, command, strlen(command)) == 0;
}

/* The reply to one line without its CRLF; empty inside a mail. */
static const char *take_line(struct connection *c, const char *line, size_t n)
{
    if (c->in_data)
        return take_data(c, line, n) ? "250 2.0.0 Ok: queued as SINK\r\n" : "";
    if (is(line, n, "EHLO"))
        return "250-sink.example\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250 8BITMIME\r\n";
    if (is(line, n, "QUIT"))
        return "221 2.0.0 bye\r\n";
    if (!is(line, n, "DATA"))
        return "250 2.0.0 Ok\r\n";
    c->in_data = true;
    return "354 go\r\n";
}

/* Answers every line that is there, all in one write while they fit. */
static void take_input(int fd, struct connection *c)
{
    char out[OUTPUT_MAX];
    size_t at = 0, said = 0;
    for (char *end; (end = memchr(c->in + at, '\n', c->have - at));) {
        size_t n = (size_t)(end - (c->in + at));
        const char *reply = take_line(c, c->in + at, n && end[-1] == '\r' ? n - 1 : n);
        size_t length = strlen(reply);
        if (said + length > OUTPUT_MAX) {
            tool_send(fd, out, said);
            said = 0;
        }
        memcpy(out + said, reply, length);
        said += length;
        at += n + 1;
    }
    memmove(c->in, c->in + at, c->have - at);
    c->have -= at;
    tool_send(fd, out, said);
}

static void drop(int fd)
{
    free(connections[fd]);
    connections[fd] = NULL;
    close(fd);
}

static void on_readable(int fd)
{
    struct connection *c = connections[fd];
    ssize_t n = recv(fd, c->in + c->have, INPUT_MAX - c->have, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        drop(fd);
        return;
    }
    c->have += (size_t)n;
    take_input(fd, c);
}

static void on_connection(int listener, int poll_fd)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connections[fd] = calloc(1, sizeof(struct connection));
        struct epoll_event want = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &want);
        if (send(fd, "220 sink.example ESMTP\r\n", 24, MSG_NOSIGNAL) < 0)
            drop(fd);
    }
}

static int listen_on(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 512) < 0) {
        perror("sink: listen");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    if (argc != 3 || !(record = fopen(argv[2], "w"))) {
        fprintf(stderr, "usage: sink PORT FILE\n");
        return 64;
    }
    struct sigaction action = {.sa_handler = on_term};
    sigaction(SIGTERM, &action, NULL);
    int listener = listen_on((int)strtol(argv[1], NULL, 10)), poll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event want = {.events = EPOLLIN, .data.fd = listener}, ready[EVENTS_MAX];
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &want);
    while (!ending) {
        int n = epoll_wait(poll_fd, ready, EVENTS_MAX, 100);
        if (n == 0)
            fflush(record);
        for (int i = 0; i < n; i++)
            if (ready[i].data.fd == listener)
                on_connection(listener, poll_fd);
            else
                on_readable(ready[i].data.fd);
    }
    fclose(record);
    return 0;
}
