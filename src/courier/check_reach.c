#include "courier/check_private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

static const int compared[CHECK_PORTS] = {587, 465, 25};
static const nanos PING_TIMEOUT = 1500 * NANOS_PER_MS;
/* Ports that are liked better may still answer so long after the first has. */
static const nanos GUESS_GRACE = 500 * NANOS_PER_MS;

/* --- Route --- */

static void tell_route(struct check *check)
{
    char source[ADDRESS_TEXT_MAX], router[ADDRESS_TEXT_MAX];
    const struct ip_route *route = &check->reaching.route;
    address_ip_text(&route->source, source);
    if (route->own)
        check_fact(check, CHECK_ROUTE, "this machine's own address, by %s", route->interface);
    else if (route->on_link)
        check_fact(check, CHECK_ROUTE, "from %s by %s, on-link, MTU %u", source, route->interface,
                   (unsigned)route->mtu);
    else
        check_fact(check, CHECK_ROUTE, "from %s by %s over router %s, MTU %u", source, route->interface,
                   address_ip_text(&route->router, router), (unsigned)route->mtu);
}

static bool lost_big_ones(const struct check_reaching *reaching)
{
    const struct ping_report *ping = &reaching->ping_report;
    return reaching->pinged && reaching->big && ping->small.state == PING_ANSWERED &&
           (ping->big.state == PING_SILENT || ping->big.state == PING_REJECTED) &&
           ping->big.icmp.meaning != ICMP_TOO_BIG;
}

bool check_reach_big_lost(const struct check *check)
{
    return lost_big_ones(&check->reaching);
}

static void tell_ping(struct check *check, const struct ping_report *report)
{
    const struct ping_outcome *small = &report->small;
    char text[ICMP_TEXT_MAX];
    switch (small->state) {
    case PING_ANSWERED:
        check_fact(check, CHECK_ROUTE, "echo in %.1f ms", (double)small->time / (double)NANOS_PER_MS);
        break;
    case PING_SILENT:
        check_fact(check, CHECK_ROUTE, "no echo, which proves nothing");
        break;
    case PING_REJECTED:
        check_fact(check, CHECK_ROUTE, "no echo: %s", icmp_text(&small->icmp, text));
        break;
    case PING_NOT_PERMITTED:
        check_fact(check, CHECK_ROUTE, "echo not tried: this process may not");
        break;
    case PING_FAILED:
        check_fact(check, CHECK_ROUTE, "echo could not be sent: %s", strerrordesc_np(small->system));
        break;
    }
    if (report->big.state == PING_REJECTED && report->big.icmp.meaning == ICMP_TOO_BIG)
        check_fact(check, CHECK_ROUTE, "path MTU %u", (unsigned)report->big.icmp.mtu);
    else if (lost_big_ones(&check->reaching))
        check_find(check, ADVICE_route_big_lost, "an echo of %u bytes is lost, small ones are answered",
                   (unsigned)check->reaching.route.mtu);
}

static void on_ping(void *arg, const struct ping_report *report)
{
    struct check *check = arg;
    check->reaching.ping = NULL;
    check->reaching.pinged = true;
    check->reaching.ping_report = *report;
    tell_ping(check, report);
    check_end(check, CHECK_ROUTE);
}

/* The echo goes on: what it shows of big packets may explain why a handshake stalls. */
void check_reach_luxury_over(struct check *check)
{
    if (!check->reaching.ping)
        return;
    check_fact(check, CHECK_ROUTE, "no echo yet");
    check_end(check, CHECK_ROUTE);
}

/* False when nothing further can be tried. */
static bool find_route(struct check *check)
{
    struct err err;
    check_begin(check, CHECK_ROUTE);
    if (route_to(&check->address, &check->reaching.route, &err) == 0) {
        check->reaching.routed = true;
        tell_route(check);
        return true;
    }
    if (err.class != ERR_UNAVAILABLE) {
        check_find(check, ADVICE_route_unknown, "%s", err.cause);
        return true;
    }
    check_find(check, advice_of_route(err.system), "%s", err.cause);
    return false;
}

