#include "io/reach.h"

#include "io/route.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A SYN that was not answered is sent again after a second: the trace's sockets are closed before. */
static const nanos trace_length = 900 * NANOS_PER_MS;
static const nanos trace_after_max = 1500 * NANOS_PER_MS;

struct attempt {
    struct reach *reach;
    int fd; /* -1 once closed */
    struct loop_fd *watch;
    nanos began;
};

struct reach {
    struct loop *loop;
    bool trace, half_over;
    struct attempt main, hops[REACH_HOPS_MAX];
    struct loop_timer *patience, *trace_start, *trace_end, *delivery;
    struct reach_report report;
    reach_fn *fn;
    void *arg;
};

static void attempt_end(struct attempt *attempt)
{
    loop_fd_free(attempt->watch);
    attempt->watch = NULL;
    if (attempt->fd >= 0)
        close(attempt->fd);
    attempt->fd = -1;
}

static void reach_free(struct reach *reach)
{
    attempt_end(&reach->main);
    for (size_t i = 0; i < REACH_HOPS_MAX; i++)
        attempt_end(&reach->hops[i]);
    loop_timer_free(reach->patience);
    loop_timer_free(reach->trace_start);
    loop_timer_free(reach->trace_end);
    loop_timer_free(reach->delivery);
    free(reach);
}

static void deliver(void *arg)
{
    struct reach *reach = arg;
    struct reach_report report = reach->report;
    reach_fn *fn = reach->fn;
    void *fn_arg = reach->arg;
    reach_free(reach);
    fn(fn_arg, &report);
}

/* 0 when connecting has begun, else an errno. hop_limit 0: the usual one. */
static int attempt_begin(struct attempt *attempt, struct reach *reach, int hop_limit, loop_fd_fn *fn)
{
    const struct sockaddr *to = (const struct sockaddr *)&reach->report.to.storage;
    bool v6 = to->sa_family == AF_INET6;
    attempt->reach = reach;
    attempt->began = loop_monotonic();
    attempt->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (attempt->fd < 0)
        return errno;
    icmp_watch(attempt->fd, to->sa_family);
    if (hop_limit && setsockopt(attempt->fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_UNICAST_HOPS : IP_TTL,
                                &hop_limit, sizeof hop_limit) < 0)
        return errno;
    if (connect(attempt->fd, to, reach->report.to.length) < 0 && errno != EINPROGRESS)
        return errno;
    attempt->watch = loop_fd_new(reach->loop, attempt->fd, fn, attempt);
    loop_fd_want(attempt->watch, LOOP_WRITE);
    return 0;
}

static enum reach_state state_of_icmp(const struct icmp_error *icmp)
{
    switch (icmp->meaning) {
    case ICMP_PROHIBITED:
    case ICMP_PORT_CLOSED:
        return icmp->own ? REACH_FORBIDDEN : REACH_REJECTED;
    case ICMP_NONE:
    case ICMP_NO_ROUTE:
    case ICMP_NO_HOST:
    case ICMP_TOO_BIG:
    case ICMP_EXPIRED:
    case ICMP_OTHER:
        return REACH_UNREACHABLE;
    }
    abort();
}

static enum reach_state state_of(int system)
{
    switch (system) {
    case 0:
        return REACH_OPEN;
    case ECONNREFUSED:
    case ECONNRESET:
        return REACH_REFUSED;
    case EPERM:
    case EACCES:
        return REACH_FORBIDDEN;
    case ETIMEDOUT:
        return REACH_SILENT;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL: /* a blackhole route */
        return REACH_UNREACHABLE;
    }
    return REACH_FAILED;
}

static void conclude(struct reach *reach, int system)
{
    struct reach_report *report = &reach->report;
    report->system = system;
    report->time = loop_monotonic() - reach->main.began;
    report->state = report->icmp.meaning ? state_of_icmp(&report->icmp) : state_of(system);
    attempt_end(&reach->main);
    for (size_t i = 0; i < REACH_HOPS_MAX; i++)
        attempt_end(&reach->hops[i]);
    loop_timer_cancel(reach->patience);
    loop_timer_cancel(reach->trace_start);
    loop_timer_cancel(reach->trace_end);
    loop_timer_set(reach->delivery, 0);
}

