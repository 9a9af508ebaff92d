#include "courier/testing_peer.h"

#include "courier/message_id.h"

#include <assert.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONTENT_MAX = 4 * 1024 * 1024 };

static void say(struct peer_session *session, const char *line)
{
    stream_write(session->stream, sv_of(line));
    stream_write(session->stream, SV("\r\n"));
}

static void drop(struct peer_session *session)
{
    stream_close(session->stream);
    buf_free(&session->content);
    session->stream = NULL;
    session->peer->open--;
}

/* Counts down; true while there is something left. */
static bool due(int *count)
{
    return *count > 0 && (*count)-- > 0;
}

static void copy_field(sv content, const char *name, char *to, size_t cap)
{
    size_t at = sv_ifind(content, sv_of(name));
    to[0] = '\0';
    if (at == SV_NPOS)
        return;
    sv rest = sv_from(content, at + strlen(name));
    sv_copy(to, cap, sv_trim(sv_split(&rest, '\r')));
}

static void take_mail(struct peer_session *session)
{
    struct peer *peer = session->peer;
    sv content = buf_view(&session->content);
    assert(peer->mail_count < PEER_MAILS_MAX);
    struct peer_mail *mail = &peer->mails[peer->mail_count++];
    sv_copy(mail->message_id, sizeof mail->message_id, message_id_find(content));
    sv_copy(mail->sender, sizeof mail->sender, sv_of(session->sender));
    copy_field(content, "\r\nSubject: ", mail->subject, sizeof mail->subject);
    mail->recipients = session->accepted;
    if (peer->on_mail)
        peer->on_mail(peer, mail);
}

static void on_dot(struct peer_session *session)
{
    struct peer *peer = session->peer;
    char line[64];
    session->data = false;
    if (peer->deaf_at_dot)
        return;
    take_mail(session);
    if (due(&peer->drop_after_dot)) {
        drop(session);
        return;
    }
    snprintf(line, sizeof line, "250 2.0.0 Ok: queued as Q%05d", peer->mail_count);
    say(session, line);
}

static void on_mail(struct peer_session *session, sv line)
{
    struct peer *peer = session->peer;
    peer->mails_begun++;
    session->recipients = session->accepted = 0;
    buf_clear(&session->content);
    sv rest = sv_from(line, sizeof "MAIL FROM:<" - 1);
    sv_copy(session->sender, sizeof session->sender, sv_split(&rest, '>'));
    session->mailed = false;
    if (due(&peer->drop_at_mail)) {
        drop(session);
    } else if (due(&peer->mail_451)) {
        say(session, "451 4.3.0 try again later");
    } else if (peer->login && !session->logged_in) {
        say(session, "530 5.7.0 Authentication required");
    } else if (peer->refuse_sender) {
        say(session, peer->refuse_sender);
    } else {
        session->mailed = true;
        say(session, "250 2.1.0 Ok");
    }
}

static void on_rcpt(struct peer_session *session, sv line)
{
    const char *refuse = session->peer->refuse;
    session->recipients++;
    if (!session->mailed) {
        say(session, "503 5.5.1 MAIL first");
        return;
    }
    if (refuse && sv_find(line, sv_of(refuse)) != SV_NPOS) {
        say(session, "550 5.1.1 User unknown");
        return;
    }
    session->accepted++;
    say(session, "250 2.1.5 Ok");
}

static void say_offer(struct peer_session *session)
{
    const struct peer *peer = session->peer;
    say(session, "250-peer.example.org\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME");
    if (peer->tls && !session->secured)
        say(session, "250-STARTTLS");
    if (peer->login && session->secured)
        say(session, "250-AUTH PLAIN");
    say(session, "250 ENHANCEDSTATUSCODES");
}

