#include "cmd/local_courier.h"

#include "base/log.h"
#include "cmd/local_keeper.h"
#include "io/http.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct local_courier {
    struct loop *loop;
    struct courier *courier;
    struct local_keeper *keeper;
    char folder[64];
    struct config config; /* a shallow copy, for one mail only: without canaries */
};

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)))
        unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
    rmdir(path);
}

int local_courier_new(const struct config *config, struct local_courier **ret, struct err *err)
{
    struct store *store;
    struct local_courier *local = calloc(1, sizeof *local);
    assert(local);
    log_setup("vedette", LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT); /* the steps are told as they come */
    http_global_init();
    local->loop = loop_new();
    local->config = *config;
    local->config.canary.every = 0;
    snprintf(local->folder, sizeof local->folder, "%s/vedette-test-XXXXXX", P_tmpdir);
    if (!mkdtemp(local->folder)) {
        err_set(err, ERR_SYSTEM, NULL, "make a temporary folder in %s", P_tmpdir);
        local->folder[0] = '\0';
    } else if (local_keeper_new(local->loop, config, &local->keeper, err) == 0 &&
               store_open(local->folder, &store, err) == 0 &&
               courier_new(local->loop, &local->config, store, local_keeper_client(local->keeper),
                           &local->courier, err) == 0) {
        courier_start(local->courier);
        *ret = local;
        return 0;
    }
    local_courier_free(local);
    return -1;
}

struct loop *local_courier_loop(struct local_courier *local)
{
    return local->loop;
}

struct courier *local_courier_courier(struct local_courier *local)
{
    return local->courier;
}

void local_courier_free(struct local_courier *local)
{
    if (!local)
        return;
    courier_free(local->courier);
    local_keeper_free(local->keeper);
    if (local->folder[0])
        remove_folder(local->folder);
    loop_free(local->loop);
    free(local);
}
