#include "io/loop.h"

#include "io/loop_private.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct loop_charge {
    struct loop_charge *next, **place; /* what points to it */
    loop_fn *fn;
    void *arg;
};

struct loop {
    struct event_base *base;
    struct loop_charge *charges;
    bool stopped; /* loop_stop came before or during loop_run */
};

struct loop_timer {
    struct event *event;
    loop_fn *fn;
    void *arg;
};

struct loop_fd {
    struct event_base *base;
    struct event *event;
    struct event *always; /* a regular file has no poll set and is always ready: this timer plays its part */
    int fd, wanted;
    loop_fd_fn *fn;
    void *arg;
};

struct loop_signal {
    struct event *event;
    loop_fn *fn;
    void *arg;
};

struct loop_wake {
    struct event *event;
    int fd;
    loop_fn *fn;
    void *arg;
};

static void *zeroed(size_t n)
{
    void *p = calloc(1, n);
    assert(p);
    return p;
}

struct loop *loop_new(void)
{
    signal(SIGPIPE, SIG_IGN);
    struct event_config *config = event_config_new();
    assert(config);
    /* Timers set inside a slow callback count from now, not from the start of the turn. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    struct loop *loop = zeroed(sizeof *loop);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    if (!loop->base)
        abort();
    return loop;
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    while (loop->charges)
        loop->charges->fn(loop->charges->arg);
    event_base_free(loop->base);
    free(loop);
}

struct loop_charge *loop_charge_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_charge *charge = zeroed(sizeof *charge);
    *charge = (struct loop_charge){.next = loop->charges, .place = &loop->charges, .fn = fn, .arg = arg};
    if (charge->next)
        charge->next->place = &charge->next;
    loop->charges = charge;
    return charge;
}

void loop_charge_free(struct loop_charge *charge)
{
    if (!charge)
        return;
    *charge->place = charge->next;
    if (charge->next)
        charge->next->place = charge->place;
    free(charge);
}

struct event_base *loop_base(struct loop *loop)
{
    return loop->base;
}

void loop_run(struct loop *loop)
{
    if (!loop->stopped)
        event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
    loop->stopped = false;
}

void loop_stop(struct loop *loop)
{
    loop->stopped = true;
    event_base_loopbreak(loop->base);
}

static nanos clock_read(clockid_t clock)
{
    struct timespec now;
    int rc = clock_gettime(clock, &now);
    assert(rc == 0);
    return now.tv_sec * NANOS_PER_SECOND + now.tv_nsec;
}

nanos loop_now(void)
{
    return clock_read(CLOCK_REALTIME);
}

nanos loop_monotonic(void)
{
    return clock_read(CLOCK_MONOTONIC);
}

nanos loop_burnt(void)
{
    return clock_read(CLOCK_THREAD_CPUTIME_ID);
}

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    const struct loop_timer *timer = arg;
    timer->fn(timer->arg);
}

struct loop_timer *loop_timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_timer *timer = zeroed(sizeof *timer);
    *timer = (struct loop_timer){.fn = fn, .arg = arg};
    timer->event = evtimer_new(loop->base, timer_fired, timer);
    assert(timer->event);
    return timer;
}

void loop_timer_set(struct loop_timer *timer, nanos after)
{
    if (after < 0)
        after = 0;
    struct timeval wait = {.tv_sec = after / NANOS_PER_SECOND, .tv_usec = after % NANOS_PER_SECOND / 1000};
    int rc = evtimer_add(timer->event, &wait);
    assert(rc == 0);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    evtimer_del(timer->event);
}

bool loop_timer_pending(const struct loop_timer *timer)
{
    return evtimer_pending(timer->event, NULL);
}

void loop_timer_free(struct loop_timer *timer)
{
    if (!timer)
        return;
    event_free(timer->event);
    free(timer);
}

static void fd_ready(evutil_socket_t fd, short what, void *arg)
{
    const struct loop_fd *watch = arg;
    watch->fn(watch->arg, fd, (what & EV_READ ? LOOP_READ : 0) | (what & EV_WRITE ? LOOP_WRITE : 0));
}

static void file_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    const struct loop_fd *watch = arg;
    evtimer_add(watch->always, &(struct timeval){0}); /* before fn, which may free the watch */
    watch->fn(watch->arg, watch->fd, watch->wanted);
}

struct loop_fd *loop_fd_new(struct loop *loop, int fd, loop_fd_fn *fn, void *arg)
{
    struct loop_fd *watch = zeroed(sizeof *watch);
    *watch = (struct loop_fd){.base = loop->base, .fd = fd, .fn = fn, .arg = arg};
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        watch->always = evtimer_new(loop->base, file_ready, watch);
    else
        watch->event = event_new(loop->base, fd, EV_PERSIST, fd_ready, watch);
    assert(watch->always || watch->event);
    return watch;
}

void loop_fd_want(struct loop_fd *watch, int what)
{
    if (what == watch->wanted)
        return;
    watch->wanted = what;
    if (watch->always) {
        if (what)
            evtimer_add(watch->always, &(struct timeval){0});
        else
            evtimer_del(watch->always);
        return;
    }
    event_del(watch->event);
    if (!what)
        return;
    int flags = EV_PERSIST | (what & LOOP_READ ? EV_READ : 0) | (what & LOOP_WRITE ? EV_WRITE : 0);
    event_assign(watch->event, watch->base, watch->fd, (short)flags, fd_ready, watch);
    int rc = event_add(watch->event, NULL);
    assert(rc == 0);
}

void loop_fd_free(struct loop_fd *watch)
{
    if (!watch)
        return;
    if (watch->event)
        event_free(watch->event);
    if (watch->always)
        event_free(watch->always);
    free(watch);
}

static void signal_came(evutil_socket_t number, short what, void *arg)
{
    (void)number;
    (void)what;
    const struct loop_signal *watch = arg;
    watch->fn(watch->arg);
}

struct loop_signal *loop_signal_new(struct loop *loop, int signal, loop_fn *fn, void *arg)
{
    struct loop_signal *watch = zeroed(sizeof *watch);
    *watch = (struct loop_signal){.fn = fn, .arg = arg};
    watch->event = evsignal_new(loop->base, signal, signal_came, watch);
    assert(watch->event);
    int rc = evsignal_add(watch->event, NULL);
    assert(rc == 0);
    return watch;
}

void loop_signal_free(struct loop_signal *watch)
{
    if (!watch)
        return;
    event_free(watch->event);
    free(watch);
}

static void woken(evutil_socket_t fd, short what, void *arg)
{
    (void)what;
    const struct loop_wake *wake = arg;
    uint64_t count;
    if (read(fd, &count, sizeof count) == sizeof count)
        wake->fn(wake->arg);
}

struct loop_wake *loop_wake_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct loop_wake *wake = zeroed(sizeof *wake);
    *wake = (struct loop_wake){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .fn = fn, .arg = arg};
    assert(wake->fd >= 0);
    wake->event = event_new(loop->base, wake->fd, EV_READ | EV_PERSIST, woken, wake);
    assert(wake->event);
    int rc = event_add(wake->event, NULL);
    assert(rc == 0);
    return wake;
}

void loop_wake_up(struct loop_wake *wake)
{
    uint64_t one = 1;
    /* EAGAIN means that the counter is full, so the loop is awake already. */
    while (write(wake->fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void loop_wake_free(struct loop_wake *wake)
{
    if (!wake)
        return;
    event_free(wake->event);
    close(wake->fd);
    free(wake);
}
