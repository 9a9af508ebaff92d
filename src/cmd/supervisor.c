#include "cmd/supervisor.h"

#include "base/log.h"
#include "cmd/confine.h"
#include "cmd/sockets.h"
#include "io/child.h"
#include "io/service.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Restart delays, the silence after which a process counts as stuck, and how long an orderly end may take. */
#define RESTART_FIRST (100 * NANOS_PER_MS)
#define RESTART_MAX   (10 * NANOS_PER_SECOND)
#define PROVEN_AFTER  (60 * NANOS_PER_SECOND)
#define SILENT_MAX    (30 * NANOS_PER_SECOND)
#define DRAIN_MAX     (30 * NANOS_PER_SECOND)
#define PREPARE_MAX   (30 * NANOS_PER_SECOND)
#define TICK          NANOS_PER_SECOND

enum { ADDRESS_TRIES = 30, ADDRESS_RETRY_US = 100 * 1000 };

/* In the order in which they start. */
enum which { KEEPER, COURIER, GATEWAY, WATCH, PROCESS_COUNT };
static const char *const names[] = {"keeper", "courier", "gateway", "watch"};
static const enum which drain_order[] = {WATCH, COURIER, GATEWAY, KEEPER};
static const enum which peers[][2] = {{COURIER, KEEPER}, {WATCH, COURIER}};

enum answer { ANSWER_NONE, ANSWER_WAITING, ANSWER_PREPARED };

struct process {
    struct supervisor *supervisor;
    enum which which;
    struct child *child; /* NULL: not running */
    struct channel *channel;
    struct loop_timer *restart;
    nanos started_at, heard_at, restart_delay;
    bool ready;
    enum answer answer; /* to PREPARE */
};

struct supervisor {
    struct loop *loop;
    const char *config_path;
    struct load load;
    struct config *config;
    struct sockets *sockets;
    struct process processes[PROCESS_COUNT];
    struct loop_timer *tick, *deadline;
    bool served; /* all were ready once */
    bool draining;
    size_t drain_step;
    int exit_code;
    /* A reload under way: what will take over once every process has prepared it. */
    struct load next_load;
    struct config *next_config;
    struct sockets *next_sockets;
};

static bool is_needed(const struct config *config, enum which which)
{
    switch (which) {
    case KEEPER:
        for (size_t i = 0; i < config->gateway_count; i++)
            if (config->gateways[i].password)
                return true;
        return false;
    case COURIER:
        return true;
    case GATEWAY:
        return config->relay.present;
    case WATCH:
        return config->input_count > 0;
    case PROCESS_COUNT:
        break;
    }
    return false;
}

static void supervisor_fail(struct supervisor *supervisor, int exit_code)
{
    supervisor->exit_code = exit_code;
    loop_stop(supervisor->loop);
}

/* --- Starting and restarting
 * ---------------------------------------------------------------------------------- */

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd);
static void on_closed(void *arg, struct channel *channel, const struct err *err);
static void on_ended(void *arg, struct child *child, int status);

static void connect_peers(struct supervisor *supervisor, enum which which)
{
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++) {
        struct process *a = &supervisor->processes[peers[i][0]], *b = &supervisor->processes[peers[i][1]];
        int ends[2];
        struct err err;
        if ((a->which != which && b->which != which) || !a->channel || !b->channel)
            continue;
        if (channel_pair(ends, &err) < 0) {
            LOG_ERROR("two processes cannot be joined", LOG_ERR(&err));
            continue;
        }
        channel_send(a->channel, CONTROL_PEER, sv_of(names[b->which]), ends[0]);
        channel_send(b->channel, CONTROL_PEER, sv_of(names[a->which]), ends[1]);
    }
}

