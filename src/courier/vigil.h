/* The watches between canaries: every paths.probe a quiet look at each gateway — its name in DNS, the way to
 * its address, one EHLO without mail — compared with what was found before. What changed for the worse is
 * trouble until it is well again, or until somebody has looked at it (`vedette path reviewed`). */
#ifndef VEDETTE_COURIER_VIGIL_H
#define VEDETTE_COURIER_VIGIL_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/trouble.h"

struct vigil;

struct vigil_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct troubles *troubles; /* must outlive the vigil */
    /* The look is over and there is no session with it any more: a session that logs in may be tried. */
    void (*looked)(void *arg, const char *gateway);
    /* NULL: nobody follows the looks. For tests. */
    void (*done)(void *arg, const char *gateway);
    void *arg;
};

struct vigil *vigil_new(const struct vigil_setup *setup, struct settings *settings);
void vigil_start(struct vigil *vigil);
void vigil_settle(struct vigil *vigil, struct settings *settings);

/* Somebody has looked at this gateway's settings and at what was found of it: that is what is expected from
 * now on. done (with the error, or NULL) is called once it is on disk. */
typedef void vigil_reviewed_fn(void *arg, const struct err *err);
void vigil_reviewed(struct vigil *vigil, const char *gateway, vigil_reviewed_fn *done, void *arg);

/* Begins no look any more; those under way are dropped without a word. */
void vigil_drain(struct vigil *vigil);
void vigil_free(struct vigil *vigil); /* NULL is fine */

#endif
