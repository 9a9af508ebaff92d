#include "base/log.h"
#include "cmd/confine.h"
#include "cmd/processes.h"
#include "io/service.h"

#include <sys/wait.h>

#define PREPARE_MAX (30 * NANOS_PER_SECOND)

void setting_free(struct setting *setting)
{
    sockets_free(setting->sockets);
    config_free(setting->config);
    load_free(&setting->load);
    *setting = (struct setting){0};
}

static void end_reload(struct supervisor *supervisor)
{
    setting_free(&supervisor->next);
    loop_timer_cancel(supervisor->reload_deadline);
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        supervisor->processes[i].answer = ANSWER_NONE;
    if (supervisor->draining)
        return;
    if (supervisor->served)
        service_ready("watching");
    if (supervisor->reload_again)
        loop_timer_set(supervisor->reload_soon, 0);
}

static void tell_abort(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        if (supervisor->processes[i].answer != ANSWER_NONE)
            process_send(&supervisor->processes[i], CONTROL_ABORT, SV_NONE);
}

static void refuse(struct supervisor *supervisor, const char *cause, sv detail)
{
    LOG_ERROR("reload refused: the old configuration stays in force", LOG_STR("cause", cause),
              LOG_SV("detail", detail));
    tell_abort(supervisor);
    end_reload(supervisor);
}

void reload_abandon(struct supervisor *supervisor)
{
    loop_timer_cancel(supervisor->reload_soon);
    if (!supervisor->next.config)
        return;
    tell_abort(supervisor);
    end_reload(supervisor);
}

static void tell_commit(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (process->answer != ANSWER_PREPARED || !process->channel)
            continue;
        sockets_send(supervisor->next.sockets, process_kind(process), process->number, true,
                     process->channel);
        process_send(process, CONTROL_COMMIT, SV_NONE);
    }
}

/* Starts what is needed now. What is not needed any more ends, and so does what was not yet ready when all
 * others were asked: it comes again with the configuration that it missed. */
static void settle_processes(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (!process->child)
            process_launch(process);
        else if (process->answer != ANSWER_PREPARED)
            process_send(process, CONTROL_DRAIN, SV_NONE);
    }
}

static void commit_if_prepared(struct supervisor *supervisor)
{
    for (size_t i = 0; i < PROCESS_COUNT; i++)
        if (supervisor->processes[i].answer == ANSWER_WAITING)
            return;
    tell_commit(supervisor);
    setting_free(&supervisor->now);
    supervisor->now = supervisor->next;
    supervisor->next = (struct setting){0};
    settle_processes(supervisor);
    log_setup("parent", supervisor->now.config->log_level, supervisor->now.config->log_format);
    LOG_INFO("reloaded", LOG_STR("file", supervisor->config_path));
    end_reload(supervisor);
}

/* Reads and checks the new configuration; the first error is told in one line, `vedette check` tells them
 * all. */
static int load_next(struct supervisor *supervisor, struct err *err)
{
    struct setting *next = &supervisor->next;
    struct config_errors errors;
    if (load_files(supervisor->config_path, &next->load, err) < 0)
        return -1;
    config_errors_init(&errors);
    next->config = load_parse(&next->load, &errors);
    if (!next->config)
        err_set(err, ERR_CONFIG, "`vedette check` tells every error", "%s:%d:%d: %s",
                errors.items[0].file ? errors.items[0].file : supervisor->config_path, errors.items[0].line,
                errors.items[0].column, errors.items[0].message);
    config_errors_free(&errors);
    if (!next->config || confine_make_folders(next->config, err) < 0)
        return -1;
    return sockets_open(supervisor->now.sockets, next->config, &next->sockets, err);
}

static void ask_all(struct supervisor *supervisor)
{
    struct buf body = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    load_pack(&supervisor->next.load, &body);
    for (size_t i = 0; i < PROCESS_COUNT; i++) {
        struct process *process = &supervisor->processes[i];
        if (!process->ready || !process->channel || !process_is_needed(process, supervisor->next.config))
            continue;
        process->answer = ANSWER_WAITING;
        process_send(process, CONTROL_PREPARE, buf_view(&body));
    }
    buf_free(&body);
}

void reload_begin(struct supervisor *supervisor)
{
    struct err err;
    if (supervisor->draining)
        return;
    supervisor->reload_again = supervisor->next.config != NULL;
    if (supervisor->reload_again)
        return;
    service_reloading();
    if (load_next(supervisor, &err) < 0) {
        refuse(supervisor, err.cause, sv_of(err.advice));
        return;
    }
    ask_all(supervisor);
    loop_timer_set(supervisor->reload_deadline, PREPARE_MAX);
    commit_if_prepared(supervisor);
}

void reload_answered(struct process *process, bool prepared, sv reason)
{
    if (process->answer != ANSWER_WAITING)
        return;
    if (!prepared) {
        refuse(process->supervisor, process->name, reason);
        return;
    }
    process->answer = ANSWER_PREPARED;
    commit_if_prepared(process->supervisor);
}

/* One that ended in order had been told to by an earlier reload, and comes again with this one's. */
void reload_process_ended(struct process *process, int status)
{
    bool asked = process->answer != ANSWER_NONE;
    process->answer = ANSWER_NONE;
    if (!asked)
        return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        commit_if_prepared(process->supervisor);
    else
        refuse(process->supervisor, "a process ended while it prepared", sv_of(process->name));
}

static void on_soon(void *arg)
{
    reload_begin(arg);
}

static void on_deadline(void *arg)
{
    refuse(arg, "a process did not answer in time", SV_NONE);
}

void reload_init(struct supervisor *supervisor)
{
    supervisor->reload_soon = loop_timer_new(supervisor->loop, on_soon, supervisor);
    supervisor->reload_deadline = loop_timer_new(supervisor->loop, on_deadline, supervisor);
}

void reload_free(struct supervisor *supervisor)
{
    setting_free(&supervisor->next);
    loop_timer_free(supervisor->reload_soon);
    loop_timer_free(supervisor->reload_deadline);
}
