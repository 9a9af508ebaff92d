/* Delivers into one Maildir on a thread of its own, so that its syncs hold up nobody. */
#include "gateway/maildir.h"
#include "gateway/relay_private.h"

#include "base/log.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { SLOTS = 16, HEAD_BYTES_MAX = 64 * 1024 };

struct slot {
    struct run *run;
    struct slot *next;
    maildrop_fn *done;
    void *arg;
    struct err err;
    bool busy;
};

struct maildrop {
    struct maildir *maildir;
    char *hostname;
    struct loop_wake *wake;
    struct slot slots[SLOTS];
    pthread_t thread;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t changed;
    struct slot *first, **end, *finished;
    bool closing;
};

/* Who sent it and to whom it is delivered, as the last system has to say (RFC 5321 §4.4). */
static void write_head(const struct run *run, struct buf *head)
{
    int failed = buf_printf(head, "Return-Path: <%.*s>\r\n", SV_ARG(run->envelope.said.sender));
    for (size_t i = 0; i < run->count; i++)
        failed |= buf_printf(head, "Delivered-To: %.*s\r\n",
                             SV_ARG(run->envelope.said.recipients[run->indexes[i]].address));
    assert(!failed);
}

static int deliver(struct maildrop *maildrop, const struct run *run, struct err *err)
{
    struct maildir_delivery *delivery = NULL;
    struct buf head = BUF_INIT(HEAD_BYTES_MAX);
    if (maildir_begin(maildrop->maildir, sv_of(run->errand->letter->id), sv_of(maildrop->hostname),
                      loop_now(), &delivery, err) < 0)
        return -1;
    write_head(run, &head);
    maildir_put(delivery, buf_view(&head));
    maildir_put(delivery, run->look.content);
    buf_free(&head);
    return maildir_publish(delivery, err);
}

static void *work(void *arg)
{
    struct maildrop *maildrop = arg;
    pthread_mutex_lock(&maildrop->mutex);
    for (;;) {
        while (!maildrop->first && !maildrop->closing)
            pthread_cond_wait(&maildrop->changed, &maildrop->mutex);
        struct slot *slot = maildrop->first;
        if (!slot)
            break;
        maildrop->first = slot->next;
        if (!maildrop->first)
            maildrop->end = &maildrop->first;
        pthread_mutex_unlock(&maildrop->mutex);
        slot->err = (struct err){.class = ERR_NONE};
        deliver(maildrop, slot->run, &slot->err);
        pthread_mutex_lock(&maildrop->mutex);
        slot->next = maildrop->finished;
        maildrop->finished = slot;
        loop_wake_up(maildrop->wake);
    }
    pthread_mutex_unlock(&maildrop->mutex);
    return NULL;
}

static void on_finished(void *arg)
{
    struct maildrop *maildrop = arg;
    pthread_mutex_lock(&maildrop->mutex);
    struct slot *slot = maildrop->finished;
    maildrop->finished = NULL;
    pthread_mutex_unlock(&maildrop->mutex);
    for (struct slot *next; slot; slot = next) {
        next = slot->next;
        slot->busy = false;
        slot->run->touched = slot->run->final = true;
        if (slot->err.class)
            run_set_open(slot->run, OUTCOME_LATER, slot->err.class == ERR_TEMPORARY ? "4.3.1" : "4.3.0",
                         sv_of(slot->err.cause));
        else
            run_set_open(slot->run, OUTCOME_SENT, "2.0.0", SV("delivered"));
        run_end(slot->run);
        slot->done(slot->arg);
    }
}

int maildrop_new(struct loop *loop, const char *path, const char *hostname, struct maildrop **ret,
                 struct err *err)
{
    struct maildir *maildir = NULL;
    if (maildir_open(path, loop_now(), &maildir, err) < 0)
        return -1;
    struct maildrop *maildrop = calloc(1, sizeof *maildrop);
    assert(maildrop);
    maildrop->maildir = maildir;
    maildrop->hostname = strdup(hostname);
    maildrop->wake = loop_wake_new(loop, on_finished, maildrop);
    maildrop->end = &maildrop->first;
    for (size_t i = 0; i < SLOTS; i++)
        maildrop->slots[i].run = run_new();
    pthread_mutex_init(&maildrop->mutex, NULL);
    pthread_cond_init(&maildrop->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&maildrop->thread, NULL, work, maildrop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(failed == 0);
    *ret = maildrop;
    return 0;
}

static struct slot *idle_slot(const struct maildrop *maildrop)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (!maildrop->slots[i].busy)
            return (struct slot *)(uintptr_t)&maildrop->slots[i];
    return NULL;
}

size_t maildrop_room(const struct maildrop *maildrop)
{
    return idle_slot(maildrop) != NULL;
}

bool maildrop_is_busy(const struct maildrop *maildrop)
{
    for (size_t i = 0; i < SLOTS; i++)
        if (maildrop->slots[i].busy)
            return true;
    return false;
}

struct run *maildrop_run(struct maildrop *maildrop)
{
    struct slot *slot = idle_slot(maildrop);
    assert(slot && "the caller looks for room first");
    return slot->run;
}

void maildrop_deliver(struct maildrop *maildrop, struct run *run, maildrop_fn *done, void *arg)
{
    struct slot *slot = idle_slot(maildrop);
    assert(slot && slot->run == run);
    slot->busy = true;
    slot->done = done;
    slot->arg = arg;
    slot->next = NULL;
    pthread_mutex_lock(&maildrop->mutex);
    *maildrop->end = slot;
    maildrop->end = &slot->next;
    pthread_cond_signal(&maildrop->changed);
    pthread_mutex_unlock(&maildrop->mutex);
}

void maildrop_free(struct maildrop *maildrop)
{
    if (!maildrop)
        return;
    pthread_mutex_lock(&maildrop->mutex);
    maildrop->closing = true;
    pthread_cond_signal(&maildrop->changed);
    pthread_mutex_unlock(&maildrop->mutex);
    pthread_join(maildrop->thread, NULL);
    on_finished(maildrop); /* what is delivered is not delivered again */
    loop_wake_free(maildrop->wake);
    for (size_t i = 0; i < SLOTS; i++)
        run_free(maildrop->slots[i].run);
    pthread_cond_destroy(&maildrop->changed);
    pthread_mutex_destroy(&maildrop->mutex);
    maildir_free(maildrop->maildir);
    free(maildrop->hostname);
    free(maildrop);
}