static int outcome_of(const struct attempt *attempt, struct icmp_error *ret_icmp)
{
    int system = 0;
    socklen_t n = sizeof system;
    if (getsockopt(attempt->fd, SOL_SOCKET, SO_ERROR, &system, &n) < 0)
        system = errno;
    struct icmp_error icmp;
    if (icmp_take(attempt->fd, &icmp)) {
        *ret_icmp = icmp;
        if (!system)
            system = icmp.system;
    }
    return system;
}

static void on_main(void *arg, int fd, int ready)
{
    (void)fd;
    (void)ready;
    struct attempt *attempt = arg;
    conclude(attempt->reach, outcome_of(attempt, &attempt->reach->report.icmp));
}

static void on_hop(void *arg, int fd, int ready)
{
    (void)fd;
    (void)ready;
    struct attempt *attempt = arg;
    struct reach *reach = attempt->reach;
    size_t i = (size_t)(attempt - reach->hops);
    struct reach_hop *hop = &reach->report.hops[i];
    outcome_of(attempt, &hop->icmp);
    hop->time = loop_monotonic() - attempt->began;
    attempt_end(attempt);
    if (hop->icmp.meaning == ICMP_NONE)
        return; /* the other end answers this one: the way is longer than the silence */
    if (i + 1 > reach->report.hop_count)
        reach->report.hop_count = (unsigned)i + 1;
    if (hop->icmp.meaning == ICMP_EXPIRED && i + 1 > reach->report.last_hop)
        reach->report.last_hop = (unsigned)i + 1;
}

static void on_trace_end(void *arg)
{
    struct reach *reach = arg;
    for (size_t i = 0; i < REACH_HOPS_MAX; i++)
        attempt_end(&reach->hops[i]);
}

/* TCP does not tell when a filter of this machine swallows its packets, a raw socket does. This one sends
 * what looks like our SYN, but cannot pass the first router and has a checksum that nobody takes. */
static bool swallowed_here(const struct address *to)
{
    const struct sockaddr *address = (const struct sockaddr *)&to->storage;
    bool v6 = address->sa_family == AF_INET6;
    int fd = socket(address->sa_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0)
        return false;
    struct sockaddr_in in; /* the port stands at the same place in both families */
    memcpy(&in, address, sizeof in);
    struct tcphdr syn = {.th_dport = in.sin_port, .th_off = sizeof syn / 4, .th_flags = TH_SYN, .th_sum = 1};
    syn.th_sport = htons(IPPORT_RESERVED);
    struct address without_port = *to;
    in.sin_port = 0;
    memcpy(&without_port.storage, &in, sizeof in);
    setsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_UNICAST_HOPS : IP_TTL, &(int){1}, sizeof(int));
    bool forbidden = sendto(fd, &syn, sizeof syn, 0, (const struct sockaddr *)&without_port.storage,
                            without_port.length) < 0 &&
                     errno == EPERM;
    close(fd);
    return forbidden;
}

static void on_trace_start(void *arg)
{
    struct reach *reach = arg;
    struct ip_route route;
    if (swallowed_here(&reach->report.to)) {
        conclude(reach, EPERM);
        return;
    }
    reach->report.on_link = route_to(&reach->report.to, &route, NULL) == 0 && route.on_link;
    if (!reach->trace || reach->report.on_link)
        return;
    reach->report.traced = true;
    for (int i = 0; i < REACH_HOPS_MAX; i++)
        if (attempt_begin(&reach->hops[i], reach, i + 1, on_hop))
            attempt_end(&reach->hops[i]);
    loop_timer_set(reach->trace_end, trace_length);
}

static void on_patience(void *arg)
{
    conclude(arg, ETIMEDOUT);
}

