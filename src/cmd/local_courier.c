#include "cmd/local_courier.h"

#include "cmd/role.h"
#include "secret/keeper.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct local_courier {
    struct loop *loop;
    struct courier *courier;
    struct keeper *keeper;
    struct keeper_client *keeper_client;
    struct channel *asking, *answering;
    char folder[64];
};

static void on_answer(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct local_courier *local = arg;
    (void)channel;
    (void)fd;
    keeper_client_message(local->keeper_client, type, body);
}

static void on_question(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct local_courier *local = arg;
    (void)fd;
    if (type == CONTROL_SECRET_GET)
        keeper_answer(local->keeper, channel, body);
}

/* Both ends are ours and close together. */
static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    (void)err;
}

static int start_keeper(struct local_courier *local, const struct config *config, struct err *err)
{
    int ends[2];
    if (channel_pair(ends, err) < 0)
        return -1;
    struct provider_context context = provider_context_of(config);
    local->keeper = keeper_new(&context);
    local->keeper_client = keeper_client_new(local->loop);
    local->answering = channel_new(local->loop, ends[0], on_question, on_closed, local);
    local->asking = channel_new(local->loop, ends[1], on_answer, on_closed, local);
    keeper_client_connect(local->keeper_client, local->asking);
    return 0;
}

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
    local->loop = loop_new();
    snprintf(local->folder, sizeof local->folder, "%s/vedette-test-XXXXXX", P_tmpdir);
    if (!mkdtemp(local->folder)) {
        err_set(err, ERR_SYSTEM, NULL, "make a temporary folder in %s", P_tmpdir);
        local->folder[0] = '\0';
    } else if (start_keeper(local, config, err) == 0 && store_open(local->folder, &store, err) == 0 &&
               courier_new(local->loop, config, store, local->keeper_client, &local->courier, err) == 0) {
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
    keeper_client_free(local->keeper_client);
    keeper_free(local->keeper);
    channel_free(local->asking);
    channel_free(local->answering);
    if (local->folder[0])
        remove_folder(local->folder);
    loop_free(local->loop);
    free(local);
}
