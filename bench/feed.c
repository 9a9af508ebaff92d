/* Sends lines to a TCP syslog port, as fast as the other side takes them or one at a time with a pause.
 *
 * usage: feed PORT FILE            the whole file; prints when the first and the last byte went
 * (CLOCK_MONOTONIC) feed PORT FILE PAUSE_US   line by line; prints "NANOSECONDS TOKEN" for each line that has
 * a probe-… token */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 * 1024 };

static unsigned long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000000000U + (unsigned long long)t.tv_nsec;
}

static void send_all(int fd, const char *p, size_t n)
{
    while (n) {
        ssize_t sent = send(fd, p, n < CHUNK ? n : CHUNK, MSG_NOSIGNAL);
        if (sent <= 0) {
            perror("feed: send");
            exit(1);
        }
        p += sent;
        n -= (size_t)sent;
    }
}

static void send_lines(int fd, const char *p, size_t n, useconds_t pause)
{
    while (n) {
        const char *newline = memchr(p, '\n', n), *token;
        size_t length = newline ? (size_t)(newline - p) + 1 : n;
        token = memmem(p, length, "probe-", 6);
        unsigned long long at = now();
        send_all(fd, p, length);
        if (token)
            printf("%llu %.*s\n", at, (int)strspn(token, "probe-0123456789"), token);
        usleep(pause);
        p += length;
        n -= length;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: feed PORT FILE [PAUSE_US]\n");
        return 64;
    }
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtol(argv[1], NULL, 10)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct stat info;
    int on = 1, file = open(argv[2], O_RDONLY | O_CLOEXEC),
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file < 0 || fstat(file, &info) < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("feed");
        return 1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const char *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    unsigned long long start = now();
    if (argc > 3)
        send_lines(fd, bytes, (size_t)info.st_size, (useconds_t)strtol(argv[3], NULL, 10));
    else {
        send_all(fd, bytes, (size_t)info.st_size);
        printf("%llu %llu\n", start, now());
    }
    shutdown(fd, SHUT_WR);
    char byte;
    while (recv(fd, &byte, 1, 0) > 0)
        continue;
    return 0;
}
