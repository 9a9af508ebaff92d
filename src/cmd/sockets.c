#include "cmd/sockets.h"

#include "cmd/process_name.h"
#include "io/address.h"
#include "io/service.h"
#include "watch/sharing.h"
#include "watch/watch.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 512, RELAY_BACKLOG = 4096 };

static const char correlate_label[] = "metrics correlate";

static int find(const struct sockets *sockets, const char *label, int number)
{
    for (size_t i = 0; sockets && i < sockets->count; i++)
        if (strcmp(sockets->entries[i].label, label) == 0 && sockets->entries[i].number == number)
            return sockets->entries[i].fd;
    return -1;
}

static int open_relay(const char *endpoint, int *ret_fd, struct err *err)
{
    struct address address;
    int on = 1;
    if (address_parse_pair(sv_of(endpoint), &address, err) < 0)
        return -1;
    int fd = service_socket(&address);
    if (fd >= 0) {
        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
        *ret_fd = fd;
        return 0;
    }
    fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM, NULL, "open a socket for %s", endpoint);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.storage.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address.storage, address.length) < 0 || listen(fd, RELAY_BACKLOG) < 0) {
        err_set(err, ERR_SYSTEM, "see who has the port: ss -ltnp", "relay.listen %s", endpoint);
        close(fd);
        return -1;
    }
    *ret_fd = fd;
    return 0;
}

/* Binds NAME inside an open folder by way of /proc/self/fd, so that a long path does not overrun sun_path. */
static int bind_in_folder(int fd, int folder, const char *name, bool respectful)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    snprintf(where.sun_path, sizeof where.sun_path, "/proc/self/fd/%d/%s", folder, name);
    if (respectful && address_is_served(&where, SOCK_STREAM)) {
        errno = EADDRINUSE;
        return -1;
    }
    unlinkat(folder, name, 0);
    /* Born with its mode: by name it could be another's file when a chmod comes to it. */
    mode_t before = umask(0117);
    int bound = bind(fd, (struct sockaddr *)&where, sizeof where);
    umask(before);
    return bound;
}

