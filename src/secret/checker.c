#include "secret/checker.h"

#include "secret/account_key.h"
#include "secret/secret.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

struct check {
    struct check *next;
    struct secret *key, *password;
    checker_fn *fn;
    void *arg;
    bool fits;
};

struct list {
    struct check *first, **end;
};

struct checker {
    struct loop_wake *wake;
    pthread_t thread;
    pthread_mutex_t mutex; /* over all below */
    pthread_cond_t changed;
    struct list asked, checked;
    size_t count, max;
    bool closing;
};

static void append(struct list *list, struct check *check)
{
    check->next = NULL;
    *list->end = check;
    list->end = &check->next;
}

static struct check *take(struct list *list)
{
    struct check *check = list->first;
    if (!check)
        return NULL;
    list->first = check->next;
    if (!list->first)
        list->end = &list->first;
    return check;
}

static void check_free(struct check *check)
{
    secret_free(check->key);
    secret_free(check->password);
    free(check);
}

static void *work(void *arg)
{
    struct checker *checker = arg;
    pthread_mutex_lock(&checker->mutex);
    while (!checker->closing) {
        struct check *check = take(&checker->asked);
        if (!check) {
            pthread_cond_wait(&checker->changed, &checker->mutex);
            continue;
        }
        pthread_mutex_unlock(&checker->mutex);
        check->fits = account_key_fits(secret_reveal(check->key), secret_reveal(check->password));
        pthread_mutex_lock(&checker->mutex);
        append(&checker->checked, check);
        loop_wake_up(checker->wake);
    }
    pthread_mutex_unlock(&checker->mutex);
    return NULL;
}

static struct check *take_checked(struct checker *checker)
{
    pthread_mutex_lock(&checker->mutex);
    struct check *check = take(&checker->checked);
    checker->count -= check != NULL;
    pthread_mutex_unlock(&checker->mutex);
    return check;
}

static void on_wake(void *arg)
{
    struct checker *checker = arg;
    for (struct check *check; (check = take_checked(checker));) {
        check->fn(check->arg, check->fits);
        check_free(check);
    }
}

struct checker *checker_new(struct loop *loop, size_t checks_max)
{
    struct checker *checker = calloc(1, sizeof *checker);
    assert(checker);
    checker->max = checks_max;
    checker->asked.end = &checker->asked.first;
    checker->checked.end = &checker->checked.first;
    checker->wake = loop_wake_new(loop, on_wake, checker);
    pthread_mutex_init(&checker->mutex, NULL);
    pthread_cond_init(&checker->changed, NULL);
    sigset_t all, before; /* signals are the loop's */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&checker->thread, NULL, work, checker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert(!failed);
    return checker;
}

void checker_free(struct checker *checker)
{
    if (!checker)
        return;
    pthread_mutex_lock(&checker->mutex);
    checker->closing = true;
    pthread_cond_signal(&checker->changed);
    pthread_mutex_unlock(&checker->mutex);
    pthread_join(checker->thread, NULL);
    for (struct check *check; (check = take(&checker->asked)) || (check = take(&checker->checked));)
        check_free(check);
    loop_wake_free(checker->wake);
    pthread_cond_destroy(&checker->changed);
    pthread_mutex_destroy(&checker->mutex);
    free(checker);
}

bool checker_ask(struct checker *checker, sv key, sv password, checker_fn *fn, void *arg)
{
    pthread_mutex_lock(&checker->mutex);
    bool room = checker->count < checker->max;
    if (room) {
        struct check *check = calloc(1, sizeof *check);
        assert(check);
        *check =
            (struct check){.key = secret_new(key), .password = secret_new(password), .fn = fn, .arg = arg};
        append(&checker->asked, check);
        checker->count++;
        pthread_cond_signal(&checker->changed);
    }
    pthread_mutex_unlock(&checker->mutex);
    return room;
}