/* A gateway that repeats what it was told, as some do. */
static void on_auth(struct peer_session *session, sv response)
{
    char line[512];
    session->logged_in = session->peer->login && sv_eq(response, sv_of(session->peer->login));
    snprintf(line, sizeof line, session->logged_in ? "235 2.7.0 ok" : "535 5.7.8 bad login: %.*s",
             SV_ARG(response));
    say(session, line);
}

static void on_line(struct peer_session *session, sv line)
{
    struct peer *peer = session->peer;
    if (session->data) {
        if (sv_eq(line, SV("."))) {
            on_dot(session);
        } else {
            buf_put(&session->content, line);
            buf_put(&session->content, SV("\r\n"));
        }
    } else if (sv_istarts(line, SV("EHLO"))) {
        say_offer(session);
    } else if (sv_istarts(line, SV("STARTTLS")) && peer->tls) {
        say(session, "220 2.0.0 go on");
        stream_secure_server(session->stream, peer->tls);
        session->secured = true;
    } else if (sv_istarts(line, SV("AUTH PLAIN "))) {
        on_auth(session, sv_from(line, sizeof "AUTH PLAIN " - 1));
    } else if (sv_istarts(line, SV("MAIL"))) {
        on_mail(session, line);
    } else if (sv_istarts(line, SV("RCPT"))) {
        on_rcpt(session, line);
    } else if (sv_istarts(line, SV("DATA"))) {
        if (due(&peer->drop_at_data)) {
            drop(session);
        } else if (session->accepted == 0) {
            say(session, "554 5.5.1 no valid recipients");
        } else {
            session->data = true;
            say(session, "354 go on");
        }
    } else if (sv_istarts(line, SV("QUIT"))) {
        say(session, "221 2.0.0 bye");
    } else {
        say(session, "250 2.0.0 Ok");
    }
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct peer_session *session = arg;
    (void)err;
    if (event == STREAM_EOF || event == STREAM_FAILED) {
        drop(session);
        return;
    }
    while (event == STREAM_DATA && session->stream) {
        sv in = stream_input(stream);
        size_t end = sv_find(in, SV("\r\n"));
        if (end == SV_NPOS)
            return;
        char line[2048];
        sv_copy(line, sizeof line, sv_first(in, end));
        stream_consume(stream, end + 2);
        if (!session->peer->deaf)
            on_line(session, sv_of(line));
    }
}

static void on_connection(void *arg, int listener, int ready)
{
    struct peer *peer = arg;
    (void)ready;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct peer_session *session = peer->sessions;
    while (session->stream)
        session++;
    assert(session < peer->sessions + PEER_SESSIONS_MAX);
    *session = (struct peer_session){.peer = peer, .content = BUF_INIT(CONTENT_MAX)};
    session->stream = stream_accepted(peer->loop, fd, on_stream, session);
    peer->connections++;
    peer->open++;
    if (peer->deaf)
        return;
    if (peer->sessions_most && peer->open > peer->sessions_most)
        say(session, "421 4.7.0 too many connections");
    else
        say(session, "220 peer.example.org ESMTP");
}

void peer_open(struct peer *peer, struct loop *loop, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    socklen_t length = sizeof address;
    int on = 1;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->loop = loop;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int failed = setsockopt(peer->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    failed |= bind(peer->listener, (struct sockaddr *)&address, length);
    failed |= listen(peer->listener, 64);
    failed |= getsockname(peer->listener, (struct sockaddr *)&address, &length);
    assert(!failed);
    peer->port = ntohs(address.sin_port);
    peer->readable = loop_fd_new(loop, peer->listener, on_connection, peer);
    loop_fd_want(peer->readable, LOOP_READ);
}

void peer_die(struct peer *peer)
{
    if (!peer->readable)
        return;
    loop_fd_free(peer->readable);
    peer->readable = NULL;
    close(peer->listener);
    for (size_t i = 0; i < PEER_SESSIONS_MAX; i++)
        if (peer->sessions[i].stream)
            drop(&peer->sessions[i]);
}
