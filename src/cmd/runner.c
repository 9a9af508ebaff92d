#include "cmd/runner.h"

#include "base/log.h"
#include "courier/way_body.h"
#include "io/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static const char console[] = "/dev/console";

struct command {
    struct runner *runner; /* NULL: this place is free */
    struct child *child;
    struct loop_timer *deadline;
    uint64_t serial;
    bool late;
};

struct runner {
    struct loop *loop;
    runner_fn *fn;
    void *arg;
    struct command commands[RUNNER_COMMANDS_MAX];
};

static void command_end(struct command *command)
{
    child_free(command->child);
    loop_timer_free(command->deadline);
    *command = (struct command){0};
}

static void on_ended(void *arg, struct child *child, int status)
{
    struct command *command = arg;
    struct runner *runner = command->runner;
    uint64_t serial = command->serial;
    char how[64], said[128];
    (void)child;
    snprintf(said, sizeof said, "the command %s%s", child_status_text(status, how, sizeof how),
             command->late ? ": it took too long" : "");
    bool done = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    command_end(command);
    runner->fn(runner->arg, serial, done, sv_of(said));
}

static void on_late(void *arg)
{
    struct command *command = arg;
    command->late = true;
    child_kill_group(command->child, SIGKILL);
}

/* A file in memory, so that nobody waits for a command that does not read. */
static int input_of(sv body, struct err *err)
{
    int fd = memfd_create("notice", MFD_CLOEXEC);
    bool written = fd >= 0 && write(fd, body.p, body.n) == (ssize_t)body.n && lseek(fd, 0, SEEK_SET) == 0;
    if (written)
        return fd;
    err_set(err, ERR_SYSTEM, NULL, "hold a notice for a command");
    if (fd >= 0)
        close(fd);
    return -1;
}

static int start_command(struct runner *runner, const struct config_way *way, uint64_t serial, sv body,
                         struct err *err)
{
    struct command *command = runner->commands;
    const char *argv[CONFIG_LIST_ITEMS_MAX + 1];
    while (command < runner->commands + RUNNER_COMMANDS_MAX && command->runner)
        command++;
    if (command == runner->commands + RUNNER_COMMANDS_MAX)
        return err_set(err, ERR_TEMPORARY, NULL, "too many commands run already");
    assert(way->command.count < sizeof argv / sizeof *argv);
    for (size_t i = 0; i < way->command.count; i++)
        argv[i] = way->command.items[i];
    argv[way->command.count] = NULL;
    int input = input_of(body, err);
    if (input < 0 ||
        child_start_foreign(runner->loop, argv, input, on_ended, command, &command->child, err) < 0)
        return -1;
    command->runner = runner;
    command->serial = serial;
    command->deadline = loop_timer_new(runner->loop, on_late, command);
    loop_timer_set(command->deadline, way->timeout);
    return 0;
}

static void write_console(struct runner *runner, uint64_t serial, sv body)
{
    struct err err;
    struct buf line = BUF_INIT(WAY_BODY_BYTES_MAX);
    bool done = false;
    err_set(&err, ERR_DATA, NULL, "the notice is too long for a line");
    buf_put(&line, SV("vedette: "));
    if (way_body_line(body, &line, &err) == 0) {
        LOG_ERROR("notice", LOG_SV("text", buf_view(&line)));
        buf_put(&line, SV("\r\n"));
        int fd = open(console, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
        sv bytes = buf_view(&line);
        done = fd >= 0 && write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n;
        if (!done)
            err_set(&err, ERR_SYSTEM, "it was logged all the same", "write to %s", console);
        if (fd >= 0)
            close(fd);
    }
    buf_free(&line);
    runner->fn(runner->arg, serial, done, done ? SV("written") : sv_of(err.cause));
}

void runner_run(struct runner *runner, const struct config *config, uint64_t serial, sv name, sv body)
{
    struct err err;
    const struct config_way *way = config->ways, *end = way + config->way_count;
    while (way < end && !sv_eq(sv_of(way->name), name))
        way++;
    if (way == end || (!way->command.count && !way->console)) {
        runner->fn(runner->arg, serial, false, SV("no command of that name is configured"));
        return;
    }
    if (way->console)
        write_console(runner, serial, body);
    else if (start_command(runner, way, serial, body, &err) < 0)
        runner->fn(runner->arg, serial, false, sv_of(err.cause));
}

struct runner *runner_new(struct loop *loop, runner_fn *fn, void *arg)
{
    struct runner *runner = calloc(1, sizeof *runner);
    assert(runner);
    *runner = (struct runner){.loop = loop, .fn = fn, .arg = arg};
    return runner;
}

void runner_free(struct runner *runner)
{
    if (!runner)
        return;
    for (size_t i = 0; i < RUNNER_COMMANDS_MAX; i++)
        if (runner->commands[i].runner) {
            child_kill_group(runner->commands[i].child, SIGKILL);
            command_end(&runner->commands[i]);
        }
    free(runner);
}
