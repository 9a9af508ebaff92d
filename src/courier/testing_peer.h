/* A gateway over loopback that misbehaves on purpose, on the courier's own loop. Not part of the program. */
#ifndef VEDETTE_COURIER_TESTING_PEER_H
#define VEDETTE_COURIER_TESTING_PEER_H

#include "base/buf.h"
#include "io/stream.h"

enum { PEER_SESSIONS_MAX = 64, PEER_MAILS_MAX = 4096 };

struct peer_session {
    struct peer *peer;
    struct stream *stream;
    bool secured, logged_in, mailed, data;
    int recipients, accepted;
    char sender[128];
    struct buf content;
};

struct peer_mail {
    char message_id[256], sender[128], subject[256];
    int recipients;
};

struct peer {
    struct loop *loop;
    int listener, port;
    struct loop_fd *readable;
    struct peer_session sessions[PEER_SESSIONS_MAX];

    /* How it behaves. */
    bool deaf;                 /* takes connections and never says a word */
    bool deaf_at_dot;          /* takes all and never answers the dot */
    int sessions_most;         /* more are told 421; 0: no limit */
    int mail_451;              /* so many MAILs are answered 451 */
    int drop_at_data;          /* so many sessions are closed when DATA comes */
    int drop_after_dot;        /* so many are closed when the dot came, the mail being taken */
    int drop_at_mail;          /* so many are closed when MAIL comes */
    const char *refuse;        /* 550 to a recipient that contains it */
    const char *refuse_sender; /* 550 to MAIL, whatever the sender */
    struct tls_context *tls;   /* offers STARTTLS */
    const char *login;         /* offers AUTH PLAIN inside TLS and takes this response in base64 only; MAIL
                                  needs it */

    /* What it saw. */
    int connections, open, mails_begun;
    struct peer_mail mails[PEER_MAILS_MAX]; /* answered 250, or taken before a drop */
    int mail_count;
    void (*on_mail)(struct peer *peer, const struct peer_mail *mail);
    void *arg;
};

/* Listens on a free port of 127.0.0.1, or on this one. */
void peer_open(struct peer *peer, struct loop *loop, int port);

/* Closes the listener and every session: a gateway that has died. */
void peer_die(struct peer *peer);

#endif
