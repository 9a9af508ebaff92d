/* The two kinds of mailbox behind courier/postbox.h. */
#ifndef VEDETTE_COURIER_POSTBOX_PRIVATE_H
#define VEDETTE_COURIER_POSTBOX_PRIVATE_H

#include "courier/postbox.h"

/* Mails that came longer ago are not given. */
#define POSTBOX_LOOK_BACK (24 * 3600 * NANOS_PER_SECOND)

struct postbox {
    struct postbox_setup setup;
    struct postbox_handler handler;
    void *arg;
    char trouble[400];               /* the cause that was told last; empty: it can be read */
    struct postbox_maildir *maildir; /* one of the two */
    struct postbox_imap *imap;
};

void postbox_give(struct postbox *postbox, const struct postbox_mail *mail);

/* err NULL: it can be read. Tells only what is new; another cause is. */
void postbox_set_trouble(struct postbox *postbox, const struct err *err);

struct postbox_maildir *postbox_maildir_new(struct postbox *postbox);
void postbox_maildir_free(struct postbox_maildir *maildir); /* NULL is fine */

struct postbox_imap *postbox_imap_new(struct postbox *postbox);
void postbox_imap_expect(struct postbox_imap *imap, nanos until);
void postbox_imap_free(struct postbox_imap *imap); /* NULL is fine */

#endif
