/* The event loop: timers, descriptors, signals. libevent stays behind this header. One loop a process. */
#ifndef VEDETTE_IO_LOOP_H
#define VEDETTE_IO_LOOP_H

#include "base/err.h"
#include "base/timefmt.h"

struct loop;
struct loop_timer;
struct loop_fd;
struct loop_signal;

/* Ends the process when the kernel gives no poll set. */
struct loop *loop_new(void);
void loop_free(struct loop *loop);

/* For what nobody owns but the loop: loop_free calls fn, which frees it. */
struct loop_charge;
typedef void loop_fn(void *arg);
struct loop_charge *loop_charge_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_charge_free(struct loop_charge *charge); /* NULL is fine */

/* Turns until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Wall clock, monotonic clock, and this thread's processor time, by which what interrupts it does not count;
 * read now. */
nanos loop_now(void);
nanos loop_monotonic(void);
nanos loop_burnt(void);

/* A one-shot timer, not yet set. Setting it again moves it. after < 0 counts as 0. */
struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_timer_set(struct loop_timer *timer, nanos after);
void loop_timer_cancel(struct loop_timer *timer);
bool loop_timer_pending(const struct loop_timer *timer);
void loop_timer_free(struct loop_timer *timer); /* NULL is fine */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };
typedef void loop_fd_fn(void *arg, int fd, int ready);

/* Calls fn while fd is ready for what is wanted (level-triggered). Does not own fd. */
struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fd_fn *fn, void *arg);
void loop_fd_want(struct loop_fd *watch, int what); /* 0 pauses */
void loop_fd_free(struct loop_fd *watch);           /* NULL is fine */

struct loop_signal *loop_signal_new(struct loop *loop, int signal, loop_fn *fn, void *arg);
void loop_signal_free(struct loop_signal *watch);

/* For other threads: fn runs on the loop's thread, soon, once per call or once for several. */
struct loop_wake;
struct loop_wake *loop_wake_new(struct loop *loop, loop_fn *fn, void *arg);
void loop_wake_up(struct loop_wake *wake); /* the only call here that any thread may make */
void loop_wake_free(struct loop_wake *wake);

#endif