static int launch(struct process *process, struct err *err)
{
    struct supervisor *supervisor = process->supervisor;
    const char *const argv[] = {"vedette", "--child", names[process->which], NULL};
    int ends[2];
    if (channel_pair(ends, err) < 0)
        return -1;
    if (child_start(supervisor->loop, NULL, argv, ends[1], on_ended, process, &process->child, err) < 0) {
        close(ends[0]);
        return -1;
    }
    process->channel = channel_new(supervisor->loop, ends[0], on_message, on_closed, process);
    process->started_at = process->heard_at = loop_monotonic();
    process->ready = false;
    struct buf body = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    load_pack(&supervisor->load, &body);
    channel_send(process->channel, CONTROL_START, buf_view(&body), -1);
    buf_free(&body);
    sockets_send(supervisor->sockets, names[process->which], false, process->channel);
    connect_peers(supervisor, process->which);
    channel_send(process->channel, CONTROL_GO, SV_NONE, -1);
    return 0;
}

static void try_launch(void *arg)
{
    struct process *process = arg;
    struct err err;
    if (process->child || process->supervisor->draining ||
        !is_needed(process->supervisor->config, process->which))
        return;
    if (launch(process, &err) == 0)
        return;
    LOG_ERROR("a process does not start", LOG_STR("name", names[process->which]), LOG_ERR(&err));
    if (!process->supervisor->served)
        supervisor_fail(process->supervisor, err_exit_code(&err));
    else
        loop_timer_set(process->restart, RESTART_MAX);
}

static void schedule_restart(struct process *process)
{
    bool proven = loop_monotonic() - process->started_at > PROVEN_AFTER;
    process->restart_delay = proven || !process->restart_delay ? RESTART_FIRST : process->restart_delay * 2;
    if (process->restart_delay > RESTART_MAX)
        process->restart_delay = RESTART_MAX;
    loop_timer_set(process->restart, process->restart_delay);
}

/* --- Draining: sources first, so that what they gave is committed before the courier goes
 * --------------------- */

static void drain_on(struct supervisor *supervisor)
{
    while (supervisor->drain_step < PROCESS_COUNT) {
        struct process *process = &supervisor->processes[drain_order[supervisor->drain_step]];
        if (process->child) {
            channel_send(process->channel, CONTROL_DRAIN, SV_NONE, -1);
            return;
        }
        supervisor->drain_step++;
    }
    LOG_INFO("ended in order", LOG_INT("pid", getpid()));
    loop_stop(supervisor->loop);
}

static void drain_all(void *arg)
{
    struct supervisor *supervisor = arg;
    if (supervisor->draining) /* asked twice: somebody is in a hurry */
        supervisor_fail(supervisor, supervisor->exit_code);
    if (supervisor->draining)
        return;
    supervisor->draining = true;
    service_stopping();
    LOG_INFO("draining", LOG_INT("pid", getpid()));
    loop_timer_set(supervisor->deadline, DRAIN_MAX);
    drain_on(supervisor);
}

/* --- Reloading: everybody prepares, then everybody commits, or nobody does
 * ------------------------------------ */

static void forget_next(struct supervisor *supervisor)
{
    sockets_free(supervisor->next_sockets);
    config_free(supervisor->next_config);
    load_free(&supervisor->next_load);
    supervisor->next_sockets = NULL;
    supervisor->next_config = NULL;
    loop_timer_cancel(supervisor->deadline);
    service_ready("watching");
}

static void refuse_reload(struct supervisor *supervisor, const char *cause, sv detail)
{
    LOG_ERROR("reload refused: the old configuration stays in force", LOG_STR("cause", cause),
              LOG_SV("detail", detail));
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (process->answer != ANSWER_NONE && process->channel)
            channel_send(process->channel, CONTROL_ABORT, SV_NONE, -1);
        process->answer = ANSWER_NONE;
    }
    forget_next(supervisor);
}

static void adopt(struct supervisor *supervisor)
{
    sockets_free(supervisor->sockets);
    config_free(supervisor->config);
    load_free(&supervisor->load);
    supervisor->sockets = supervisor->next_sockets;
    supervisor->config = supervisor->next_config;
    supervisor->load = supervisor->next_load;
    supervisor->next_sockets = NULL;
    supervisor->next_config = NULL;
    supervisor->next_load = (struct load){0};
    forget_next(supervisor);
    log_setup("parent", supervisor->config->log_level, supervisor->config->log_format);
    LOG_INFO("reloaded", LOG_STR("file", supervisor->config_path));
}

