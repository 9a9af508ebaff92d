#include "cmd/supervisor.h"

#include "base/log.h"
#include "base/memory.h"
#include "cmd/confine.h"
#include "cmd/processes.h"
#include "cmd/rule_cache.h"
#include "io/service.h"
#include "watch/sharing.h"
#include "wire/pack.h"

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
#define STARTING_MAX  (5 * 60 * NANOS_PER_SECOND) /* many rules take a while to compile */
#define DRAIN_MAX     (30 * NANOS_PER_SECOND)
#define TICK          NANOS_PER_SECOND

enum { ADDRESS_TRIES = 30, ADDRESS_RETRY_US = 100 * 1000 };

static const char *const kinds[] = {"keeper", "courier", "gateway", "correlate", "watch"};
static const enum which drain_order[] = {WATCH, CORRELATE, COURIER, GATEWAY, KEEPER};
static const enum which peers[][2] = {
    {COURIER, KEEPER}, {CORRELATE, COURIER}, {WATCH, COURIER}, {GATEWAY, KEEPER}};

const char *process_kind(const struct process *process)
{
    return kinds[process->which];
}

bool process_is_needed(const struct process *process, const struct config *config)
{
    switch (process->which) {
    case KEEPER:
        return config->secrets || config_relay_asks_pam(&config->relay);
    case COURIER:
        return !config_relay_alone(config);
    case GATEWAY:
        return config->relay.present;
    case WATCH:
        return process->number < watch_processes(config);
    case CORRELATE:
        return config->input_count > 0 && process->supervisor->correlates;
    }
    return false;
}

static void supervisor_fail(struct supervisor *supervisor, int exit_code)
{
    supervisor->exit_code = exit_code;
    loop_stop(supervisor->loop);
}

/* --- Starting and restarting --- */

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd);
static void on_closed(void *arg, struct channel *channel, const struct err *err);
static void on_ended(void *arg, struct child *child, int status);

static void connect_two(const struct process *a, const struct process *b)
{
    int ends[2];
    struct err err;
    if (!a->channel || !b->channel)
        return;
    if (channel_pair(ends, &err) < 0) {
        LOG_ERROR("two processes cannot be joined", LOG_ERR(&err));
        return;
    }
    channel_send(a->channel, CONTROL_PEER, sv_of(b->name), ends[0]);
    channel_send(b->channel, CONTROL_PEER, sv_of(a->name), ends[1]);
}

static bool speak(enum which a, enum which b)
{
    for (size_t i = 0; i < sizeof peers / sizeof *peers; i++)
        if ((peers[i][0] == a && peers[i][1] == b) || (peers[i][0] == b && peers[i][1] == a))
            return true;
    return false;
}

static void connect_peers(const struct process *process)
{
    const struct supervisor *supervisor = process->supervisor;
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        if (speak(process->which, supervisor->processes[i].which))
            connect_two(process, &supervisor->processes[i]);
}

static int launch(struct process *process, struct err *err)
{
    struct supervisor *supervisor = process->supervisor;
    const char *const argv[] = {"vedette", "--child", process->name, NULL};
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
    load_pack(&supervisor->now.load, &body);
    channel_send(process->channel, CONTROL_START, buf_view(&body), -1);
    buf_free(&body);
    sockets_send(supervisor->now.sockets, process_kind(process), process->number, false, process->channel);
    connect_peers(process);
    channel_send(process->channel, CONTROL_GO, SV_NONE, -1);
    return 0;
}

void process_launch(struct process *process)
{
    struct err err;
    if (process->child || process->supervisor->draining ||
        !process_is_needed(process, process->supervisor->now.config))
        return;
    if (launch(process, &err) == 0)
        return;
    LOG_ERROR("a process does not start", LOG_STR("name", process->name), LOG_ERR(&err));
    if (!process->supervisor->served)
        supervisor_fail(process->supervisor, err_exit_code(&err));
    else
        loop_timer_set(process->restart, RESTART_MAX);
}

static void on_restart(void *arg)
{
    process_launch(arg);
}

