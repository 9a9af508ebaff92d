/* The keeper process: the one that reads secrets. */
#include "cmd/confine.h"
#include "cmd/role.h"
#include "secret/keeper.h"

#include <pwd.h>
#include <stdlib.h>

enum { ASKERS_MAX = 8 };

struct keeper_role {
    struct loop *loop;
    struct keeper *keeper;
    struct channel *askers[ASKERS_MAX];
};

struct provider_context provider_context_of(const struct config *config)
{
    const struct passwd *user = getpwnam(confine_user(CONFINE_KEEPER));
    return (struct provider_context){.secrets_directory = config->secrets_directory,
                                     .credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
                                     .keeper_uid = user ? user->pw_uid : 0};
}

static int keeper_start(struct role_process *process, const struct config *config, void **ret_state,
                        struct err *err)
{
    struct keeper_role *role = calloc(1, sizeof *role);
    role->loop = role_loop(process);
    struct provider_context context = provider_context_of(config);
    role->keeper = keeper_new(&context);
    *ret_state = role;
    return confine(CONFINE_KEEPER, config, err);
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct keeper_role *role = arg;
    (void)fd;
    if (type == CONTROL_SECRET_GET)
        keeper_answer(role->keeper, channel, body);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct keeper_role *role = arg;
    (void)err;
    for (size_t i = 0; i < ASKERS_MAX; i++)
        if (role->askers[i] == channel)
            role->askers[i] = NULL;
    channel_free(channel);
}

static void keeper_peer(void *state, const char *process, int fd)
{
    struct keeper_role *role = state;
    (void)process;
    for (size_t i = 0; i < ASKERS_MAX; i++)
        if (!role->askers[i]) {
            role->askers[i] = channel_new(role->loop, fd, on_message, on_closed, role);
            return;
        }
}

static int keeper_prepare(void *state, const struct config *config, struct err *err)
{
    (void)state;
    (void)config;
    (void)err;
    return 0;
}

static void keeper_commit(void *state, const struct config *config)
{
    struct keeper_role *role = state;
    struct provider_context context = provider_context_of(config);
    keeper_reload(role->keeper, &context);
}

static void keeper_free_role(void *state)
{
    struct keeper_role *role = state;
    for (size_t i = 0; i < ASKERS_MAX; i++)
        channel_free(role->askers[i]);
    keeper_free(role->keeper);
    free(role);
}

const struct role role_keeper = {
    .name = "keeper",
    .start = keeper_start,
    .peer = keeper_peer,
    .prepare = keeper_prepare,
    .commit = keeper_commit,
    .free = keeper_free_role,
};