static void commit_if_prepared(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        if (supervisor->processes[i].answer == ANSWER_WAITING)
            return;
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (process->answer == ANSWER_PREPARED && process->channel) {
            sockets_send(supervisor->next_sockets, names[i], true, process->channel);
            channel_send(process->channel, CONTROL_COMMIT, SV_NONE, -1);
        }
        process->answer = ANSWER_NONE;
    }
    adopt(supervisor);
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (is_needed(supervisor->config, (enum which)i))
            try_launch(process);
        else if (process->channel)
            channel_send(process->channel, CONTROL_DRAIN, SV_NONE, -1);
    }
}

/* Reads and checks the new configuration; the first error is told in one line, `vedette check` tells them
 * all. */
static int load_next(struct supervisor *supervisor, struct err *err)
{
    struct config_errors errors;
    if (load_files(supervisor->config_path, &supervisor->next_load, err) < 0)
        return -1;
    config_errors_init(&errors);
    supervisor->next_config = load_parse(&supervisor->next_load, &errors);
    if (!supervisor->next_config)
        err_set(err, ERR_CONFIG, "`vedette check` tells every error", "%s:%d:%d: %s",
                errors.items[0].file ? errors.items[0].file : supervisor->config_path, errors.items[0].line,
                errors.items[0].column, errors.items[0].message);
    config_errors_free(&errors);
    if (!supervisor->next_config || confine_make_folders(supervisor->next_config, err) < 0)
        return -1;
    return sockets_open(supervisor->sockets, supervisor->next_config, &supervisor->next_sockets, err);
}

static void reload(void *arg)
{
    struct supervisor *supervisor = arg;
    struct err err;
    if (supervisor->draining || supervisor->next_config)
        return;
    service_reloading();
    if (load_next(supervisor, &err) < 0) {
        refuse_reload(supervisor, err.cause, sv_of(err.advice));
        return;
    }
    struct buf body = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    load_pack(&supervisor->next_load, &body);
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        if (supervisor->processes[i].ready && is_needed(supervisor->next_config, (enum which)i)) {
            supervisor->processes[i].answer = ANSWER_WAITING;
            channel_send(supervisor->processes[i].channel, CONTROL_PREPARE, buf_view(&body), -1);
        }
    buf_free(&body);
    loop_timer_set(supervisor->deadline, PREPARE_MAX);
    commit_if_prepared(supervisor);
}

/* --- What the processes say, and their end
 * -------------------------------------------------------------------- */

static void say_ready_if_all_are(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        if (is_needed(supervisor->config, (enum which)i) && !supervisor->processes[i].ready)
            return;
    if (supervisor->served)
        return;
    supervisor->served = true;
    service_ready("watching");
    LOG_INFO("ready", LOG_STR("version", VEDETTE_VERSION), LOG_STR("file", supervisor->config_path),
             LOG_INT("inputs", supervisor->config->input_count),
             LOG_INT("gateways", supervisor->config->gateway_count));
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct process *process = arg;
    struct supervisor *supervisor = process->supervisor;
    (void)channel;
    if (fd >= 0)
        close(fd);
    process->heard_at = loop_monotonic();
    if (type == CONTROL_READY) {
        process->ready = true;
        say_ready_if_all_are(supervisor);
    } else if (type == CONTROL_FINISHED)
        drain_all(supervisor);
    else if (type == CONTROL_PREPARED && process->answer == ANSWER_WAITING) {
        process->answer = ANSWER_PREPARED;
        commit_if_prepared(supervisor);
    } else if (type == CONTROL_REFUSED && process->answer == ANSWER_WAITING)
        refuse_reload(supervisor, names[process->which], body);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct process *process = arg;
    (void)err;
    process->channel = NULL;
    channel_free(channel);
}