void process_send(const struct process *process, enum control_type type, sv body)
{
    if (process->channel)
        channel_send(process->channel, type, body, -1);
}

static void schedule_restart(struct process *process)
{
    bool proven = loop_monotonic() - process->started_at > PROVEN_AFTER;
    process->restart_delay = proven || !process->restart_delay ? RESTART_FIRST : process->restart_delay * 2;
    if (process->restart_delay > RESTART_MAX)
        process->restart_delay = RESTART_MAX;
    loop_timer_set(process->restart, process->restart_delay);
}

/* --- Draining: sources first, so that what they gave is committed before the courier goes --- */

/* False: there is none of that kind. One that was told before is told again, which changes nothing. */
static bool drain_kind(struct supervisor *supervisor, enum which which)
{
    bool any = false;
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        const struct process *process = &supervisor->processes[i];
        if (process->which != which || !process->child)
            continue;
        process_send(process, CONTROL_DRAIN, SV_NONE);
        any = true;
    }
    return any;
}

static void drain_on(struct supervisor *supervisor)
{
    for (; supervisor->drain_step < sizeof drain_order / sizeof *drain_order; supervisor->drain_step++)
        if (drain_kind(supervisor, drain_order[supervisor->drain_step]))
            return;
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
    reload_abandon(supervisor);
    loop_timer_set(supervisor->drain_deadline, DRAIN_MAX);
    drain_on(supervisor);
}

/* --- What the processes say, and their end --- */

static void say_ready_if_all_are(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        if (process_is_needed(&supervisor->processes[i], supervisor->now.config) &&
            !supervisor->processes[i].ready)
            return;
    if (supervisor->served)
        return;
    supervisor->served = true;
    service_ready("watching");
    LOG_INFO("ready", LOG_STR("version", VEDETTE_VERSION), LOG_STR("file", supervisor->config_path),
             LOG_INT("inputs", supervisor->now.config->input_count),
             LOG_INT("gateways", supervisor->now.config->gateway_count));
}

static void on_ran(void *arg, uint64_t serial, bool done, sv said)
{
    struct supervisor *supervisor = arg;
    struct buf body = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct pack pack = PACK_INTO(&body);
    pack_u64(&pack, serial);
    pack_u32(&pack, done);
    pack_sv(&pack, said);
    process_send(&supervisor->processes[COURIER], CONTROL_RAN, buf_view(&body));
    buf_free(&body);
}

static void run(struct supervisor *supervisor, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    uint64_t serial = unpack_u64(&unpack);
    sv way = unpack_sv(&unpack), notice = unpack_sv(&unpack);
    if (unpack_done(&unpack))
        runner_run(supervisor->runner, supervisor->now.config, serial, way, notice);
}

/* The watches know the rules; who correlates is started for them, and ends when there are none any more.
 * During a reload some watches have the old rules and some the new ones. */
static void settle_correlator(struct supervisor *supervisor)
{
    struct process *correlate = &supervisor->processes[CORRELATE];
    struct err err;
    supervisor->correlates = false;
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        supervisor->correlates |= supervisor->processes[i].correlates;
    if (!supervisor->correlates) {
        sockets_close_correlate(supervisor->now.sockets);
        if (!supervisor->draining)
            process_send(correlate, CONTROL_DRAIN, SV_NONE);
        return;
    }
    int opened = sockets_open_correlate(supervisor->now.sockets, supervisor->now.config, &err);
    if (opened < 0)
        LOG_ERROR("the counters of correlate cannot be asked for", LOG_ERR(&err));
    else if (opened && correlate->channel)
        sockets_send(supervisor->now.sockets, process_kind(correlate), 0, false, correlate->channel);
    process_launch(correlate);
}

