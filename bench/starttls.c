/* Sends mails over STARTTLS as smtp-source sends them in the clear: one dialogue, step by step, on so many
 * connections at once. It verifies nobody, since it is there to keep a server busy.
 *
 * usage: starttls PORT SESSIONS MESSAGES BYTES each|resumed|reused
 *
 * each: a connection and a whole handshake for every mail; resumed: a connection for every mail, which goes
 * on with the TLS session of the one before; reused: all mails of a session over one connection. Prints how
 * many handshakes there were, and how many of them went on with an earlier session. */
#include "tool.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SESSIONS_MAX = 1000, MAIL_BYTES_MAX = 1024 * 1024, LINE = 72, REPLY_MAX = 4096 };

static struct {
    SSL_CTX *tls;
    int port;
    bool reused, resumed;
    char mail[MAIL_BYTES_MAX + 2 * LINE];
    size_t mail_bytes;
    atomic_int left, handshakes, resumptions;
} plan;

struct peer {
    int fd;
    SSL *ssl; /* NULL: in the clear */
    char in[REPLY_MAX];
    size_t have;
};

static void give_up(const char *what)
{
    fprintf(stderr, "starttls: %s\n", what);
    exit(1);
}

static void say(struct peer *peer, const char *bytes, size_t n)
{
    size_t written;
    if (!peer->ssl)
        tool_send(peer->fd, bytes, n);
    else if (SSL_write_ex(peer->ssl, bytes, n, &written) != 1)
        give_up("the server does not take what is written");
}

/* One whole reply, which must begin with that digit. */
static void expect(struct peer *peer, char digit)
{
    for (;;) {
        char *end;
        while ((end = memchr(peer->in, '\n', peer->have))) {
            bool last = end - peer->in > 3 && peer->in[3] == ' ';
            char first = peer->in[0];
            peer->have -= (size_t)(end + 1 - peer->in);
            memmove(peer->in, end + 1, peer->have);
            if (last && first != digit)
                give_up("another answer than was expected");
            if (last)
                return;
        }
        size_t room = sizeof peer->in - peer->have;
        int n = peer->ssl ? SSL_read(peer->ssl, peer->in + peer->have, (int)room)
                          : (int)recv(peer->fd, peer->in + peer->have, room, 0);
        if (n <= 0)
            give_up("the server has hung up");
        peer->have += (size_t)n;
    }
}

static void ask(struct peer *peer, const char *command, char digit)
{
    say(peer, command, strlen(command));
    expect(peer, digit);
}

static void secure(struct peer *peer, SSL_SESSION *earlier)
{
    peer->ssl = SSL_new(plan.tls);
    if (!peer->ssl || SSL_set_fd(peer->ssl, peer->fd) != 1)
        give_up("there can be no TLS");
    if (earlier)
        SSL_set_session(peer->ssl, earlier);
    if (SSL_connect(peer->ssl) != 1)
        give_up("the handshake failed");
    atomic_fetch_add(&plan.handshakes, 1);
    atomic_fetch_add(&plan.resumptions, SSL_session_reused(peer->ssl));
}

static void begin(struct peer *peer, SSL_SESSION *earlier)
{
    *peer = (struct peer){.fd = tool_connect(plan.port)};
    expect(peer, '2');
    ask(peer, "EHLO source.example\r\n", '2');
    ask(peer, "STARTTLS\r\n", '2');
    secure(peer, earlier);
    ask(peer, "EHLO source.example\r\n", '2');
}

static void send_mail(struct peer *peer)
{
    ask(peer, "MAIL FROM:<a@example.org>\r\n", '2');
    ask(peer, "RCPT TO:<b@example.net>\r\n", '2');
    ask(peer, "DATA\r\n", '3');
    say(peer, plan.mail, plan.mail_bytes);
    expect(peer, '2');
}

/* The session that the next connection may go on with, or NULL. */
static SSL_SESSION *end(struct peer *peer)
{
    ask(peer, "QUIT\r\n", '2');
    SSL_shutdown(peer->ssl);
    SSL_SESSION *session = plan.resumed ? SSL_get1_session(peer->ssl) : NULL;
    SSL_free(peer->ssl);
    close(peer->fd);
    return session;
}

static void *work(void *arg)
{
    struct peer peer = {.fd = -1};
    SSL_SESSION *session = NULL;
    (void)arg;
    while (atomic_fetch_sub(&plan.left, 1) > 0) {
        if (peer.fd < 0)
            begin(&peer, session);
        send_mail(&peer);
        if (plan.reused)
            continue;
        SSL_SESSION_free(session);
        session = end(&peer);
        peer.fd = -1;
    }
    if (peer.fd >= 0)
        end(&peer);
    SSL_SESSION_free(session);
    return NULL;
}

static size_t make_mail(char *mail, size_t bytes)
{
    size_t n = (size_t)snprintf(mail, LINE, "Subject: bench\r\n\r\n");
    for (; n + LINE <= bytes; n += LINE) {
        memset(mail + n, 'x', LINE - 2);
        memcpy(mail + n + LINE - 2, "\r\n", 2);
    }
    memcpy(mail + n, ".\r\n", 3);
    return n + 3;
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: starttls PORT SESSIONS MESSAGES BYTES each|resumed|reused\n");
        return 64;
    }
    int sessions = tool_number(argv[2]), messages = tool_number(argv[3]), bytes = tool_number(argv[4]);
    plan.port = tool_number(argv[1]);
    plan.left = messages;
    plan.reused = strcmp(argv[5], "reused") == 0;
    plan.resumed = strcmp(argv[5], "resumed") == 0;
    plan.mail_bytes = make_mail(plan.mail, bytes < MAIL_BYTES_MAX ? (size_t)bytes : MAIL_BYTES_MAX);
    plan.tls = SSL_CTX_new(TLS_client_method());
    pthread_t threads[SESSIONS_MAX];
    if (!plan.tls || sessions > SESSIONS_MAX)
        give_up("no TLS, or too many sessions");
    for (int i = 0; i < sessions; i++)
        if (pthread_create(&threads[i], NULL, work, NULL))
            give_up("there can be no thread");
    for (int i = 0; i < sessions; i++)
        pthread_join(threads[i], NULL);
    SSL_CTX_free(plan.tls);
    printf("%d %d\n", plan.handshakes, plan.resumptions);
    return 0;
}