static void on_ended(void *arg, struct child *child, int status)
{
    struct process *process = arg;
    struct supervisor *supervisor = process->supervisor;
    char how[64];
    child_free(child);
    channel_free(process->channel);
    process->child = NULL;
    process->channel = NULL;
    process->ready = false;
    if (supervisor->draining) {
        drain_on(supervisor);
        return;
    }
    if (!is_needed(supervisor->config, process->which))
        return;
    LOG_ERROR("a process ended and is started again", LOG_STR("name", names[process->which]),
              LOG_STR("how", child_status_text(status, how, sizeof how)));
    if (process->answer != ANSWER_NONE)
        refuse_reload(supervisor, "a process ended while it prepared", sv_of(names[process->which]));
    if (!supervisor->served && WIFEXITED(status) && WEXITSTATUS(status))
        supervisor_fail(supervisor, WEXITSTATUS(status));
    else
        schedule_restart(process);
}

static void on_tick(void *arg)
{
    struct supervisor *supervisor = arg;
    service_alive();
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (process->child && process->ready && loop_monotonic() - process->heard_at > SILENT_MAX) {
            LOG_ERROR("a process does not answer and is killed", LOG_STR("name", names[i]));
            process->heard_at = loop_monotonic();
            child_kill(process->child, SIGKILL);
        }
    }
    loop_timer_set(supervisor->tick, TICK);
}

static void on_deadline(void *arg)
{
    struct supervisor *supervisor = arg;
    if (!supervisor->draining) {
        if (supervisor->next_config)
            refuse_reload(supervisor, "a process did not answer in time", SV_NONE);
        return;
    }
    LOG_ERROR("did not drain in time: ending at once", LOG_INT("seconds", DRAIN_MAX / NANOS_PER_SECOND));
    supervisor_fail(supervisor, 75);
}

/* --- Life
 * ----------------------------------------------------------------------------------------------------- */

/* After a kill -9 of an earlier parent its children take a moment to notice and let go of the addresses. */
static int open_sockets_patiently(struct supervisor *supervisor, struct err *err)
{
    for (int i = 0;; i++) {
        if (sockets_open(NULL, supervisor->config, &supervisor->sockets, err) == 0)
            return 0;
        if (err->system != EADDRINUSE || i == ADDRESS_TRIES)
            return -1;
        usleep(ADDRESS_RETRY_US);
    }
}

static void end(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (process->child)
            child_kill(process->child, SIGKILL);
        child_free(process->child);
        channel_free(process->channel);
        loop_timer_free(process->restart);
    }
    sockets_free(supervisor->sockets);
    loop_timer_free(supervisor->tick);
    loop_timer_free(supervisor->deadline);
    config_free(supervisor->config);
    load_free(&supervisor->load);
}

int supervisor_run(const char *config_path, struct load *load, struct config *config)
{
    struct err err;
    struct supervisor supervisor = {.loop = loop_new(),
                                    .config_path = config_path ? config_path : LOAD_DEFAULT_PATH,
                                    .load = *load,
                                    .config = config};
    log_setup("parent", config->log_level, config->log_format);
    supervisor.tick = loop_timer_new(supervisor.loop, on_tick, &supervisor);
    supervisor.deadline = loop_timer_new(supervisor.loop, on_deadline, &supervisor);
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor.processes[i];
        *process = (struct process){.supervisor = &supervisor, .which = (enum which)i};
        process->restart = loop_timer_new(supervisor.loop, try_launch, process);
    }
    if (confine_make_folders(config, &err) < 0 || open_sockets_patiently(&supervisor, &err) < 0) {
        LOG_ERROR("does not start", LOG_ERR(&err));
        end(&supervisor);
        return err_exit_code(&err);
    }
    struct loop_signal *signals[] = {loop_signal_new(supervisor.loop, SIGTERM, drain_all, &supervisor),
                                     loop_signal_new(supervisor.loop, SIGINT, drain_all, &supervisor),
                                     loop_signal_new(supervisor.loop, SIGHUP, reload, &supervisor)};
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        try_launch(&supervisor.processes[i]);
    loop_timer_set(supervisor.tick, TICK);
    loop_run(supervisor.loop);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        loop_signal_free(signals[i]);
    end(&supervisor);
    loop_free(supervisor.loop);
    return supervisor.exit_code;
}
