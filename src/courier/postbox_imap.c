/* A mailbox by IMAP and its junk folder, looked at one after the other. */
#include "courier/postbox_private.h"

#include "io/imap.h"

#include <assert.h>
#include <stdlib.h>

static const nanos LOOK_IDLE = 300 * NANOS_PER_SECOND;
static const nanos LOOK_AGAIN = 30 * NANOS_PER_SECOND; /* after a look that failed */

/* How far a folder has been read. */
struct place {
    const char *folder;
    uint32_t uid, validity;
};

enum { PLACES = 2, JUNK = 1 };

struct postbox_imap {
    struct postbox *postbox;
    struct loop_timer *timer;
    struct imap_look *look; /* under way at places[at] */
    bool asking;            /* the keeper, for the password */
    struct place places[PLACES];
    size_t place_count, at;
    nanos expected_until;
};

static void set_timer(struct postbox_imap *imap)
{
    bool expected = imap->expected_until > loop_now(), failed = imap->postbox->trouble[0] != '\0';
    loop_timer_set(imap->timer, expected ? imap->postbox->setup.box->every : failed ? LOOK_AGAIN : LOOK_IDLE);
}

static void on_mail(void *arg, uint32_t uid, sv content, nanos at)
{
    struct postbox_imap *imap = arg;
    nanos now = loop_now();
    (void)uid;
    postbox_give(imap->postbox, &(struct postbox_mail){.folder = sv_of(imap->places[imap->at].folder),
                                                       .junk = imap->at == JUNK,
                                                       .at = at && at < now ? at : now,
                                                       .content = content});
}

static void ask(struct postbox_imap *imap);

/* There need not be a junk folder. */
static void on_done(void *arg, const struct imap_result *result, const struct err *err)
{
    struct postbox_imap *imap = arg;
    struct place *place = &imap->places[imap->at];
    bool fine = result->end == IMAP_DONE || (imap->at == JUNK && result->end == IMAP_NO_FOLDER);
    imap->look = NULL;
    if (result->end == IMAP_DONE) {
        place->uid = result->highest_uid;
        place->validity = result->uid_validity;
    }
    if (fine && ++imap->at < imap->place_count) {
        ask(imap);
        return;
    }
    postbox_set_trouble(imap->postbox, fine ? NULL : err);
    set_timer(imap);
}

static void on_secret(void *arg, const struct secret *secret, const struct err *err)
{
    static const struct imap_handler HANDLER = {on_mail, on_done};
    struct postbox_imap *imap = arg;
    const struct config_postbox *box = imap->postbox->setup.box;
    const struct place *place = &imap->places[imap->at];
    imap->asking = false;
    if (!secret) {
        postbox_set_trouble(imap->postbox, err);
        set_timer(imap);
        return;
    }
    const struct imap_request request = {
        .address = box->imap,
        .security = box->security,
        .verify_name = box->verify_name,
        .ca_file = box->ca_file,
        .username = box->username ? box->username : "",
        .secret = secret_reveal(secret),
        .folder = place->folder,
        .after_uid = place->uid,
        .uid_validity = place->validity,
        .since = loop_now() - POSTBOX_LOOK_BACK,
        .bytes_max = POSTBOX_MAIL_BYTES_MAX,
    };
    imap->look = imap_look(imap->postbox->setup.loop, &request, &HANDLER, imap);
}

static void ask(struct postbox_imap *imap)
{
    const struct postbox_setup *setup = &imap->postbox->setup;
    struct err err;
    if (!setup->keeper || !setup->box->password) {
        err_set(&err, ERR_CONFIG, "name it as password: secret:PROVIDER/NAME", "no password for %s",
                setup->box->imap);
        postbox_set_trouble(imap->postbox, &err);
        return;
    }
    imap->asking = true;
    keeper_client_get(setup->keeper, setup->box->password, on_secret, imap);
}

static void on_timer(void *arg)
{
    struct postbox_imap *imap = arg;
    imap->at = 0;
    ask(imap);
}

struct postbox_imap *postbox_imap_new(struct postbox *postbox)
{
    struct postbox_imap *imap = calloc(1, sizeof *imap);
    const struct config_postbox *box = postbox->setup.box;
    assert(imap);
    imap->postbox = postbox;
    imap->places[imap->place_count++].folder = box->folder ? box->folder : "INBOX";
    if (box->junk && strcmp(box->junk, imap->places[0].folder) != 0)
        imap->places[imap->place_count++].folder = box->junk;
    imap->timer = loop_timer_new(postbox->setup.loop, on_timer, imap);
    loop_timer_set(imap->timer, 0);
    return imap;
}

void postbox_imap_expect(struct postbox_imap *imap, nanos until)
{
    bool idle = imap->expected_until <= loop_now();
    if (until > imap->expected_until)
        imap->expected_until = until;
    if (idle && !imap->look && !imap->asking)
        loop_timer_set(imap->timer, 0);
}

void postbox_imap_free(struct postbox_imap *imap)
{
    if (!imap)
        return;
    if (imap->asking)
        keeper_client_forget(imap->postbox->setup.keeper, imap);
    imap_look_cancel(imap->look);
    loop_timer_free(imap->timer);
    free(imap);
}
