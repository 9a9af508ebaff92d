#include "gateway/gateway.h"

#include "base/log.h"
#include "base/metrics.h"
#include "gateway/crowd.h"
#include "gateway/failures.h"
#include "gateway/inbound.h"
#include "gateway/quotas.h"
#include "io/address.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64 };

#define DRAIN_PATIENCE (5 * NANOS_PER_SECOND)
#define ACCEPT_PAUSE   (NANOS_PER_SECOND / 5)

/* What is made of a configuration. */
struct furniture {
    struct guard *guard;
    struct tls_context *tls;
    struct failures *failures;
};

struct gateway {
    struct loop *loop;
    struct inbound_house house;
    struct furniture now, next;
    struct crowd *crowd;
    struct quotas *quotas;
    struct login *login;
    struct listening {
        struct gateway *gateway;
        struct loop_fd *watch;
        int fd;
        char *endpoint;
        struct config_listener terms; /* of the configuration in use; no address: it does not list it yet */
    } * sockets[GATEWAY_SOCKETS_MAX];
    size_t socket_count;
    struct loop_timer *resume; /* accepting goes on after the process ran out of descriptors */
    struct inbound *sessions;
    size_t inbound_count;
    struct loop_timer *patience, *report;
    loop_fn *done;
    void *done_arg;
};

/* A new socket comes before the configuration that lists it. */
static void open_doors(const struct listening *listening)
{
    loop_fd_want(listening->watch, listening->terms.address ? LOOP_READ : 0);
}

static void resume_accepting(void *arg)
{
    struct gateway *gateway = arg;
    for (size_t i = 0; i < gateway->socket_count; i++)
        open_doors(gateway->sockets[i]);
}

static void pause_accepting(struct gateway *gateway, nanos after)
{
    for (size_t i = 0; i < gateway->socket_count; i++)
        loop_fd_want(gateway->sockets[i]->watch, 0);
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
    struct inbound_links *links = inbound_links(session);
    if (links->previous)
        inbound_links(links->previous)->next = links->next;
    else
        gateway->sessions = links->next;
    if (links->next)
        inbound_links(links->next)->previous = links->previous;
    crowd_leave(gateway->crowd, inbound_peer(session));
    gateway->inbound_count--;
    if (gateway->house.draining && gateway->inbound_count == 0)
        loop_timer_set(gateway->report, 0);
}

/* A client that gets no session: one line, as much of it as the socket takes at once, then goodbye. Where TLS
 * comes first it would not understand even that. */
