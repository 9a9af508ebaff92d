/* The courier process: the store, the queue, the gateways, and the control socket. */
#include "base/log.h"
#include "cmd/confine.h"
#include "cmd/control_server.h"
#include "cmd/courier_metrics.h"
#include "cmd/process_name.h"
#include "cmd/role.h"
#include "io/http.h"
#include "wire/pack.h"

#include <stdlib.h>
#include <unistd.h>

enum { WATCHES_MAX = 4 * CONFIG_PROCESSES_MAX, STORE_TRIES = 30, STORE_RETRY_US = 100 * 1000 };

struct courier_role {
    struct role_process *process;
    struct courier *courier;
    struct control_server *control;
    struct courier_metrics *metrics;
    struct keeper_client *keeper;
    struct channel *keeper_channel;
    struct channel *watches[WATCHES_MAX];
    struct channel *correlator;
};

/* After a kill -9 of an earlier parent its courier ends by itself, and what it had taken goes to the disk
 * first. */
static int open_store_patiently(const struct config *config, struct store **ret, struct err *err)
{
    int outcome = store_open(config->state_directory, ret, err);
    for (int i = 0; outcome < 0 && err->class == ERR_UNAVAILABLE && i < STORE_TRIES; i++) {
        usleep(STORE_RETRY_US);
        outcome = store_open(config->state_directory, ret, err);
    }
    return outcome;
}

static bool ask_parent(void *arg, uint64_t serial, const char *way, sv body)
{
    struct courier_role *role = arg;
    struct buf message = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct pack pack = PACK_INTO(&message);
    pack_u64(&pack, serial);
    pack_sv(&pack, sv_of(way));
    pack_sv(&pack, body);
    if (pack.ok)
        role_tell(role->process, CONTROL_RUN, buf_view(&message));
    buf_free(&message);
    return pack.ok;
}

static void courier_message(void *state, enum control_type type, sv body)
{
    struct courier_role *role = state;
    struct unpack unpack = UNPACK_FROM(body);
    if (type != CONTROL_RAN)
        return;
    uint64_t serial = unpack_u64(&unpack);
    bool done = unpack_u32(&unpack);
    sv said = unpack_sv(&unpack);
    if (unpack_done(&unpack))
        courier_ran(role->courier, serial, done, said);
}

static int courier_begin(struct role_process *process, const struct config *config, void **ret_state,
                         struct err *err)
{
    struct store *store;
    http_global_init(); /* before the sandbox */
    if (confine(CONFINE_COURIER, config, err) < 0 || open_store_patiently(config, &store, err) < 0)
        return -1;
    struct courier_role *role = calloc(1, sizeof *role);
    role->process = process;
    role->keeper = keeper_client_new(role_loop(process));
    if (courier_new(role_loop(process), config, store, role->keeper, &role->courier, err) < 0) {
        keeper_client_free(role->keeper);
        free(role);
        return -1;
    }
    courier_set_runner(role->courier, ask_parent, role);
    role->control = control_server_new(role_loop(process), role->courier, role->keeper);
    role->metrics = courier_metrics_new(role_loop(process), role->courier);
    *ret_state = role;
    return 0;
}

static void courier_write_metrics(void *state, struct buf *out)
{
    const struct courier_role *role = state;
    courier_metrics_write(role->metrics, out);
}

static void courier_socket(void *state, const char *label, int fd)
{
    struct courier_role *role = state;
    if (strcmp(label, "control") == 0)
        control_server_listen(role->control, fd);
    else
        close(fd);
}

static void on_keeper_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct courier_role *role = arg;
    (void)channel;
    if (fd >= 0)
        close(fd);
    keeper_client_message(role->keeper, type, body);
}

static void on_keeper_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct courier_role *role = arg;
    (void)err;
    keeper_client_connect(role->keeper, NULL);
    channel_free(channel);
    role->keeper_channel = NULL;
}

static void on_watch_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct courier_role *role = arg;
    if (fd >= 0)
        close(fd);
    courier_watch_message(role->courier, channel, type, body);
}

static void on_watch_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct courier_role *role = arg;
    (void)err;
    courier_watch_gone(role->courier, channel);
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (role->watches[i] == channel)
            role->watches[i] = NULL;
    channel_free(channel);
}

static void add_watch(struct courier_role *role, unsigned number, int fd)
{
    for (size_t i = 0; i < WATCHES_MAX; i++)
        if (!role->watches[i]) {
            role->watches[i] =
                channel_new(role_loop(role->process), fd, on_watch_message, on_watch_closed, role);
            courier_watch(role->courier, role->watches[i], number);
            return;
        }
    close(fd);
}

static void on_correlator_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct courier_role *role = arg;
    (void)channel;
    if (fd >= 0)
        close(fd);
    courier_correlator_message(role->courier, type, body);
}

static void on_correlator_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct courier_role *role = arg;
    (void)err;
    courier_correlator(role->courier, NULL);
    channel_free(channel);
    role->correlator = NULL;
}

static void courier_peer(void *state, const char *process, int fd)
{
    struct courier_role *role = state;
    if (strcmp(process, "correlate") == 0) {
        if (role->correlator)
            on_correlator_closed(role, role->correlator, NULL);
        role->correlator =
            channel_new(role_loop(role->process), fd, on_correlator_message, on_correlator_closed, role);
        courier_correlator(role->courier, role->correlator);
        return;
    }
    unsigned number;
    if (process_name_parse(sv_of(process), "watch", &number)) {
        add_watch(role, number, fd);
        return;
    }
    if (role->keeper_channel)
        on_keeper_closed(role, role->keeper_channel, NULL);
    role->keeper_channel =
        channel_new(role_loop(role->process), fd, on_keeper_message, on_keeper_closed, role);
    keeper_client_connect(role->keeper, role->keeper_channel);
}

static bool courier_go(void *state)
{
    struct courier_role *role = state;
    courier_start(role->courier);
    return true;
}

static int courier_prepare_role(void *state, const struct config *config, struct err *err)
{
    struct courier_role *role = state;
    return courier_prepare(role->courier, config, err);
}

static void courier_commit(void *state, const struct config *config)
{
    struct courier_role *role = state;
    courier_reload(role->courier, config);
}

static void courier_start_drain(struct role_process *process, void *state)
{
    struct courier_role *role = state;
    courier_drain(role->courier, role_done, process);
}

static void courier_end(void *state)
{
    struct courier_role *role = state;
    control_server_free(role->control);
    courier_metrics_free(role->metrics);
    courier_free(role->courier);
    for (size_t i = 0; i < WATCHES_MAX; i++)
        channel_free(role->watches[i]);
    channel_free(role->correlator);
    keeper_client_free(role->keeper);
    channel_free(role->keeper_channel);
    free(role);
}

const struct role role_courier = {
    .name = "courier",
    .start = courier_begin,
    .socket = courier_socket,
    .peer = courier_peer,
    .go = courier_go,
    .prepare = courier_prepare_role,
    .commit = courier_commit,
    .message = courier_message,
    .metrics = courier_write_metrics,
    .drain = courier_start_drain,
    .free = courier_end,
};
