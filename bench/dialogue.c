/* The floor under "event to the gateway's 250": one fdatasync of 512 bytes, then one mail on an open
 * connection, by hand and pipelined. Prints p50 and p99 of both together in microseconds.
 *
 * usage: dialogue PORT FOLDER COUNT PAUSE_US */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BODY = 4096 };

static double microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int connect_to(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        perror("dialogue: connect");
        exit(1);
    }
    return fd;
}

/* Reads until as many final reply lines ("NNN text") as asked for have come. */
static void expect(int fd, int replies)
{
    char in[4096];
    size_t have = 0;
    while (replies > 0) {
        ssize_t n = recv(fd, in + have, sizeof in - have - 1, 0);
        if (n <= 0)
            exit(1);
        have += (size_t)n;
        for (char *end; (end = memchr(in, '\n', have));
             have -= (size_t)(end + 1 - in), memmove(in, end + 1, have))
            replies -= in[3] == ' ';
    }
}

static void say(int fd, const char *text, size_t n)
{
    if (send(fd, text, n, MSG_NOSIGNAL) != (ssize_t)n)
        exit(1);
}

static void send_mail(int fd)
{
    static const char envelope[] = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n";
    static char body[BODY + 8];
    say(fd, envelope, sizeof envelope - 1);
    expect(fd, 3);
    for (int i = 0; i < BODY; i += 64)
        memcpy(body + i, "01234567890123456789012345678901234567890123456789012345678901\r\n", 64);
    memcpy(body + BODY, ".\r\n", 3);
    say(fd, body, BODY + 3);
    expect(fd, 1);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: dialogue PORT FOLDER COUNT PAUSE_US\n");
        return 64;
    }
    char path[4096], record[512] = "";
    int count = (int)strtol(argv[3], NULL, 10), pause = (int)strtol(argv[4], NULL, 10);
    snprintf(path, sizeof path, "%s/floor", argv[2]);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600),
        fd = connect_to((int)strtol(argv[1], NULL, 10));
    double *took = calloc((size_t)count, sizeof *took);
    expect(fd, 1);
    say(fd, "EHLO floor.example\r\n", 20);
    expect(fd, 1);
    for (int i = 0; i < count; i++) {
        usleep((useconds_t)pause);
        double start = microseconds();
        if (write(file, record, sizeof record) < 0 || fdatasync(file) < 0)
            return 1;
        send_mail(fd);
        took[i] = microseconds() - start;
    }
    qsort(took, (size_t)count, sizeof *took, by_size);
    printf("{\"p50_us\": %.0f, \"p99_us\": %.0f}\n", took[count / 2], took[count * 99 / 100]);
    unlink(path);
    free(took);
    return 0;
}
