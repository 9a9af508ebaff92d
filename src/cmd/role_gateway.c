/* The gateway process: our own SMTP gateway. */
#include "cmd/confine.h"
#include "cmd/gateway_control.h"
#include "cmd/role.h"
#include "gateway/gateway.h"
#include "io/http.h"
#include "secret/keeper.h"
#include "secret/login.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SPOOL_TRIES = 30, SPOOL_RETRY_US = 100 * 1000 };

struct gateway_role {
    struct role_process *process;
    struct gateway *gateway;
    struct gateway_control *control;
    struct keeper_client *keeper;
    struct login *login;
    struct channel *keeper_channel;
};

/* After a kill -9 of an earlier parent its gateway ends by itself, and what it had taken goes to the disk
 * first. */
static int make_patiently(struct gateway_role *role, const struct config *config, struct err *err)
{
    struct gateway_setup setup = {
        .loop = role_loop(role->process), .config = config, .keeper = role->keeper, .login = role->login};
    int outcome = gateway_new(&setup, &role->gateway, err);
    for (int i = 0; outcome < 0 && err->class == ERR_UNAVAILABLE && i < SPOOL_TRIES; i++) {
        usleep(SPOOL_RETRY_US);
        outcome = gateway_new(&setup, &role->gateway, err);
    }
    return outcome;
}

/* As many clients as the kernel lets us have, whatever the shell that started us had in mind. */
static void allow_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int gateway_start(struct role_process *process, const struct config *config, void **ret_state,
                         struct err *err)
{
    http_global_init(); /* before the sandbox: a policy of MTA-STS may be wanted after a reload, too */
    if (confine(CONFINE_GATEWAY, config, err) < 0)
        return -1;
    struct gateway_role *role = calloc(1, sizeof *role);
    assert(role);
    role->process = process;
    allow_descriptors();
    role->keeper = keeper_client_new(role_loop(process));
    role->login = login_new(role_loop(process));
    if (make_patiently(role, config, err) < 0) {
        login_free(role->login);
        keeper_client_free(role->keeper);
        free(role);
        return -1;
    }
    role->control = gateway_control_new(role_loop(process), gateway_relay(role->gateway),
                                        gateway_activity(role->gateway));
    *ret_state = role;
    return 0;
}

static void on_keeper_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct gateway_role *role = arg;
    (void)channel;
    if (fd >= 0)
        close(fd);
    if (type == CONTROL_LOGIN_ANSWER)
        login_message(role->login, body);
    else
        keeper_client_message(role->keeper, type, body);
}

static void on_keeper_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct gateway_role *role = arg;
    (void)err;
    keeper_client_connect(role->keeper, NULL);
    login_connect(role->login, NULL);
    channel_free(channel);
    role->keeper_channel = NULL;
}

/* The keeper is the only peer. */
static void gateway_peer(void *state, const char *process, int fd)
{
    struct gateway_role *role = state;
    (void)process;
    if (role->keeper_channel)
        on_keeper_closed(role, role->keeper_channel, NULL);
    role->keeper_channel =
        channel_new(role_loop(role->process), fd, on_keeper_message, on_keeper_closed, role);
    keeper_client_connect(role->keeper, role->keeper_channel);
    login_connect(role->login, role->keeper_channel);
}

static void gateway_take_socket(void *state, const char *label, int fd)
{
    static const char prefix[] = "relay ";
    const struct gateway_role *role = state;
    if (strcmp(label, "gateway control") == 0) {
        gateway_control_listen(role->control, fd);
        return;
    }
    gateway_socket(role->gateway,
                   strncmp(label, prefix, sizeof prefix - 1) == 0 ? label + sizeof prefix - 1 : label, fd);
}

static int prepare(void *state, const struct config *config, struct err *err)
{
    const struct gateway_role *role = state;
    return gateway_prepare(role->gateway, config, err);
}

static void gateway_commit(void *state, const struct config *config)
{
    const struct gateway_role *role = state;
    if (config->relay.present)
        gateway_reload(role->gateway, config);
}

static void write_metrics(void *state, struct buf *out)
{
    const struct gateway_role *role = state;
    gateway_write_metrics(role->gateway, out);
}

static void gateway_start_drain(struct role_process *process, void *state)
{
    const struct gateway_role *role = state;
    gateway_drain(role->gateway, role_done, process);
}

static void gateway_free_role(void *state)
{
    struct gateway_role *role = state;
    gateway_control_free(role->control);
    gateway_free(role->gateway);
    login_free(role->login);
    keeper_client_free(role->keeper);
    channel_free(role->keeper_channel);
    free(role);
}

const struct role role_gateway = {
    .name = "gateway",
    .start = gateway_start,
    .socket = gateway_take_socket,
    .peer = gateway_peer,
    .prepare = prepare,
    .commit = gateway_commit,
    .metrics = write_metrics,
    .drain = gateway_start_drain,
    .free = gateway_free_role,
};