static void take_word_of_correlations(struct process *watch, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    watch->correlates = unpack_u32(&unpack) != 0;
    settle_correlator(watch->supervisor);
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
    } else if (type == CONTROL_FINISHED && !supervisor->draining)
        drain_all(supervisor);
    else if (type == CONTROL_STALE)
        reload_begin(supervisor);
    else if (type == CONTROL_PREPARED || type == CONTROL_REFUSED)
        reload_answered(process, type == CONTROL_PREPARED, body);
    else if (type == CONTROL_CORRELATES && process->which == WATCH)
        take_word_of_correlations(process, body);
    else if (type == CONTROL_COMPILED && process->which == WATCH && !process->ready)
        rule_cache_put(supervisor->now.config, body);
    else if (type == CONTROL_RUN && process->which == COURIER)
        run(supervisor, body);
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
    reload_process_ended(process, status);
    if (process->child)
        return;
    if (!process_is_needed(process, supervisor->now.config)) {
        process->correlates = false;
        return;
    }
    LOG_ERROR("a process ended and is started again", LOG_STR("name", process->name),
              LOG_STR("how", child_status_text(status, how, sizeof how)));
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
        bool silent = loop_monotonic() - process->heard_at > (process->ready ? SILENT_MAX : STARTING_MAX);
        /* While draining the deadline for all of it decides. */
        if (process->child && silent && !supervisor->draining) {
            LOG_ERROR("a process does not answer and is killed", LOG_STR("name", process->name));
            process->heard_at = loop_monotonic();
            child_kill(process->child, SIGKILL);
        }
    }
    loop_timer_set(supervisor->tick, TICK);
}

static void on_drain_late(void *arg)
{
    LOG_ERROR("did not drain in time: ending at once", LOG_INT("seconds", DRAIN_MAX / NANOS_PER_SECOND));
    supervisor_fail(arg, 75);
}

/* --- Life --- */

/* After a kill -9 of an earlier parent its children take a moment to notice and let go of the addresses. */
static int open_sockets_patiently(struct supervisor *supervisor, struct err *err)
{
    for (int i = 0;; i++) {
        if (sockets_open(NULL, supervisor->now.config, &supervisor->now.sockets, err) == 0)
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
    runner_free(supervisor->runner);
    reload_free(supervisor);
    loop_timer_free(supervisor->tick);
    loop_timer_free(supervisor->drain_deadline);
    setting_free(&supervisor->now);
    loop_free(supervisor->loop);
}

static void on_hangup(void *arg)
{
    reload_begin(arg);
}

int supervisor_run(const char *config_path, struct load *load, struct config *config)
{
    struct err err;
    struct supervisor supervisor = {.loop = loop_new(),
                                    .config_path = config_path ? config_path : LOAD_DEFAULT_PATH,
                                    .now = {.load = *load, .config = config}};
    memory_setup();
    log_setup("parent", config->log_level, config->log_format);
    supervisor.tick = loop_timer_new(supervisor.loop, on_tick, &supervisor);
    supervisor.drain_deadline = loop_timer_new(supervisor.loop, on_drain_late, &supervisor);
    supervisor.runner = runner_new(supervisor.loop, on_ran, &supervisor);
    reload_init(&supervisor);
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor.processes[i];
        *process = (struct process){.supervisor = &supervisor, .which = i < WATCH ? (enum which)i : WATCH};
        process->number = i < WATCH ? 0 : (unsigned)(i - WATCH);
        process_name(process_kind(process), process->number, process->name);
        process->restart = loop_timer_new(supervisor.loop, on_restart, process);
    }
    if (confine_make_folders(config, &err) < 0 || open_sockets_patiently(&supervisor, &err) < 0) {
        LOG_ERROR("does not start", LOG_ERR(&err));
        end(&supervisor);
        return err_exit_code(&err);
    }
    struct loop_signal *signals[] = {loop_signal_new(supervisor.loop, SIGTERM, drain_all, &supervisor),
                                     loop_signal_new(supervisor.loop, SIGINT, drain_all, &supervisor),
                                     loop_signal_new(supervisor.loop, SIGHUP, on_hangup, &supervisor)};
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        process_launch(&supervisor.processes[i]);
    loop_timer_set(supervisor.tick, TICK);
    loop_run(supervisor.loop);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        loop_signal_free(signals[i]);
    end(&supervisor);
    return supervisor.exit_code;
}