static int open_control(const struct config *config, const char *name, bool respectful, int *ret_fd,
                        struct err *err)
{
    int folder = open(config->runtime_directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (folder < 0 || fd < 0 || bind_in_folder(fd, folder, name, respectful) < 0 || listen(fd, BACKLOG) < 0) {
        err_set(err, ERR_SYSTEM,
                errno == EADDRINUSE
                    ? "another vedette runs with this runtime_directory: end it, or name another"
                    : "set runtime_directory to a folder that we may write",
                "socket %s in %s", name, config->runtime_directory);
        close(fd);
        close(folder);
        return -1;
    }
    close(folder);
    *ret_fd = fd;
    return 0;
}

struct making {
    const struct sockets *old;
    struct sockets *made;
    bool respectful; /* what somebody serves in runtime_directory is another daemon's, not our own from before
                      */
};

/* The socket of that label if the old set has one: then true, and it is in the new set too. */
static bool reuse(struct making *making, const char *label, const char *process, int number)
{
    int fd = find(making->old, label, number);
    if (fd < 0)
        return false;
    making->made->entries[making->made->count++] = (struct socket_entry){
        .label = label, .process = process, .number = number, .fd = fcntl(fd, F_DUPFD_CLOEXEC, 0)};
    return true;
}

static void add(struct making *making, const char *label, const char *process, int number, int fd)
{
    making->made->entries[making->made->count++] =
        (struct socket_entry){.label = label, .process = process, .number = number, .fd = fd, .fresh = true};
}

/* first: −1, or a socket at the same place that the new one stands beside. */
static int add_input(struct making *making, const struct config_input *input, int number, int first,
                     struct err *err)
{
    int fd = -1;
    if (making->made->count == SOCKETS_MAX)
        return err_set(err, ERR_LIMIT, NULL, "more than %d sockets", SOCKETS_MAX);
    if (reuse(making, input->label, "watch", number))
        return 0;
    *err = (struct err){0};
    if (watch_open_socket(input, first, &fd, err) < 0 && err->class != ERR_NONE)
        return -1;
    if (fd >= 0)
        add(making, input->label, "watch", number, fd);
    return 0;
}

static int add_spread(struct making *making, const struct config_input *input, unsigned watches,
                      struct err *err)
{
    for (unsigned i = 0; i < watches; i++)
        if (add_input(making, input, (int)i, i ? find(making->made, input->label, 0) : -1, err) < 0)
            return -1;
    return 0;
}

static int add_inputs(struct making *making, const struct config *config, struct err *err)
{
    int outcome = 0;
    for (size_t i = 0; i < config->input_count && outcome == 0; i++) {
        const struct config_input *input = &config->inputs[i];
        switch (watch_sharing(input)) {
        case WATCH_SOLE:
            outcome = add_input(making, input, 0, -1, err);
            break;
        case WATCH_ACCEPTED:
            outcome = add_input(making, input, SOCKETS_ANY, -1, err);
            break;
        case WATCH_SPREAD:
            outcome = add_spread(making, input, watch_processes(config), err);
            break;
        }
    }
    return outcome;
}

static int add_relay(struct making *making, const struct config *config, struct err *err)
{
    for (size_t i = 0; i < config->relay.listener_count; i++) {
        const char *endpoint = config->relay.listeners[i].address;
        const char *label = arena_printf(config->arena, "relay %s", endpoint).p;
        int fd = -1;
        if (making->made->count == SOCKETS_MAX)
            return err_set(err, ERR_LIMIT, NULL, "more than %d sockets", SOCKETS_MAX);
        if (reuse(making, label, "gateway", 0))
            continue;
        if (open_relay(endpoint, &fd, err) < 0)
            return -1;
        add(making, label, "gateway", 0, fd);
    }
    return 0;
}

/* A socket in runtime_directory; label and process are literals. */
static int add_local(struct making *making, const struct config *config, const char *label, const char *name,
                     const char *process, unsigned number, struct err *err)
{
    int fd = -1;
    if (reuse(making, label, process, (int)number))
        return 0;
    if (making->made->count == SOCKETS_MAX)
        return err_set(err, ERR_LIMIT, NULL, "more than %d sockets", SOCKETS_MAX);
    if (open_control(config, name, making->respectful, &fd, err) < 0)
        return -1;
    add(making, label, process, (int)number, fd);
    return 0;
}

static int add_watch_metrics(struct making *making, const struct config *config, struct err *err)
{
    for (unsigned i = 0; i < watch_processes(config); i++) {
        char process[PROCESS_NAME_MAX], name[PROCESS_NAME_MAX + 16];
        snprintf(name, sizeof name, "metrics-%s", process_name("watch", i, process));
        if (add_local(making, config, "metrics watch", name, "watch", i, err) < 0)
            return -1;
    }
    return 0;
}

static int add_control(struct making *making, const struct config *config, struct err *err)
{
    if (!config_relay_alone(config) &&
        (add_local(making, config, "control", "control", "courier", 0, err) < 0 ||
         add_local(making, config, "metrics courier", "metrics-courier", "courier", 0, err) < 0))
        return -1;
    if (add_watch_metrics(making, config, err) < 0)
        return -1;
    if (config->input_count > 0)
        reuse(making, correlate_label, "correlate", 0);
    if (config->relay.present &&
        add_local(making, config, "gateway control", "gateway", "gateway", 0, err) < 0)
        return -1;
    return config->relay.present
               ? add_local(making, config, "metrics gateway", "metrics-gateway", "gateway", 0, err)
               : 0;
}

int sockets_open(const struct sockets *old, const struct config *config, struct sockets **ret,
                 struct err *err)
{
    struct making making = {.old = old, .made = calloc(1, sizeof *making.made), .respectful = !old};
    assert(making.made);
    if (add_control(&making, config, err) < 0 || add_inputs(&making, config, err) < 0 ||
        add_relay(&making, config, err) < 0) {
        sockets_free(making.made);
        return -1;
    }
    *ret = making.made;
    return 0;
}

int sockets_open_correlate(struct sockets *sockets, const struct config *config, struct err *err)
{
    struct making making = {.made = sockets};
    if (find(sockets, correlate_label, 0) >= 0)
        return 0;
    return add_local(&making, config, correlate_label, "metrics-correlate", "correlate", 0, err) < 0 ? -1 : 1;
}

void sockets_close_correlate(struct sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (strcmp(sockets->entries[i].label, correlate_label) == 0) {
            close(sockets->entries[i].fd);
            sockets->entries[i] = sockets->entries[--sockets->count];
            return;
        }
}

void sockets_send(const struct sockets *sockets, const char *process, unsigned number, bool only_fresh,
                  struct channel *channel)
{
    for (size_t i = 0; i < sockets->count; i++) {
        const struct socket_entry *entry = &sockets->entries[i];
        bool its = entry->number == SOCKETS_ANY || (unsigned)entry->number == number;
        if (its && strcmp(entry->process, process) == 0 && (entry->fresh || !only_fresh))
            channel_send(channel, CONTROL_SOCKET, sv_of(entry->label), fcntl(entry->fd, F_DUPFD_CLOEXEC, 0));
    }
}

void sockets_free(struct sockets *sockets)
{
    for (size_t i = 0; sockets && i < sockets->count; i++)
        close(sockets->entries[i].fd);
    free(sockets);
}