/* --- Connect --- */

static struct check_reach_one *port_of(struct check *check, int port)
{
    for (size_t i = 0; i < check->reaching.count; i++)
        if (check->reaching.ports[i].port == port)
            return &check->reaching.ports[i];
    return NULL;
}

int check_reach_other(const struct check *check)
{
    for (size_t i = 0; i < check->reaching.count; i++) {
        const struct check_reach_one *one = &check->reaching.ports[i];
        if (one->done && one->report.state == REACH_OPEN && one->port != check->report.port)
            return one->port;
    }
    return 0;
}

static const char *state_word(enum reach_state state)
{
    switch (state) {
    case REACH_OPEN:
        return "open";
    case REACH_REFUSED:
        return "refused";
    case REACH_REJECTED:
        return "rejected";
    case REACH_UNREACHABLE:
        return "unreachable";
    case REACH_FORBIDDEN:
        return "forbidden here";
    case REACH_SILENT:
        return "silent";
    case REACH_FAILED:
        return "not tried";
    }
    return "unknown"; /* not reached */
}

/* What the three ports came to, for the report. */
static void fill_ports(struct check *check)
{
    char text[160];
    size_t n = 0;
    check->report.port_count = 0;
    text[0] = '\0';
    for (size_t i = 0; i < CHECK_PORTS; i++) {
        const struct check_reach_one *one = port_of(check, compared[i]);
        if (!one || !one->done)
            continue;
        check->report.ports[check->report.port_count++] =
            (struct check_port){.port = one->port, .reach = one->report};
        n += (size_t)snprintf(text + n, sizeof text - n, "%sport %d %s", n ? ", " : "", one->port,
                              state_word(one->report.state));
        assert(n < sizeof text);
    }
    if (check->report.port_count > 1)
        check_fact(check, CHECK_CONNECT, "%s", text);
}

static bool all_done(const struct check *check)
{
    for (size_t i = 0; i < check->reaching.count; i++)
        if (!check->reaching.ports[i].done)
            return false;
    return true;
}

static const char *trace_text(const struct reach_report *reach, char *text, size_t cap)
{
    char ip[ADDRESS_TEXT_MAX];
    size_t n = 0;
    text[0] = '\0';
    for (unsigned i = 0; reach->traced && i < reach->hop_count && n + 80 < cap; i++) {
        const struct icmp_error *icmp = &reach->hops[i].icmp;
        n += (size_t)snprintf(
            text + n, cap - n, "%s%u %s", n ? ", " : "; the way there: ", i + 1,
            icmp->meaning == ICMP_NONE || !icmp->from.length ? "silent" : address_ip_text(&icmp->from, ip));
    }
    return text;
}

static void tell_failure(struct check *check)
{
    char text[REACH_TEXT_MAX], trace[500];
    struct check_reach_one *one = port_of(check, check->report.port);
    if (!one || !all_done(check) || check->ended[CHECK_CONNECT])
        return;
    fill_ports(check);
    bool other = check_reach_other(check) != 0;
    enum advice advice = advice_of_reach(&one->report, other);
    if (advice == ADVICE_NONE) /* open by now: what the dialogue met was of a moment */
        check_find(check, ADVICE_connect_failed, "the connection failed at first, and not the next time");
    else
        check_find(check, advice, "port %d: %s%s", one->port, reach_text(&one->report, text),
                   trace_text(&one->report, trace, sizeof trace));
    check_dialogue_is_over(check, "no connection");
}

static void choose(struct check *check)
{
    if (!check->guessing || check->request.gateway.port || check->dialogue_over)
        return;
    check_guess_ports(check);
    if (check->candidate_count) {
        check_dialogue_dial(check);
        return;
    }
    /* None is open: the first one stands for all. */
    check->report.port = compared[0];
    check_set_security(check, SMTP_SECURITY_STARTTLS);
    tell_failure(check);
}

