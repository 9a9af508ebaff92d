/* Sends lines to a TCP syslog port, as fast as the other side takes them or one at a time with a pause, and
 * waits until the other side has closed the connection in its turn. All times are CLOCK_MONOTONIC in
 * nanoseconds.
 *
 * usage: feed PORT FILE            the whole file; prints "START SENT CLOSED"
 *        feed PORT FILE PAUSE_US   line by line; prints "NANOSECONDS TOKEN" for each line that has a probe-…
 * token */
#include "tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* One line each pause, by the clock: a line that took long does not delay those after it. */
static void send_lines(int fd, const char *p, size_t n, uint64_t pause_us)
{
    uint64_t due = tool_nanos();
    while (n) {
        const char *newline = memchr(p, '\n', n);
        size_t length = newline ? (size_t)(newline - p) + 1 : n;
        const char *token = memmem(p, length, "probe-", 6);
        uint64_t at = tool_nanos();
        tool_send(fd, p, length);
        if (token)
            printf("%llu %.*s\n", (unsigned long long)at, (int)(6 + strspn(token + 6, "0123456789")), token);
        due += pause_us * 1000;
        struct timespec until = {(time_t)(due / 1000000000), (long)(due % 1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        p += length;
        n -= length;
    }
}

static void await_close(int fd)
{
    char bytes[4096];
    shutdown(fd, SHUT_WR);
    while (recv(fd, bytes, sizeof bytes, 0) > 0)
        continue;
}

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: feed PORT FILE [PAUSE_US]\n");
        return 64;
    }
    struct stat info;
    int file = open(argv[2], O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &info) < 0 || info.st_size == 0) {
        perror("feed");
        return 1;
    }
    size_t n = (size_t)info.st_size;
    const char *bytes = mmap(NULL, n, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (bytes == MAP_FAILED) {
        perror("feed: mmap");
        return 1;
    }
    int fd = tool_connect(tool_number(argv[1]));
    if (argc == 4) {
        send_lines(fd, bytes, n, (uint64_t)tool_number(argv[3]));
        await_close(fd);
        return 0;
    }
    uint64_t start = tool_nanos();
    tool_send(fd, bytes, n);
    uint64_t sent = tool_nanos();
    await_close(fd);
    printf("%llu %llu %llu\n", (unsigned long long)start, (unsigned long long)sent,
           (unsigned long long)tool_nanos());
    return 0;
}
