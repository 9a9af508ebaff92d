/* The keeper process: the one that reads secrets. */
#include "cmd/confine.h"
#include "cmd/role.h"
#include "io/http.h"
#include "secret/gatekeeper.h"
#include "secret/keeper.h"

#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { ASKERS_MAX = 8, ENTRY_BYTES_MAX = 4096 };

struct keeper_role {
    struct loop *loop;
    struct keeper *keeper;
    struct gatekeeper *gatekeeper; /* NULL unless our gateway has accounts */
    struct channel *askers[ASKERS_MAX];
};

struct provider_context provider_context_of(const struct config *config)
{
    char text[ENTRY_BYTES_MAX];
    struct passwd entry, *user = NULL;
    /* PAM's modules ask for users meanwhile, on their thread. */
    getpwnam_r(confine_user(CONFINE_KEEPER), &entry, text, sizeof text, &user);
    return (struct provider_context){.secrets_directory = config->secrets_directory,
                                     .credentials_directory = getenv("CREDENTIALS_DIRECTORY"),
                                     .keeper_uid = user ? user->pw_uid : 0};
}

static int fetch(void *arg, const char *reference, struct secret **ret, struct err *err)
{
    return keeper_fetch(arg, reference, ret, err);
}

static void keep_gate(struct keeper_role *role, const struct config *config)
{
    if (role->gatekeeper)
        gatekeeper_reload(role->gatekeeper, &config->relay);
    else if (config->relay.account_count)
        role->gatekeeper = gatekeeper_new(role->loop, &config->relay, fetch, role->keeper);
}

static int keeper_start(struct role_process *process, const struct config *config, void **ret_state,
                        struct err *err)
{
    struct keeper_role *role = calloc(1, sizeof *role);
    role->loop = role_loop(process);
    struct provider_context context = provider_context_of(config);
    role->keeper = keeper_new(&context);
    *ret_state = role;
    if (config->relay.introspection)
        http_global_init();
    if (confine(CONFINE_KEEPER, config, err) < 0)
        return -1;
    keep_gate(role, config);
    return 0;
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct keeper_role *role = arg;
    if (fd >= 0)
        close(fd);
    if (type == CONTROL_SECRET_GET)
        keeper_answer(role->keeper, channel, body);
    else if (role->gatekeeper)
        gatekeeper_message(role->gatekeeper, channel, type, body);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct keeper_role *role = arg;
    (void)err;
    for (size_t i = 0; i < ASKERS_MAX; i++)
        if (role->askers[i] == channel)
            role->askers[i] = NULL;
    if (role->gatekeeper)
        gatekeeper_forget(role->gatekeeper, channel);
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
    close(fd);
}

static void keeper_commit(void *state, const struct config *config)
{
    struct keeper_role *role = state;
    struct provider_context context = provider_context_of(config);
    keeper_reload(role->keeper, &context);
    keep_gate(role, config);
}

static void keeper_free_role(void *state)
{
    struct keeper_role *role = state;
    gatekeeper_free(role->gatekeeper);
    for (size_t i = 0; i < ASKERS_MAX; i++)
        channel_free(role->askers[i]);
    keeper_free(role->keeper);
    free(role);
}

const struct role role_keeper = {
    .name = "keeper",
    .start = keeper_start,
    .peer = keeper_peer,
    .commit = keeper_commit,
    .free = keeper_free_role,
};
