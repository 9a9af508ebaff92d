/* The gateway process: our own SMTP gateway. */
#include "cmd/confine.h"
#include "cmd/role.h"
#include "gateway/gateway.h"

#include <stdlib.h>

static int gateway_start(struct role_process *process, const struct config *config, void **ret_state,
                         struct err *err)
{
    struct gateway *gateway;
    if (confine(CONFINE_GATEWAY, config, err) < 0 ||
        gateway_new(role_loop(process), config, &gateway, err) < 0)
        return -1;
    *ret_state = gateway;
    return 0;
}

static void gateway_take_socket(void *state, const char *label, int fd)
{
    static const char prefix[] = "relay ";
    gateway_socket(state, strncmp(label, prefix, sizeof prefix - 1) == 0 ? label + sizeof prefix - 1 : label,
                   fd);
}

static int gateway_prepare(void *state, const struct config *config, struct err *err)
{
    (void)state;
    (void)config;
    (void)err;
    return 0;
}

static void gateway_commit(void *state, const struct config *config)
{
    if (config->relay.present)
        gateway_reload(state, config);
}

static void drained(void *arg)
{
    role_done(arg);
}

static void gateway_start_drain(struct role_process *process, void *state)
{
    gateway_drain(state, drained, process);
}

static void gateway_free_role(void *state)
{
    gateway_free(state);
}

const struct role role_gateway = {
    .name = "gateway",
    .start = gateway_start,
    .socket = gateway_take_socket,
    .prepare = gateway_prepare,
    .commit = gateway_commit,
    .drain = gateway_start_drain,
    .free = gateway_free_role,
};
