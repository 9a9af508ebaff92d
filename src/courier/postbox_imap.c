#include "courier/postbox_private.h"

#include <assert.h>
#include <stdlib.h>

struct postbox_imap {
    struct postbox *postbox;
    struct loop_timer *timer;
};

static void on_timer(void *arg)
{
    struct postbox_imap *imap = arg;
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "use a Maildir", "IMAP mailboxes cannot be read yet");
    postbox_set_trouble(imap->postbox, &err);
}

struct postbox_imap *postbox_imap_new(struct postbox *postbox)
{
    struct postbox_imap *imap = calloc(1, sizeof *imap);
    assert(imap);
    imap->postbox = postbox;
    imap->timer = loop_timer_new(postbox->setup.loop, on_timer, imap);
    loop_timer_set(imap->timer, 0);
    return imap;
}

void postbox_imap_expect(struct postbox_imap *imap, nanos until)
{
    (void)imap;
    (void)until;
}

void postbox_imap_free(struct postbox_imap *imap)
{
    if (!imap)
        return;
    loop_timer_free(imap->timer);
    free(imap);
}
