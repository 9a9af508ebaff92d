/* Looks into a folder of an IMAP server (RFC 3501) on the loop: verified TLS, no name resolution, no threads.
 * libcurl does the talking. */
#ifndef VEDETTE_IO_IMAP_H
#define VEDETTE_IO_IMAP_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"
#include "io/loop.h"
#include "wire/smtp_client.h"

struct imap_look;

enum {
    IMAP_MAILS_MAX = 256,             /* in one look; max_mails above counts as this */
    IMAP_MAIL_BYTES_MAX = 1024 * 1024 /* bytes_max above counts as this */
};

/* All is copied. The secret is wiped when the look ends; libcurl makes copies of its own that it frees
 * without wiping, and this cannot be helped. */
struct imap_request {
    const char *address;         /* "192.0.2.30:993", "[2001:db8::1]:143" */
    enum smtp_security security; /* STARTTLS is required when named; NONE only for loopback addresses */
    const char *verify_name;     /* the name the certificate must bear; NULL: its address */
    const char *ca_file;         /* PEM; NULL: the system's authorities */
    const char *username;
    sv secret;
    const char *folder;    /* "INBOX", "Junk" */
    uint32_t after_uid;    /* only mails above it; 0: none seen yet */
    uint32_t uid_validity; /* that after_uid belongs to; 0: unknown. With another validity all are new */
    nanos since;           /* only mails whose INTERNALDATE is not before it; 0: all */
    size_t max_mails;      /* the newest of them; 0 counts as IMAP_MAILS_MAX */
    size_t bytes_max;      /* of each mail; what is longer is cut; 0 counts as IMAP_MAIL_BYTES_MAX */
    nanos timeout;         /* for each step (login and search; each mail); 0: 30 seconds */
};

/* How far it came. */
enum imap_end {
    IMAP_DONE,
    IMAP_UNREACHABLE,   /* nobody answers there, or not in time, or the connection broke */
    IMAP_NO_TLS,        /* it does not offer STARTTLS, or the handshake failed */
    IMAP_UNTRUSTED,     /* its certificate is not the one it must have */
    IMAP_LOGIN_REFUSED, /* account or secret are wrong */
    IMAP_NO_FOLDER,     /* the folder is not there */
    IMAP_BROKEN,        /* it answers something that cannot be used */
    IMAP_OURS,          /* the request, or a CA file that cannot be read */
};

struct imap_result {
    enum imap_end end;
    uint32_t uid_validity; /* 0: not told */
    uint32_t highest_uid;  /* of the mails given, or after_uid when it still counts */
};

struct imap_handler {
    /* A mail, oldest first; content is valid until this returns. at: INTERNALDATE, in whole seconds. Reading
     * marks it as seen on the server. */
    void (*mail)(void *arg, uint32_t uid, sv content, nanos at);
    /* Once, at last; err is NULL with IMAP_DONE. The look is gone by then. */
    void (*done)(void *arg, const struct imap_result *result, const struct err *err);
};

/* Logs in, selects the folder, fetches what is new, ends. No callback before this returns; a request that
 * cannot be made is told by done with IMAP_OURS. http_global_init must have been called before the process
 * entered its sandbox. */
struct imap_look *imap_look(struct loop *loop, const struct imap_request *request,
                            const struct imap_handler *handler, void *arg);

/* No callback any more. NULL is fine; not after done. May be called from mail. */
void imap_look_cancel(struct imap_look *look);

#endif
