/* One try to tell a notice over one way: webhook, syslog, command or console. */
#ifndef VEDETTE_COURIER_WAY_TRY_H
#define VEDETTE_COURIER_WAY_TRY_H

#include "config/config.h"
#include "io/http.h"
#include "secret/keeper.h"

struct way_try;

/* Asks the parent process, which alone can, to run the way's command, or to write to the console; false: it
 * cannot be asked. Its answer comes by way_try_ran. */
typedef bool way_run_fn(void *arg, uint64_t serial, const char *way, sv body);

/* What must outlive the try: loop, http, keeper, config, way. */
struct way_try_setup {
    struct loop *loop;
    struct http *http;
    struct keeper_client *keeper;
    const struct config *config;
    const struct config_way *way;
    way_run_fn *run; /* may be NULL */
    void *run_arg;
    uint64_t serial;
};

enum { WAY_SAID_MAX = 300 };

/* done: it was answered, or for syslog handed to the kernel. said: one line. The try is gone by then. */
typedef void way_try_fn(void *arg, bool done, const char *said);

/* body: the generic JSON, copied. fn is called once, never before this returns. */
struct way_try *way_try_start(const struct way_try_setup *setup, sv body, way_try_fn *fn, void *arg);
void way_try_ran(struct way_try *try, bool done, sv said);
void way_try_cancel(struct way_try *try); /* NULL is fine; not after fn */

#endif
