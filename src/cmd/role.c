#include "cmd/role.h"

#include "base/log.h"
#include "base/memory.h"
#include "cmd/command.h"
#include "cmd/metrics_server.h"
#include "cmd/process_name.h"
#include "io/child.h"
#include "wire/pack.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define ALIVE_EVERY NANOS_PER_SECOND

struct role_process {
    const struct role *role;
    unsigned number;
    char name[PROCESS_NAME_MAX];
    struct loop *loop;
    struct channel *parent;
    struct loop_timer *alive;
    struct metrics_server *metrics;
    void *state;
    struct config *config, *prepared;
    bool draining;
    int exit_code;
};

struct loop *role_loop(struct role_process *process)
{
    return process->loop;
}

unsigned role_number(const struct role_process *process)
{
    return process->number;
}

void role_say(struct role_process *process, enum control_type type)
{
    channel_send(process->parent, type, SV_NONE, -1);
}

void role_tell(struct role_process *process, enum control_type type, sv body)
{
    channel_send(process->parent, type, body, -1);
}

void role_done(void *arg)
{
    const struct role_process *process = arg;
    loop_stop(process->loop);
}

static void fail(struct role_process *process, const struct err *err)
{
    LOG_ERROR("ends", LOG_ERR(err));
    process->exit_code = err_exit_code(err);
    loop_stop(process->loop);
}

static void say_alive(void *arg)
{
    struct role_process *process = arg;
    role_say(process, CONTROL_ALIVE);
    loop_timer_set(process->alive, ALIVE_EVERY);
}

void role_ready(struct role_process *process)
{
    role_say(process, CONTROL_READY);
    say_alive(process);
}

/* The parent has checked these bytes already, so an error here is a surprise and told in one line. */
static struct config *parse(sv body, struct err *err)
{
    struct load load;
    struct config_errors errors;
    if (load_unpack(body, &load, err) < 0)
        return NULL;
    config_errors_init(&errors);
    struct config *config = load_parse_checked(&load, &errors);
    if (errors.count > 0)
        err_set(err, ERR_CONFIG, NULL, "%s:%d: %s",
                errors.items[0].file ? errors.items[0].file : "configuration", errors.items[0].line,
                errors.items[0].message);
    bool sound = errors.count == 0;
    config_errors_free(&errors);
    load_free(&load);
    if (sound)
        return config;
    config_free(config);
    return NULL;
}

static void start(struct role_process *process, sv body)
{
    struct err err;
    process->config = parse(body, &err);
    if (!process->config) {
        fail(process, &err);
        return;
    }
    log_setup(process->name, process->config->log_level, process->config->log_format);
    if (process->role->start(process, process->config, &process->state, &err) < 0)
        fail(process, &err);
}

static void prepare(struct role_process *process, sv body)
{
    struct err err;
    config_free(process->prepared);
    process->prepared = parse(body, &err);
    if (process->prepared && process->role->prepare &&
        process->role->prepare(process->state, process->prepared, &err) < 0) {
        config_free(process->prepared);
        process->prepared = NULL;
    }
    if (process->prepared) {
        role_say(process, CONTROL_PREPARED);
        return;
    }
    char text[sizeof err.cause + sizeof err.advice + 4];
    channel_send(process->parent, CONTROL_REFUSED, sv_of(err_text(&err, text, sizeof text)), -1);
}

static void commit(struct role_process *process)
{
    if (!process->prepared)
        return;
    if (process->role->commit)
        process->role->commit(process->state, process->prepared);
    config_free(process->config);
    process->config = process->prepared;
    process->prepared = NULL;
    log_setup(process->name, process->config->log_level, process->config->log_format);
}

static void abort_prepared(struct role_process *process)
{
    if (process->role->abort)
        process->role->abort(process->state);
    config_free(process->prepared);
    process->prepared = NULL;
}