static void turn_away(const struct listening *listening, int fd, const struct address *peer, const char *why)
{
    static const char reply[] = "421 4.7.0 Too many sessions, try again later\r\n";
    char ip[ADDRESS_TEXT_MAX];
    LOG_WARNING("gateway turns a client away", LOG_STR("client", address_ip_text(peer, ip)),
                LOG_STR("why", why));
    if (listening->terms.security != CONFIG_LISTENING_TLS) {
        ssize_t sent = send(fd, reply, sizeof reply - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent;
    }
    close(fd);
}

static void welcome(const struct listening *listening, int fd, const struct address *peer)
{
    struct gateway *gateway = listening->gateway;
    const struct config_relay *relay = &gateway->house.config->relay;
    if (gateway->inbound_count >= (size_t)relay->connections_max) {
        turn_away(listening, fd, peer, "relay.connections_max");
        return;
    }
    if (!crowd_enter(gateway->crowd, peer, (size_t)relay->connections_per_network)) {
        turn_away(listening, fd, peer, "relay.connections_per_network");
        return;
    }
    struct inbound_setup setup = {.loop = gateway->loop,
                                  .house = &gateway->house,
                                  .listener = &listening->terms,
                                  .peer = peer,
                                  .fn = inbound_ended,
                                  .arg = gateway};
    struct inbound *session = inbound_new(&setup, fd);
    inbound_links(session)->next = gateway->sessions;
    if (gateway->sessions)
        inbound_links(gateway->sessions)->previous = session;
    gateway->sessions = session;
    gateway->inbound_count++;
}

static void on_listener(void *arg, int fd, int ready)
{
    struct listening *listening = arg;
    (void)ready;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        struct address peer = {.length = sizeof peer.storage};
        int client =
            accept4(fd, (struct sockaddr *)&peer.storage, &peer.length, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client >= 0) {
            welcome(listening, client, &peer);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            LOG_ERROR("gateway cannot accept", LOG_INT("errno", errno));
            pause_accepting(listening->gateway, ACCEPT_PAUSE);
        }
        if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

/* ---- The configuration ----------------------------------------------------------------------------------
 */

static void remove_furniture(struct furniture *furniture)
{
    guard_free(furniture->guard);
    tls_context_free(furniture->tls);
    failures_free(furniture->failures);
    *furniture = (struct furniture){0};
}

static int make_guard(const struct config *config, struct guard **ret, struct err *err)
{
    struct config_errors errors;
    config_errors_init(&errors);
    *ret = guard_new(config, &errors);
    if (!*ret)
        err_set(err, ERR_CONFIG, NULL, "%s:%d: %s", errors.items[0].file ? errors.items[0].file : "relay",
                errors.items[0].line, errors.items[0].message);
    config_errors_free(&errors);
    return *ret ? 0 : -1;
}

/* Clients need no certificate; rules may ask for one. */
static int make_tls(const struct config_relay *relay, struct tls_context **ret, struct err *err)
{
    if (!relay->certificate)
        return 0;
    if (tls_server_context(relay->certificate, relay->key, relay->client_ca, ret, err) < 0)
        return -1;
    tls_server_let_strangers_in(*ret);
    tls_server_give_tickets(*ret);
    return 0;
}

static int furnish(const struct config *config, struct furniture *ret, struct err *err)
{
    const struct config_relay *relay = &config->relay;
    if (make_guard(config, &ret->guard, err) < 0 || make_tls(relay, &ret->tls, err) < 0) {
        remove_furniture(ret);
        return -1;
    }
    if (relay->failures_to)
        ret->failures = failures_new(relay->failures_to, config->hostname ? config->hostname : "localhost");
    return 0;
}

static bool has_accounts(const struct config_relay *relay)
{
    for (size_t i = 0; i < relay->account_count; i++)
        if (relay->accounts[i].password || relay->accounts[i].pam || relay->introspection)
            return true;
    return false;
}

static void move_in(struct gateway *gateway, const struct config *config)
{
    struct inbound_house *house = &gateway->house;
    if (gateway->now.guard && gateway->next.guard)
        guard_carry(gateway->next.guard, gateway->now.guard);
    remove_furniture(&gateway->now);
    gateway->now = gateway->next;
    gateway->next = (struct furniture){0};
    house->config = config;
    house->guard = gateway->now.guard;
    house->tls = gateway->now.tls;
    house->failures = gateway->now.failures;
    house->login = gateway->login;
    house->auth = gateway->login && has_accounts(&config->relay);
    house->command_timeout = config->relay.command_timeout;
}

int gateway_new(const struct gateway_setup *setup, struct gateway **ret, struct err *err)
{
    const struct config *config = setup->config;
    struct loop *loop = setup->loop;
    struct furniture furniture = {0};
    struct relay *relay = NULL;
    struct relay_setup relay_setup = {.loop = loop, .keeper = setup->keeper, .config = config};
    assert(config->relay.present);
    if (furnish(config, &furniture, err) < 0)
        return -1;
    if (relay_new(&relay_setup, &relay, err) < 0) {
        remove_furniture(&furniture);
        return -1;
    }
    struct gateway *gateway = calloc(1, sizeof *gateway);
    assert(gateway);
    gateway->loop = loop;
    gateway->login = setup->login;
    gateway->crowd = crowd_new();
    gateway->quotas = quotas_open(loop, config->relay.spool);
    gateway->house.limits = quotas_limits(gateway->quotas);
    gateway->house.activity = activity_new();
    gateway->house.relay = relay;
    gateway->next = furniture;
    move_in(gateway, config);
    gateway->resume = loop_timer_new(loop, resume_accepting, gateway);
    gateway->report = loop_timer_new(loop, report_drained, gateway);
    *ret = gateway;
    return 0;
}

static const struct config_listener *listener_at(const struct config_relay *relay, const char *address)
{
    for (size_t i = 0; i < relay->listener_count; i++)
        if (strcmp(relay->listeners[i].address, address) == 0)
            return &relay->listeners[i];
    return NULL;
}

void gateway_socket(struct gateway *gateway, const char *endpoint, int fd)
{
    const struct config_listener *terms = listener_at(&gateway->house.config->relay, endpoint);
    if (gateway->socket_count == GATEWAY_SOCKETS_MAX) {
        LOG_ERROR("gateway listens at no further address", LOG_STR("endpoint", endpoint),
                  LOG_INT("most", GATEWAY_SOCKETS_MAX));
        close(fd);
        return;
    }
    struct listening *listening = calloc(1, sizeof *listening);
    assert(listening);
    *listening = (struct listening){.gateway = gateway, .fd = fd, .endpoint = strdup(endpoint)};
    assert(listening->endpoint);
    if (terms)
        listening->terms = *terms;
    listening->watch = loop_fd_new(gateway->loop, fd, on_listener, listening);
    open_doors(listening);
    gateway->sockets[gateway->socket_count++] = listening;
}

static void stop_listening(struct listening *listening)
{
    loop_fd_free(listening->watch);
    close(listening->fd);
    free(listening->endpoint);
    free(listening);
}

static void close_unlisted(struct gateway *gateway, const struct config_relay *relay)
{
    size_t kept = 0;
    for (size_t i = 0; i < gateway->socket_count; i++) {
        struct listening *listening = gateway->sockets[i];
        const struct config_listener *terms = listener_at(relay, listening->endpoint);
        if (terms) {
            listening->terms = *terms;
            open_doors(listening);
            gateway->sockets[kept++] = listening;
        } else {
            stop_listening(listening);
        }
    }
    gateway->socket_count = kept;
}

int gateway_prepare(struct gateway *gateway, const struct config *config, struct err *err)
{
    remove_furniture(&gateway->next);
    if (!config->relay.present)
        return 0;
    if (furnish(config, &gateway->next, err) < 0)
        return -1;
    if (relay_prepare(gateway->house.relay, config, err) == 0)
        return 0;
    remove_furniture(&gateway->next);
    return -1;
}

void gateway_reload(struct gateway *gateway, const struct config *config)
{
    if (!config->relay.present || !gateway->next.guard)
        return;
    relay_reload(gateway->house.relay, config);
    move_in(gateway, config);
    close_unlisted(gateway, &config->relay);
}

/* ---- What is told of it ---------------------------------------------------------------------------------
 */

static void write_handshakes(const struct inbound_house *house, struct buf *out)
{
    static const char name[] = "vedette_gateway_tls_handshakes_total";
    metrics_family(
        out, name, METRICS_COUNTER,
        "TLS handshakes with clients: whole ones, and those that went on with an earlier session.");
    metrics_sample(out, name, &(struct metrics_label){"kind", SV("whole")}, 1,
                   (int64_t)house->whole_handshakes);
    metrics_sample(out, name, &(struct metrics_label){"kind", SV("resumed")}, 1,
                   (int64_t)house->resumed_handshakes);
}

void gateway_write_metrics(const struct gateway *gateway, struct buf *out)
{
    metrics_one(out, "vedette_gateway_sessions", METRICS_GAUGE, "Clients connected now.",
                (int64_t)gateway->inbound_count);
    write_handshakes(&gateway->house, out);
    guard_write_metrics(gateway->now.guard, out);
    relay_write_metrics(gateway->house.relay, out);
}

const struct activity *gateway_activity(const struct gateway *gateway)
{
    return gateway->house.activity;
}

/* ---- The end --------------------------------------------------------------------------------------------
 */

static void drain_sessions(struct gateway *gateway, bool now)
{
    struct inbound *next = NULL;
    for (struct inbound *session = gateway->sessions; session; session = next) {
        next = inbound_links(session)->next;
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
        stop_listening(gateway->sockets[i]);
    gateway->socket_count = 0;
}

struct relay *gateway_relay(struct gateway *gateway)
{
    return gateway->house.relay;
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
        next = inbound_links(session)->next;
        inbound_free(session);
    }
    loop_timer_free(gateway->resume);
    loop_timer_free(gateway->report);
    loop_timer_free(gateway->patience);
    remove_furniture(&gateway->now);
    remove_furniture(&gateway->next);
    quotas_close(gateway->quotas);
    activity_free(gateway->house.activity);
    relay_free(gateway->house.relay);
    crowd_free(gateway->crowd);
    free(gateway);
}