struct reach *reach_start(struct loop *loop, const struct address *to, nanos timeout, bool trace,
                          reach_fn *fn, void *arg)
{
    struct reach *reach = calloc(1, sizeof *reach);
    assert(reach);
    *reach = (struct reach){.loop = loop, .trace = trace, .report = {.to = *to}, .fn = fn, .arg = arg};
    reach->main.fd = -1;
    for (size_t i = 0; i < REACH_HOPS_MAX; i++)
        reach->hops[i].fd = -1;
    reach->patience = loop_timer_new(loop, on_patience, reach);
    reach->trace_start = loop_timer_new(loop, on_trace_start, reach);
    reach->trace_end = loop_timer_new(loop, on_trace_end, reach);
    reach->delivery = loop_timer_new(loop, deliver, reach);
    int failed = attempt_begin(&reach->main, reach, 0, on_main);
    if (failed) {
        conclude(reach, failed);
        return reach;
    }
    loop_timer_set(reach->patience, timeout);
    loop_timer_set(reach->trace_start, timeout / 2 < trace_after_max ? timeout / 2 : trace_after_max);
    return reach;
}

void reach_cancel(struct reach *reach)
{
    if (reach)
        reach_free(reach);
}

static void explain_unreachable(const struct reach_report *report, char *text)
{
    const struct icmp_error *icmp = &report->icmp;
    char said[ICMP_TEXT_MAX];
    if (icmp->meaning == ICMP_NO_HOST && icmp->own)
        snprintf(text, REACH_TEXT_MAX,
                 "no machine answers to this address on our own network (nor to ARP or "
                 "neighbour discovery)");
    else if (icmp->meaning == ICMP_EXPIRED)
        snprintf(text, REACH_TEXT_MAX, "the packets go round in circles: %s", icmp_text(icmp, said));
    else if (icmp->meaning != ICMP_NONE)
        snprintf(text, REACH_TEXT_MAX, "unreachable: %s", icmp_text(icmp, said));
    else if (report->system == EINVAL)
        snprintf(text, REACH_TEXT_MAX, "unreachable: a blackhole route of this machine swallows it");
    else
        snprintf(text, REACH_TEXT_MAX, "unreachable: %s, says this machine's own routing",
                 strerrordesc_np(report->system));
}

static void explain_silence(const struct reach_report *report, char *text)
{
    char time[32], hop[ADDRESS_TEXT_MAX];
    int n =
        snprintf(text, REACH_TEXT_MAX, "no answer within %s; ", time_length(report->time, time, sizeof time));
    char *rest = text + n;
    size_t cap = REACH_TEXT_MAX - (size_t)n;
    if (report->on_link)
        snprintf(rest, cap,
                 "no router lies between, so the host itself, or a filter in front of it, drops it");
    else if (!report->traced)
        snprintf(rest, cap, "where on the way it is dropped was not looked for");
    else if (report->last_hop == 0)
        snprintf(rest, cap, "no router on the way says anything, so where it is dropped cannot be told");
    else
        snprintf(rest, cap,
                 "the last that is heard of on the way is hop %u, %s: what comes after it drops it",
                 report->last_hop, address_ip_text(&report->hops[report->last_hop - 1].icmp.from, hop));
}

char *reach_text(const struct reach_report *report, char text[static REACH_TEXT_MAX])
{
    char time[32], said[ICMP_TEXT_MAX];
    switch (report->state) {
    case REACH_OPEN:
        snprintf(text, REACH_TEXT_MAX, "open, handshake took %s",
                 time_length(report->time, time, sizeof time));
        break;
    case REACH_REFUSED:
        snprintf(text, REACH_TEXT_MAX, "refused (RST): the host is there, but nothing listens at this port");
        break;
    case REACH_REJECTED:
        snprintf(text, REACH_TEXT_MAX, "rejected by a firewall: %s", icmp_text(&report->icmp, said));
        break;
    case REACH_UNREACHABLE:
        explain_unreachable(report, text);
        break;
    case REACH_FORBIDDEN:
        snprintf(text, REACH_TEXT_MAX, "forbidden by this machine itself: %s",
                 report->icmp.meaning ? icmp_text(&report->icmp, said) : "a filter or a route of its own");
        break;
    case REACH_SILENT:
        explain_silence(report, text);
        break;
    case REACH_FAILED:
        snprintf(text, REACH_TEXT_MAX, "could not be tried: %s", strerrordesc_np(report->system));
        break;
    }
    return text;
}
