#include "gateway/gateway.h"

#include "base/log.h"
#include "gateway/inbound.h"
#include "io/address.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 32 };

#define COMMAND_TIMEOUT (300 * NANOS_PER_SECOND)
#define DRAIN_PATIENCE  (5 * NANOS_PER_SECOND)
#define ACCEPT_PAUSE    (NANOS_PER_SECOND / 5)

struct gateway {
    struct loop *loop;
    struct inbound_house house;
    struct listening {
        struct loop_fd *watch;
        int fd;
        char *endpoint;
    } sockets[GATEWAY_SOCKETS_MAX];
    size_t socket_count;
    struct loop_timer *resume; /* accepting goes on after the process ran out of descriptors */
    struct inbound *sessions;
    size_t inbound_count;
    struct loop_timer *patience, *report;
    loop_fn *done;
    void *done_arg;
};

static void resume_accepting(void *arg)
{
    struct gateway *gateway = arg;
    for (size_t i = 0; i < gateway->socket_count; i++)
        loop_fd_want(gateway->sockets[i].watch, LOOP_READ);
}

static void pause_accepting(struct gateway *gateway, nanos after)
{
    for (size_t i = 0; i < gateway->socket_count; i++)
        loop_fd_want(gateway->sockets[i].watch, 0);
    loop_timer_set(gateway->resume, after);
}

/* Nobody hands in any more; what is being passed on may end. */
static void report_drained(void *arg)
{
    struct gateway *gateway = arg;
    relay_drain(gateway->house.relay, gateway->done, gateway->done_arg);
}

static void inbound_ended(void *arg, struct inbound *session)
{
    struct gateway *gateway = arg;
    if (gateway->sessions == session) {
        gateway->sessions = inbound_next(session);
    } else {
        struct inbound *before = gateway->sessions;
        while (inbound_next(before) != session)
            before = inbound_next(before);
        inbound_link(before, inbound_next(session));
    }
    gateway->inbound_count--;
    if (gateway->house.draining && gateway->inbound_count == 0)
        loop_timer_set(gateway->report, 0);
}

