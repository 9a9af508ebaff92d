/* The floor under "event to the gateway's 250": one fdatasync of 512 bytes, then one mail on an open
 * connection, by hand and pipelined. Prints one line a mail: how long both took together, in microseconds.
 *
 * usage: dialogue PORT FOLDER COUNT PAUSE_US MAIL_BYTES */
#include "tool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LINE = 64, MAIL_BYTES_MAX = 1024 * 1024, RECORD = 512 };

struct replies {
    char bytes[4096];
    size_t have;
};

/* Reads until as many final reply lines ("NNN text") as asked for have come. */
static void expect(int fd, struct replies *in, int finals)
{
    while (finals > 0) {
        ssize_t n = recv(fd, in->bytes + in->have, sizeof in->bytes - in->have, 0);
        if (n <= 0) {
            fprintf(stderr, "dialogue: the sink has gone\n");
            exit(1);
        }
        in->have += (size_t)n;
        for (char *end; (end = memchr(in->bytes, '\n', in->have));) {
            size_t used = (size_t)(end + 1 - in->bytes);
            finals -= used > 3 && in->bytes[3] == ' ';
            in->have -= used;
            memmove(in->bytes, end + 1, in->have);
        }
    }
}

static size_t make_mail(char *mail, size_t bytes)
{
    size_t n = 0;
    for (; n + LINE <= bytes; n += LINE) {
        memset(mail + n, 'x', LINE - 2);
        memcpy(mail + n + LINE - 2, "\r\n", 2);
    }
    memcpy(mail + n, ".\r\n", 3);
    return n + 3;
}

static void send_mail(int fd, struct replies *in, const char *mail, size_t n)
{
    static const char envelope[] = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n";
    tool_send(fd, envelope, sizeof envelope - 1);
    expect(fd, in, 3);
    tool_send(fd, mail, n);
    expect(fd, in, 1);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: dialogue PORT FOLDER COUNT PAUSE_US MAIL_BYTES\n");
        return 64;
    }
    static char mail[MAIL_BYTES_MAX + LINE];
    static const char record[RECORD], hello[] = "EHLO floor.example\r\n";
    struct replies in = {.have = 0};
    char path[4096];
    int count = tool_number(argv[3]), pause = tool_number(argv[4]), bytes = tool_number(argv[5]);
    size_t n = make_mail(mail, bytes < MAIL_BYTES_MAX ? (size_t)bytes : MAIL_BYTES_MAX);
    snprintf(path, sizeof path, "%s/floor", argv[2]);
    int file = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600),
        fd = tool_connect(tool_number(argv[1]));
    expect(fd, &in, 1);
    tool_send(fd, hello, sizeof hello - 1);
    expect(fd, &in, 1);
    for (int i = 0; i < count; i++) {
        usleep((useconds_t)pause);
        uint64_t start = tool_nanos();
        if (write(file, record, sizeof record) < 0 || fdatasync(file) < 0) {
            perror("dialogue");
            return 1;
        }
        send_mail(fd, &in, mail, n);
        printf("%.1f\n", (double)(tool_nanos() - start) / 1e3);
    }
    close(file);
    unlink(path);
    return 0;
}
