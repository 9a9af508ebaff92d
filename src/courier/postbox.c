#include "courier/postbox_private.h"

#include "base/cstr.h"

#include <assert.h>
#include <stdlib.h>

void postbox_give(struct postbox *postbox, const struct postbox_mail *mail)
{
    postbox->handler.mail(postbox->arg, mail);
}

void postbox_set_trouble(struct postbox *postbox, const struct err *err)
{
    const char *cause = err ? err->cause : "";
    if (strcmp(postbox->trouble, cause) == 0)
        return;
    sv_copy(postbox->trouble, sizeof postbox->trouble, sv_of(cause));
    postbox->handler.trouble(postbox->arg, err);
}

struct postbox *postbox_new(const struct postbox_setup *setup, const struct postbox_handler *handler,
                            void *arg)
{
    struct postbox *postbox = calloc(1, sizeof *postbox);
    assert(postbox && config_postbox_present(setup->box));
    *postbox = (struct postbox){.setup = *setup, .handler = *handler, .arg = arg};
    if (setup->box->maildir)
        postbox->maildir = postbox_maildir_new(postbox);
    else
        postbox->imap = postbox_imap_new(postbox);
    return postbox;
}

void postbox_expect(struct postbox *postbox, nanos until)
{
    if (postbox->imap)
        postbox_imap_expect(postbox->imap, until);
}

#define SAME_TEXT        cstr_same
#define SAME_VALUE(x, y) ((x) == (y))
#define SAME_PATH        SAME_TEXT
#define SAME_ENDPOINT    SAME_TEXT
#define SAME_SECURITY    SAME_VALUE
#define SAME_HOST        SAME_TEXT
#define SAME_STRING      SAME_TEXT
#define SAME_SECRET      SAME_TEXT
#define SAME_LENGTH      SAME_VALUE

#define SAME(key, type, default_text, help) &&SAME_##type(a->key, b->key)

bool postbox_same(const struct config_postbox *a, const struct config_postbox *b)
{
    return true CONFIG_POSTBOX(SAME);
}

void postbox_free(struct postbox *postbox)
{
    if (!postbox)
        return;
    postbox_maildir_free(postbox->maildir);
    postbox_imap_free(postbox->imap);
    free(postbox);
}
