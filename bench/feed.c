/* Sends lines to a TCP syslog port, as fast as the other side takes them, so many a second, or one at a time
 * with a pause, and waits until the other side has closed the connection in its turn. All times are
 * CLOCK_MONOTONIC in nanoseconds.
 *
 * usage: feed PORT FILE            the whole file; prints "START SENT CLOSED"
 *        feed PORT FILE PAUSE_US   line by line; prints "NANOSECONDS TOKEN" for each line that has a probe-…
 *                                  token
 *        feed PORT FILE RATE/s     so many lines a second, those of a millisecond at once; prints the same */
#include "tool.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *end_of_line(const char *p, size_t n)
{
    const char *newline = memchr(p, '\n', n);
    return newline ? newline + 1 : p + n;
}

static void print_token(const char *line, size_t n, uint64_t at)
{
    const char *token = memmem(line, n, "probe-", 6);
    if (token)
        printf("%llu %.*s\n", (unsigned long long)at, (int)(6 + strspn(token + 6, "0123456789")), token);
}

static void wait_until(uint64_t at)
{
    struct timespec until = {(time_t)(at / 1000000000), (long)(at % 1000000000)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Those that are due by the clock, each millisecond. */
static void send_at_rate(int fd, const char *p, size_t n, uint64_t rate)
{
    const char *end = p + n;
    uint64_t begin = tool_nanos(), sent = 0, tick = begin;
    while (p < end) {
        uint64_t now = tool_nanos(), due = (now - begin) * rate / 1000000000 + 1;
        const char *from = p;
        for (; p < end && sent < due; sent++) {
            const char *next = end_of_line(p, (size_t)(end - p));
            print_token(p, (size_t)(next - p), now);
            p = next;
        }
        tool_send(fd, from, (size_t)(p - from));
        wait_until(tick += 1000000);
    }
}

/* One line each pause, by the clock: a line that took long does not delay those after it. */
static void send_lines(int fd, const char *p, size_t n, uint64_t pause_us)
{
    uint64_t due = tool_nanos();
    while (n) {
        size_t length = (size_t)(end_of_line(p, n) - p);
        print_token(p, length, tool_nanos());
        tool_send(fd, p, length);
        wait_until(due += pause_us * 1000);
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
        fprintf(stderr, "usage: feed PORT FILE [PAUSE_US | RATE/s]\n");
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
        size_t digits = strcspn(argv[3], "/");
        bool rate = strcmp(argv[3] + digits, "/s") == 0;
        if (rate)
            argv[3][digits] = '\0';
        (rate ? send_at_rate : send_lines)(fd, bytes, n, (uint64_t)tool_number(argv[3]));
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
