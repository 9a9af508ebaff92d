/* Private to the supervisor: the processes it keeps, and the reload of their configuration. */
#ifndef VEDETTE_CMD_PROCESSES_H
#define VEDETTE_CMD_PROCESSES_H

#include "cmd/load.h"
#include "cmd/process_name.h"
#include "cmd/runner.h"
#include "cmd/sockets.h"
#include "io/child.h"

/* In the order in which they start. Each has a place in the supervisor's table, at its number; of watches
 * there may be several, in the places from WATCH on. */
enum which { KEEPER, COURIER, GATEWAY, CORRELATE, WATCH };
enum { PROCESS_COUNT = WATCH + CONFIG_PROCESSES_MAX };

enum answer { ANSWER_NONE, ANSWER_WAITING, ANSWER_PREPARED };

struct process {
    struct supervisor *supervisor;
    enum which which;
    unsigned number; /* of its kind, from 0 */
    char name[PROCESS_NAME_MAX];
    struct child *child;     /* NULL: not running */
    struct channel *channel; /* NULL: not running, or about to end */
    struct loop_timer *restart;
    nanos started_at, heard_at, restart_delay;
    bool ready;
    bool correlates;    /* a watch: its rules have correlations */
    enum answer answer; /* to PREPARE */
};

/* What processes are started with. */
struct setting {
    struct load load;
    struct config *config;
    struct sockets *sockets;
};

void setting_free(struct setting *setting);

struct supervisor {
    struct loop *loop;
    const char *config_path;
    struct setting now;
    struct process processes[PROCESS_COUNT];
    struct loop_timer *tick, *drain_deadline;
    bool correlates; /* the rules of some watch have correlations */
    bool served;     /* all were ready once */
    bool draining;
    size_t drain_step;
    int exit_code;
    /* A reload under way has next.config: what takes over once every process has prepared it. */
    struct setting next;
    bool reload_again; /* asked for during a reload */
    struct runner *runner;
    struct loop_timer *reload_soon, *reload_deadline;
};

/* Whether this configuration has work for the process; for CORRELATE, whether the rules have. */
bool process_is_needed(const struct process *process, const struct config *config);

/* "watch": of all watches. */
const char *process_kind(const struct process *process);

/* Starts it unless it runs, or is not needed, or all is draining. */
void process_launch(struct process *process);

void process_send(const struct process *process, enum control_type type, sv body);

/* --- Reloading: everybody prepares, then everybody commits, or nobody does --- */

void reload_init(struct supervisor *supervisor);

/* Reads the configuration and asks every process that is ready to prepare it. */
void reload_begin(struct supervisor *supervisor);

/* PREPARED, or REFUSED with the reason. */
void reload_answered(struct process *process, bool prepared, sv reason);

/* A process that was asked will not answer any more. */
void reload_process_ended(struct process *process, int status);

/* The end of everything: the old configuration is the one that is drained. */
void reload_abandon(struct supervisor *supervisor);

void reload_free(struct supervisor *supervisor);

#endif