static void drain(struct role_process *process)
{
    if (process->draining)
        return;
    process->draining = true;
    if (process->role->drain && process->state)
        process->role->drain(process, process->state);
    else
        role_done(process);
}

static void write_metrics(void *arg, sv topic, struct buf *out)
{
    const struct role_process *process = arg;
    if (topic.n == 0)
        process->role->metrics(process->state, out);
    else if (sv_eq(topic, SV("rules")) && process->role->rules)
        process->role->rules(process->state, out);
}

/* Every process answers for its own counters, so that one that is stuck hides no other's. */
static bool take_metrics(struct role_process *process, sv label, int fd)
{
    if (fd < 0 || !sv_starts(label, SV("metrics ")))
        return false;
    if (!process->role->metrics || !process->state) {
        close(fd);
        return true;
    }
    metrics_server_free(process->metrics);
    process->metrics = metrics_server_new(process->loop, fd, write_metrics, process);
    return true;
}

/* Hands a labelled descriptor to the role, or closes it if it has no use for one. */
static void take_fd(struct role_process *process, enum control_type type, sv label, int fd)
{
    char name[256];
    void (*take)(void *, const char *, int) =
        type == CONTROL_SOCKET ? process->role->socket : process->role->peer;
    if (type == CONTROL_SOCKET && take_metrics(process, label, fd))
        return;
    sv_copy(name, sizeof name, label);
    if (fd >= 0 && take && process->state)
        take(process->state, name, fd);
    else if (fd >= 0)
        close(fd);
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct role_process *process = arg;
    (void)channel;
    if (type == CONTROL_START)
        start(process, body);
    else if (type == CONTROL_SOCKET || type == CONTROL_PEER)
        take_fd(process, type, body, fd);
    else if (type == CONTROL_GO && process->state) {
        if (!process->role->go || process->role->go(process->state))
            role_ready(process);
    } else if (type == CONTROL_PREPARE)
        prepare(process, body);
    else if (type == CONTROL_COMMIT)
        commit(process);
    else if (type == CONTROL_ABORT)
        abort_prepared(process);
    else if (type == CONTROL_DRAIN)
        drain(process);
    else if (process->role->message && process->state)
        process->role->message(process->state, type, body);
}

/* Without a parent nobody would restart us or tell us to end: end as if told to. */
static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct role_process *process = arg;
    (void)channel;
    (void)err;
    if (!process->draining)
        LOG_ERROR("the parent process is gone: ending", LOG_INT("pid", getpid()));
    loop_stop(process->loop);
}

/* What ps(1) and top(1) show. */
static void show_name(const char *name)
{
    char shown[32];
    snprintf(shown, sizeof shown, "vedette-%s", name);
    prctl(PR_SET_NAME, shown);
}

int role_main(const struct role *role, unsigned number)
{
    struct role_process process = {.role = role, .number = number};
    process_name(role->name, number, process.name);
    show_name(process.name);
    memory_setup();
    log_setup(process.name, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    /* Ctrl-C and service managers signal the whole group; the parent alone decides, and tells us in order. */
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    process.loop = loop_new();
    process.parent = channel_new(process.loop, CHILD_FD, on_message, on_closed, &process);
    process.alive = loop_timer_new(process.loop, say_alive, &process);
    loop_run(process.loop);
    metrics_server_free(process.metrics);
    if (process.state && role->free)
        role->free(process.state);
    loop_timer_free(process.alive);
    channel_flush(process.parent, NULL);
    channel_free(process.parent);
    config_free(process.prepared);
    config_free(process.config);
    loop_free(process.loop);
    return process.exit_code;
}

int cmd_child(const char *name)
{
    static const struct role *const roles[] = {&role_watch, &role_courier, &role_gateway, &role_correlate,
                                               &role_keeper};
    unsigned number;
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (process_name_parse(sv_of(name), roles[i]->name, &number))
            return role_main(roles[i], number);
    return 64;
}
