/* The other ways out: sends what is owed to each, in order, with retry, until it was answered. */
#ifndef VEDETTE_COURIER_WAYS_H
#define VEDETTE_COURIER_WAYS_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/way_try.h"

struct ways;

struct ways_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct http *http;
    struct keeper_client *keeper;
};

struct ways *ways_new(const struct ways_setup *setup, struct settings *settings);

/* Who runs commands: see way_try.h. */
void ways_set_runner(struct ways *ways, way_run_fn *run, void *arg);
void ways_ran(struct ways *ways, uint64_t serial, bool done, sv said);

void ways_settle(struct ways *ways, struct settings *settings);

/* Starts sending; and: notices were committed. */
void ways_kick(struct ways *ways);

/* Sends a test notice over one way, or all with name empty, at once and once; what came of each. done is
 * called after the last. -1: no such way. Not while another test runs. */
typedef void ways_tested_fn(void *arg, const char *way, bool done, const char *said);
int ways_test(struct ways *ways, sv name, ways_tested_fn *fn, loop_fn *done, void *arg, struct err *err);
void ways_test_forget(struct ways *ways, void *arg);

void ways_free(struct ways *ways); /* NULL is fine */

#endif
