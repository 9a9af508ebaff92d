#include "gateway/quotas.h"

#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

/* What a crash may forget. A disk is asked to sync no more often than that. */
#define SAVE_EVERY (5 * NANOS_PER_SECOND)

static const char file_name[] = "quotas";

struct quotas {
    struct limits *limits;
    struct loop_timer *timer;
    int folder;
    bool failing; /* said already */
};

static void save(struct quotas *quotas)
{
    struct err err = {.class = ERR_NONE};
    if (!limits_changed(quotas->limits) || quotas->folder < 0)
        return;
    int outcome = limits_save(quotas->limits, quotas->folder, file_name, &err);
    if (outcome < 0 && !quotas->failing)
        LOG_ERROR("quotas cannot be written: a restart would forget what was used", LOG_ERR(&err));
    quotas->failing = outcome < 0;
}

static void on_timer(void *arg)
{
    struct quotas *quotas = arg;
    save(quotas);
    loop_timer_set(quotas->timer, SAVE_EVERY);
}

static struct limits *make_limits(void)
{
    uint8_t secret[LIMITS_KEY_BYTES];
    ssize_t got = getrandom(secret, sizeof secret, 0);
    assert(got == sizeof secret);
    return limits_new(secret);
}

struct quotas *quotas_open(struct loop *loop, const char *folder)
{
    char path[4096 + sizeof file_name];
    struct err err = {.class = ERR_NONE};
    struct quotas *quotas = calloc(1, sizeof *quotas);
    assert(quotas);
    quotas->limits = make_limits();
    quotas->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/%s", folder, file_name);
    if (quotas->folder < 0)
        LOG_ERROR("quotas are not kept", LOG_STR("folder", folder), LOG_INT("errno", errno));
    else if (limits_load(quotas->limits, path, &err) < 0)
        LOG_ERROR("quotas cannot be read", LOG_ERR(&err));
    quotas->timer = loop_timer_new(loop, on_timer, quotas);
    loop_timer_set(quotas->timer, SAVE_EVERY);
    return quotas;
}

struct limits *quotas_limits(struct quotas *quotas)
{
    return quotas->limits;
}

void quotas_close(struct quotas *quotas)
{
    if (!quotas)
        return;
    save(quotas);
    loop_timer_free(quotas->timer);
    if (quotas->folder >= 0)
        close(quotas->folder);
    limits_free(quotas->limits);
    free(quotas);
}