/* A client that gets no session: one line, as much of it as the socket takes at once, then goodbye. */
static void turn_away(int fd, sv reply, const struct address *peer, const char *why)
{
    char ip[ADDRESS_TEXT_MAX];
    LOG_WARNING("gateway turns a client away", LOG_STR("client", address_ip_text(peer, ip)),
                LOG_STR("why", why));
    ssize_t sent = send(fd, reply.p, reply.n, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
    close(fd);
}

static void welcome(struct gateway *gateway, int fd, const struct address *peer)
{
    if (!address_is_loopback(peer)) {
        turn_away(fd, SV("554 5.7.1 Only this machine may send here\r\n"), peer, "not from loopback");
        return;
    }
    if (gateway->inbound_count >= (size_t)gateway->house.config->relay.connections_max) {
        turn_away(fd, SV("421 4.7.0 Too many sessions, try again later\r\n"), peer, "relay.connections_max");
        return;
    }
    struct inbound *session = inbound_new(gateway->loop, fd, &gateway->house, inbound_ended, gateway);
    inbound_link(session, gateway->sessions);
    gateway->sessions = session;
    gateway->inbound_count++;
}

static void on_listener(void *arg, int fd, int ready)
{
    struct gateway *gateway = arg;
    (void)ready;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct address peer = {.length = sizeof peer.storage};
        int client =
            accept4(fd, (struct sockaddr *)&peer.storage, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client >= 0) {
            welcome(gateway, client, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            LOG_ERROR("gateway cannot accept", LOG_INT("errno", errno));
            pause_accepting(gateway, ACCEPT_PAUSE);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

int gateway_new(struct loop *loop, const struct config *config, struct keeper_client *keeper,
                struct gateway **ret, struct err *err)
{
    assert(config->relay.present);
    struct relay *relay = NULL;
    struct relay_setup setup = {.loop = loop, .keeper = keeper, .config = config};
    if (relay_new(&setup, &relay, err) < 0)
        return -1;
    struct gateway *gateway = calloc(1, sizeof *gateway);
    assert(gateway);
    gateway->loop = loop;
    gateway->house =
        (struct inbound_house){.config = config, .relay = relay, .command_timeout = COMMAND_TIMEOUT};
    gateway->resume = loop_timer_new(loop, resume_accepting, gateway);
    gateway->report = loop_timer_new(loop, report_drained, gateway);
    *ret = gateway;
    return 0;
}

void gateway_socket(struct gateway *gateway, const char *endpoint, int fd)
{
    if (gateway->socket_count == GATEWAY_SOCKETS_MAX) {
        LOG_ERROR("gateway listens at no further address", LOG_STR("endpoint", endpoint),
                  LOG_INT("most", GATEWAY_SOCKETS_MAX));
        close(fd);
        return;
    }
    struct listening *listening = &gateway->sockets[gateway->socket_count++];
    listening->fd = fd;
    listening->endpoint = strdup(endpoint);
    assert(listening->endpoint);
    listening->watch = loop_fd_new(gateway->loop, fd, on_listener, gateway);
    loop_fd_want(listening->watch, LOOP_READ);
}

static void stop_listening(struct listening *listening)
{
    loop_fd_free(listening->watch);
    close(listening->fd);
    free(listening->endpoint);
}

static bool is_listed(const struct config_strings *endpoints, const char *endpoint)
{
    for (size_t i = 0; i < endpoints->count; i++)
        if (strcmp(endpoints->items[i], endpoint) == 0)
            return true;
    return false;
}

static void close_unlisted(struct gateway *gateway, const struct config_strings *endpoints)
{
    size_t kept = 0;
    for (size_t i = 0; i < gateway->socket_count; i++) {
        if (is_listed(endpoints, gateway->sockets[i].endpoint))
            gateway->sockets[kept++] = gateway->sockets[i];
        else
            stop_listening(&gateway->sockets[i]);
    }
    gateway->socket_count = kept;
}

void gateway_command_timeout(struct gateway *gateway, nanos timeout)
{
    gateway->house.command_timeout = timeout;
}

void gateway_reload(struct gateway *gateway, const struct config *config)
{
    struct err err = {.class = ERR_NONE};
    gateway->house.config = config;
    if (!config->relay.present)
        return;
    close_unlisted(gateway, &config->relay.listen);
    if (relay_reload(gateway->house.relay, config, &err) < 0)
        LOG_ERROR("gateway keeps its old routes", LOG_ERR(&err));
}

static void drain_sessions(struct gateway *gateway, bool now)
{
    struct inbound *next = NULL;
    for (struct inbound *session = gateway->sessions; session; session = next) {
        next = inbound_next(session);
        inbound_drain(session, now);
    }
}

static void lose_patience(void *arg)
{
    drain_sessions(arg, true);
}

static void close_sockets(struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->socket_count; i++)
        stop_listening(&gateway->sockets[i]);
    gateway->socket_count = 0;
}

void gateway_drain(struct gateway *gateway, loop_fn *done, void *arg)
{
    close_sockets(gateway);
    loop_timer_cancel(gateway->resume);
    gateway->house.draining = true;
    gateway->done = done;
    gateway->done_arg = arg;
    if (gateway->inbound_count == 0)
        loop_timer_set(gateway->report, 0);
    gateway->patience = loop_timer_new(gateway->loop, lose_patience, gateway);
    loop_timer_set(gateway->patience, DRAIN_PATIENCE);
    drain_sessions(gateway, false);
}

void gateway_free(struct gateway *gateway)
{
    if (!gateway)
        return;
    close_sockets(gateway);
    struct inbound *next = NULL;
    for (struct inbound *session = gateway->sessions; session; session = next) {
        next = inbound_next(session);
        inbound_free(session);
    }
    loop_timer_free(gateway->resume);
    loop_timer_free(gateway->report);
    loop_timer_free(gateway->patience);
    relay_free(gateway->house.relay);
    free(gateway);
}