static bool is_better(int a, int b)
{
    for (size_t i = 0; i < CHECK_PORTS; i++)
        if (compared[i] == a || compared[i] == b)
            return compared[i] == a && a != b;
    return false;
}

/* True when no port that is still to answer would be preferred to one that is open. */
static bool is_chosen(const struct check *check)
{
    int best = 0;
    for (size_t i = 0; i < check->reaching.count; i++) {
        const struct check_reach_one *one = &check->reaching.ports[i];
        if (one->done && one->report.state == REACH_OPEN && (!best || is_better(one->port, best)))
            best = one->port;
    }
    for (size_t i = 0; i < check->reaching.count && best; i++)
        if (!check->reaching.ports[i].done && is_better(check->reaching.ports[i].port, best))
            return false;
    return best != 0;
}

static void on_grace(void *arg)
{
    choose(arg);
}

static void on_reach(void *arg, const struct reach_report *report)
{
    struct check_reach_one *one = arg;
    struct check *check = one->check;
    one->reach = NULL;
    one->done = true;
    one->report = *report;
    if (check->guessing && !check->request.gateway.port) {
        if (all_done(check) || is_chosen(check))
            choose(check);
        else if (report->state == REACH_OPEN && !loop_timer_pending(check->reaching.grace))
            loop_timer_set(check->reaching.grace, GUESS_GRACE);
        return;
    }
    if (check->reaching.failed)
        tell_failure(check);
}

static void add_port(struct check *check, int port, bool trace, nanos timeout)
{
    struct address to;
    struct err err;
    assert(check->reaching.count < CHECK_PORTS + 1);
    struct check_reach_one *one = &check->reaching.ports[check->reaching.count++];
    int failed = address_parse(sv_of(check->request.gateway.address), (uint16_t)port, &to, &err);
    assert(!failed);
    *one = (struct check_reach_one){.check = check, .port = port};
    one->reach = reach_start(check->loop, &to, timeout, trace, on_reach, one);
}

void check_reach_compare(struct check *check, nanos timeout)
{
    int given = check->request.gateway.port;
    if (check->reaching.comparing)
        return;
    check->reaching.comparing = true;
    if (given)
        add_port(check, given, true, timeout);
    for (size_t i = 0; i < CHECK_PORTS; i++)
        if (compared[i] != given)
            add_port(check, compared[i], !given && i == 0, timeout);
}

void check_reach_dial_failed(struct check *check)
{
    check->reaching.failed = true;
    check_reach_compare(check, check->connect_timeout);
    tell_failure(check);
}

void check_reach_begin(struct check *check)
{
    if (!find_route(check)) {
        check_end(check, CHECK_ROUTE);
        check_dialogue_is_over(check, "no route");
        return;
    }
    uint32_t mtu = check->reaching.routed && !check->reaching.route.own ? check->reaching.route.mtu : 0;
    check->reaching.big = mtu > 0;
    check->reaching.ping = ping_start(check->loop, &check->address, mtu, PING_TIMEOUT, on_ping, check);
    check_begin(check, CHECK_CONNECT);
    check->reaching.grace = loop_timer_new(check->loop, on_grace, check);
    if (check->guessing && !check->request.gateway.port)
        check_reach_compare(check, check->connect_timeout);
    else
        check_dialogue_dial(check);
}

void check_reach_connected(struct check *check)
{
    if (check->reaching.comparing)
        fill_ports(check);
}

void check_reach_stop(struct check *check)
{
    ping_cancel(check->reaching.ping);
    check->reaching.ping = NULL;
    for (size_t i = 0; i < check->reaching.count; i++) {
        reach_cancel(check->reaching.ports[i].reach);
        check->reaching.ports[i].reach = NULL;
    }
    loop_timer_free(check->reaching.grace);
    check->reaching.grace = NULL;
}
