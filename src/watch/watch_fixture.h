/* A watch with a courier played by the test. Not part of the program. */
#ifndef VEDETTE_WATCH_FIXTURE_H
#define VEDETTE_WATCH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "watch/watch.h"

enum { FIXTURE_FINDINGS_MAX = 20000 };

struct fixture {
    struct loop *loop;
    struct config_errors errors;
    struct config *config;
    struct watch *watch;
    unsigned number; /* of the watch */
    struct channel *near, *far;
    struct loop_timer *poll;
    char folder[64];

    bool commit;            /* answer each batch at once */
    uint64_t waiting[4096]; /* serials not yet answered */
    size_t waiting_count, batches;
    char *raw[FIXTURE_FINDINGS_MAX]; /* of every finding that came */
    size_t count;
    char cursor[1024];  /* of the last batch */
    size_t same_cursor; /* batches with findings whose cursor was the one before */
    bool drained, stdin_ended;

    bool (*until)(struct fixture *);
    size_t wanted;
    nanos give_up;
};

/* A folder of its own; the configuration is inputs (YAML flow, "%s" may stand once for the folder) and what
 * may follow them; every record that holds "needle" is a finding. There is one watch unless watch_processes
 * says otherwise. Nothing runs before fixture_start. */
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
void fixture_configure(struct fixture *fixture, const char *inputs);
/* The same with other rules, of level high; taken over. */
void fixture_configure_rules(struct fixture *fixture, const char *inputs, struct ruleset *ruleset);

/* Courier there, cursors told (cursor for the first input, or NULL), started. */
void fixture_connect(struct fixture *fixture);
void fixture_disconnect(struct fixture *fixture);
void fixture_start(struct fixture *fixture, const char *cursor);
struct config *fixture_config(struct fixture *fixture, const char *inputs);
struct ruleset *fixture_rules(void);

/* Turns the loop until so many findings have come; fails the test after ten seconds. */
void fixture_await(struct fixture *fixture, size_t findings);
void fixture_await_that(struct fixture *fixture, bool (*until)(struct fixture *));
/* Turns the loop for a while. */
void fixture_pass(struct fixture *fixture, int ms);
void fixture_commit_all(struct fixture *fixture);

/* A socket of this type on a port of 127.0.0.1 that the kernel chose; it is given to the watch. */
int fixture_listen(struct fixture *fixture, size_t input, int type);
int fixture_dial(int port, int type);
void fixture_write(int fd, const char *text);

#endif
