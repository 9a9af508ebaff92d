#include "secret/checker.h"

#include "base/cstr.h"
#include "secret/account_key.h"
#include "secret/secret.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { END_SECONDS_MAX = 2 };

struct check {
    struct check *next;
    struct secret *key, *password;
    char *service, *directory, *user, *client_ip; /* service NULL: against the key */
    checker_fn *fn;
    void *arg;
    enum pam_verdict verdict;
    char why[CHECKER_WHY_MAX];
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
    free(check->service);
    free(check->directory);
    free(check->user);
    free(check->client_ip);
    free(check);
}

static void perform(struct check *check)
{
    const struct pam_question question = {.service = check->service,
                                          .directory = check->directory,
                                          .user = check->user,
                                          .client_ip = check->client_ip,
                                          .password = secret_reveal(check->password)};
    if (check->service)
        check->verdict = pam_check(&question, check->why, sizeof check->why);
    else if (account_key_fits(secret_reveal(check->key), question.password))
        check->verdict = PAM_VERDICT_FITS;
    else
        check->verdict = PAM_VERDICT_REFUSED;
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
        perform(check);
        pthread_mutex_lock(&checker->mutex);
        append(&checker->checked, check);
        if (!checker->closing) /* later the loop may be gone */
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
        check->fn(check->arg, check->verdict, check->why);
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
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += END_SECONDS_MAX;
    if (pthread_timedjoin_np(checker->thread, NULL, &until) != 0)
        return; /* the thread still uses all of it */
    for (struct check *check; (check = take(&checker->asked)) || (check = take(&checker->checked));)
        check_free(check);
    loop_wake_free(checker->wake);
    pthread_cond_destroy(&checker->changed);
    pthread_mutex_destroy(&checker->mutex);
    free(checker);
}

/* Takes over what check points to. */
static bool ask(struct checker *checker, const struct check *asked)
{
    struct check *check = malloc(sizeof *check);
    assert(check);
    *check = *asked;
    pthread_mutex_lock(&checker->mutex);
    bool room = checker->count < checker->max;
    if (room) {
        append(&checker->asked, check);
        checker->count++;
        pthread_cond_signal(&checker->changed);
    }
    pthread_mutex_unlock(&checker->mutex);
    if (!room)
        check_free(check);
    return room;
}

bool checker_ask(struct checker *checker, sv key, sv password, checker_fn *fn, void *arg)
{
    return ask(checker, &(struct check){
                            .key = secret_new(key), .password = secret_new(password), .fn = fn, .arg = arg});
}

bool checker_ask_pam(struct checker *checker, const struct pam_question *question, checker_fn *fn, void *arg)
{
    return ask(checker, &(struct check){.password = secret_new(question->password),
                                        .service = cstr_copy(question->service),
                                        .directory = cstr_copy(question->directory),
                                        .user = cstr_copy(question->user),
                                        .client_ip = cstr_copy(question->client_ip),
                                        .fn = fn,
                                        .arg = arg});
}

bool checker_drop(struct checker *checker, const void *arg)
{
    struct check *found = NULL;
    struct list kept = {.end = &kept.first};
    pthread_mutex_lock(&checker->mutex);
    for (struct check *check; (check = take(&checker->asked));)
        if (check->arg == arg)
            found = check;
        else
            append(&kept, check);
    checker->asked = kept;
    if (!kept.first)
        checker->asked.end = &checker->asked.first;
    checker->count -= found != NULL;
    pthread_mutex_unlock(&checker->mutex);
    if (found)
        check_free(found);
    return found != NULL;
}
