/* Watches a mailbox that we read, a Maildir by inotify or one by IMAP, for mails that come into it. */
#ifndef VEDETTE_COURIER_POSTBOX_H
#define VEDETTE_COURIER_POSTBOX_H

#include "config/config.h"
#include "io/loop.h"
#include "secret/keeper.h"

struct postbox;

enum { POSTBOX_MAIL_BYTES_MAX = 1024 * 1024 }; /* a longer mail is given cut */

struct postbox_mail {
    sv folder; /* "INBOX", "Junk" … as the server or the Maildir calls it */
    bool junk; /* it lies in the configured junk folder */
    nanos at;  /* when it came into the mailbox: INTERNALDATE, or the file's time */
    sv content;
};

struct postbox_handler {
    /* A mail lies there; valid until this returns. The same one may come again, also in a later run. */
    void (*mail)(void *arg, const struct postbox_mail *mail);
    /* The mailbox cannot be read now (err), or can again (NULL). Told when that changes. */
    void (*trouble)(void *arg, const struct err *err);
};

/* What must outlive the postbox: loop, keeper (NULL is fine for a Maildir), box. */
struct postbox_setup {
    struct loop *loop;
    struct keeper_client *keeper;
    const struct config_postbox *box;
};

/* Gives the mails that came no longer than an hour ago, then each as it comes. */
struct postbox *postbox_new(const struct postbox_setup *setup, const struct postbox_handler *handler,
                            void *arg);

/* IMAP: something is waited for until then, so look every box->every (a first time at once); otherwise only
 * every five minutes. A Maildir is always watched. */
void postbox_expect(struct postbox *postbox, nanos until);

bool postbox_same(const struct config_postbox *a, const struct config_postbox *b);
void postbox_free(struct postbox *postbox); /* NULL is fine */

#endif
