/* Routes, pings and connect probes: on loopback, and across a router in network namespaces where the machine
 * lets us make them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/ping.h"
#include "io/reach.h"
#include "io/route.h"
#include "io/testing_streams.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct probing {
    struct loop *loop;
    unsigned told;
    struct reach_report reach;
    struct ping_report ping;
};

static void reached(void *arg, const struct reach_report *report)
{
    struct probing *probing = arg;
    probing->reach = *report;
    probing->told++;
    loop_stop(probing->loop);
}

static void pinged(void *arg, const struct ping_report *report)
{
    struct probing *probing = arg;
    probing->ping = *report;
    probing->told++;
    loop_stop(probing->loop);
}

static struct address address_of(const char *text)
{
    struct address address;
    struct err err;
    if (address_parse_pair(sv_of(text), &address, &err) < 0)
        fail_msg("%s", err.cause);
    return address;
}

static void our_own_addresses_are_known_as_such(void **state)
{
    (void)state;
    struct address to = address_of("127.0.0.1:25");
    struct ip_route route;
    struct err err;
    char text[ADDRESS_TEXT_MAX];
    if (route_to(&to, &route, &err) < 0)
        fail_msg("%s", err.cause);
    assert_true(route.own && route.on_link);
    assert_string_equal(route.interface, "lo");
    assert_string_equal(address_text(&route.source, text), "127.0.0.1:0");
    assert_in_range(route.mtu, 1280, 65536);
}

static void an_address_without_a_family_has_no_route(void **state)
{
    (void)state;
    struct address to = {.length = 0};
    struct ip_route route;
    struct err err;
    assert_int_equal(route_to(&to, &route, &err), -1);
    assert_int_equal(err.class, ERR_UNAVAILABLE);
    assert_int_equal(err.system, EAFNOSUPPORT);
}

static void open_and_refused_are_told_apart_on_loopback(void **state)
{
    (void)state;
    struct probing probing = {.loop = loop_new()};
    struct address to;
    int fd = listen_on_loopback(&to, 4);
    reach_start(probing.loop, &to, 20 * NANOS_PER_SECOND, true, reached, &probing);
    assert_int_equal(probing.told, 0);
    loop_run(probing.loop);
    assert_int_equal(probing.reach.state, REACH_OPEN);
    assert_int_equal(probing.reach.system, 0);
    assert_in_range(probing.reach.time, 1, 20 * NANOS_PER_SECOND);
    close(fd);
    reach_start(probing.loop, &to, 20 * NANOS_PER_SECOND, true, reached, &probing);
    loop_run(probing.loop);
    assert_int_equal(probing.reach.state, REACH_REFUSED);
    assert_int_equal(probing.reach.system, ECONNREFUSED);
    loop_free(probing.loop);
}

static void what_is_cancelled_says_nothing(void **state)
{
    (void)state;
    struct probing probing = {.loop = loop_new()};
    struct address to = address_of("127.0.0.1:1");
    reach_cancel(reach_start(probing.loop, &to, 20 * NANOS_PER_SECOND, true, reached, &probing));
    ping_cancel(ping_start(probing.loop, &to, 0, NANOS_PER_SECOND, pinged, &probing));
    loop_turn_for(probing.loop, 50 * NANOS_PER_MS);
    assert_int_equal(probing.told, 0);
    reach_cancel(NULL);
    ping_cancel(NULL);
    loop_free(probing.loop);
}

static void an_echo_on_loopback_is_answered_or_not_permitted(void **state)
{
    (void)state;
    struct probing probing = {.loop = loop_new()};
    struct address to = address_of("127.0.0.1:25");
    ping_start(probing.loop, &to, 1500, 20 * NANOS_PER_SECOND, pinged, &probing);
    loop_run(probing.loop);
    assert_int_equal(probing.told, 1);
    enum ping_state expected = geteuid() == 0 ? PING_ANSWERED : probing.ping.small.state;
    assert_int_equal(probing.ping.small.state, expected);
    assert_true(expected == PING_ANSWERED || expected == PING_NOT_PERMITTED);
    assert_int_equal(probing.ping.big.state, expected);
    loop_free(probing.loop);
}

/* We, a router that filters, and a host behind it. The router's and the host's namespaces live as long as
 * ours. */
static const char network[] =
    "set -e; unshare -n sleep 60 & r=$!; unshare -n sleep 60 & b=$!; sleep 0.3; "
    "in_r() { nsenter -t $r -n \"$@\"; }; in_b() { nsenter -t $b -n \"$@\"; }; "
    /* A link-local address that is still looked for elsewhere asks for no neighbour. */
    "quick='net.ipv6.conf.default.dad_transmits=0 net.ipv6.conf.default.accept_dad=0'; "
    "sysctl -qw $quick; in_r sysctl -qw $quick; in_b sysctl -qw $quick; "
    "ip link set lo up; ip link add a0 type veth peer name ra netns $r; "
    "in_r ip link add rb type veth peer name b0 netns $b; "
    "ip addr add 10.1.0.2/24 dev a0; ip addr add fd01::2/64 dev a0 nodad; ip link set a0 up; "
    "in_r ip addr add 10.1.0.1/24 dev ra; in_r ip addr add fd01::1/64 dev ra nodad; in_r ip link set ra up; "
    "in_r ip addr add 10.2.0.1/24 dev rb; in_r ip addr add fd02::1/64 dev rb nodad; "
    "in_r ip link set rb up mtu 1400; "
    "in_b ip addr add 10.2.0.2/24 dev b0; in_b ip addr add fd02::2/64 dev b0 nodad; in_b ip link set b0 up; "
    "ip route add default via 10.1.0.1; ip -6 route add default via fd01::1; "
    "in_b ip route add default via 10.2.0.1; in_b ip -6 route add default via fd02::1; "
    "ip route add prohibit 10.9.1.0/24; ip route add unreachable 10.9.2.0/24; ip route add blackhole "
    "10.9.3.0/24; "
    "in_r sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 "
    "net.ipv6.icmp.ratelimit=0; "
    "printf 'table inet f {\nchain c {\ntype filter hook forward priority 0\ntcp dport 1 drop\n"
    "tcp dport 2 reject\ntcp dport 3 reject with icmpx type admin-prohibited\n"
    "tcp dport 4 reject with tcp reset\n}\n}\n' | in_r nft -f -; "
    "printf 'table inet f {\nchain c {\ntype filter hook output priority 0\ntcp dport 11 drop\n"
    "tcp dport 12 reject\ntcp dport 13 reject with icmpx type admin-prohibited\n}\n}\n' | nft -f -; "
    "sleep 0.3; exec \"$0\" inside";

enum { NO_NETWORK = 77 };

static const struct reach_case {
    const char *to;
    enum reach_state state;
    enum icmp_meaning meaning;
    const char *from; /* of the ICMP, or the last hop */
} cases[] = {
    {"10.2.0.2:99", REACH_REFUSED, ICMP_NONE, NULL},
    {"[fd02::2]:99", REACH_REFUSED, ICMP_NONE, NULL},
    {"10.2.0.2:1", REACH_SILENT, ICMP_NONE, "10.1.0.1"},
    {"[fd02::2]:1", REACH_SILENT, ICMP_NONE, "fd01::1"},
    {"10.2.0.2:2", REACH_REJECTED, ICMP_PORT_CLOSED, "10.1.0.1"},
    {"[fd02::2]:2", REACH_REJECTED, ICMP_PORT_CLOSED, "fd01::1"},
    {"10.2.0.2:3", REACH_REJECTED, ICMP_PROHIBITED, "10.1.0.1"},
    {"[fd02::2]:3", REACH_REJECTED, ICMP_PROHIBITED, "fd01::1"},
    {"10.2.0.2:4", REACH_REFUSED, ICMP_NONE, NULL},
    {"10.2.0.2:11", REACH_FORBIDDEN, ICMP_NONE, NULL},
    {"[fd02::2]:11", REACH_FORBIDDEN, ICMP_NONE, NULL},
    {"10.2.0.2:12", REACH_FORBIDDEN, ICMP_PORT_CLOSED, "10.1.0.2"},
    {"[fd02::2]:13", REACH_FORBIDDEN, ICMP_PROHIBITED, "fd01::2"},
    {"10.9.1.1:25", REACH_FORBIDDEN, ICMP_NONE, NULL},
    {"10.9.2.1:25", REACH_UNREACHABLE, ICMP_NONE, NULL},
    {"10.9.3.1:25", REACH_UNREACHABLE, ICMP_NONE, NULL},
    {"203.0.113.1:25", REACH_UNREACHABLE, ICMP_NO_ROUTE, "10.1.0.1"},
    {"10.1.0.77:25", REACH_UNREACHABLE, ICMP_NO_HOST, "10.1.0.2"},
    {"10.2.0.77:25", REACH_UNREACHABLE, ICMP_NO_HOST, "10.1.0.1"},
    {"[fd01::77]:25", REACH_UNREACHABLE, ICMP_NO_HOST, "fd01::2"},
};

enum { CASES = sizeof cases / sizeof *cases };

struct tally {
    struct loop *loop;
    size_t *told;
    struct reach_report *report;
};

static void tallied(void *arg, const struct reach_report *report)
{
    struct tally *tally = arg;
    *tally->report = *report;
    if (++*tally->told == CASES)
        loop_stop(tally->loop);
}

static int wrong(const char *what, const char *found)
{
    fprintf(stderr, "%s: %s\n", what, found);
    return 1;
}

static int judge(const struct reach_case *expected, const struct reach_report *found)
{
    char text[REACH_TEXT_MAX], from[ADDRESS_TEXT_MAX] = "";
    const struct icmp_error *icmp = &found->icmp;
    if (expected->state == REACH_SILENT && found->last_hop)
        icmp = &found->hops[found->last_hop - 1].icmp;
    if (icmp->from.length)
        address_ip_text(&icmp->from, from);
    bool right = found->state == expected->state && found->icmp.meaning == expected->meaning &&
                 strcmp(from, expected->from ? expected->from : "") == 0;
    return right ? 0 : wrong(expected->to, reach_text(found, text));
}

static int judge_route_and_ping(struct loop *loop)
{
    int bad = 0;
    char text[ADDRESS_TEXT_MAX];
    const char *hosts[] = {"10.2.0.2:25", "[fd02::2]:25"}, *routers[] = {"10.1.0.1", "fd01::1"},
               *sources[] = {"10.1.0.2", "fd01::2"};
    for (size_t i = 0; i < 2; i++) {
        struct address to = address_of(hosts[i]);
        struct ip_route route = {.own = true};
        if (route_to(&to, &route, NULL) < 0 || route.own || route.on_link ||
            strcmp(route.interface, "a0") != 0 || route.mtu != 1500 ||
            strcmp(address_ip_text(&route.router, text), routers[i]) != 0 ||
            strcmp(address_ip_text(&route.source, text), sources[i]) != 0)
            bad += wrong("route", hosts[i]);
        struct probing probing = {.loop = loop};
        ping_start(loop, &to, route.mtu, 20 * NANOS_PER_SECOND, pinged, &probing);
        loop_run(loop);
        const struct ping_outcome *big = &probing.ping.big;
        if (probing.ping.small.state != PING_ANSWERED || big->state != PING_REJECTED ||
            big->icmp.meaning != ICMP_TOO_BIG || big->icmp.mtu != 1400)
            bad += wrong("ping", hosts[i]);
    }
    struct address to = address_of("10.9.2.1:25");
    struct ip_route route;
    struct err err;
    if (route_to(&to, &route, &err) == 0 || err.class != ERR_UNAVAILABLE || err.system != EHOSTUNREACH)
        bad += wrong("route", "an unreachable one was found");
    return bad;
}

static int inside(void)
{
    struct loop *loop = loop_new();
    struct tally tallies[CASES];
    struct reach_report reports[CASES];
    size_t told = 0;
    int bad = judge_route_and_ping(loop);
    for (size_t i = 0; i < CASES; i++) {
        struct address to = address_of(cases[i].to);
        tallies[i] = (struct tally){.loop = loop, .told = &told, .report = &reports[i]};
        reach_start(loop, &to, 4500 * NANOS_PER_MS, true, tallied, &tallies[i]);
    }
    loop_run(loop);
    for (size_t i = 0; i < CASES; i++)
        bad += judge(&cases[i], &reports[i]);
    loop_free(loop);
    return bad ? 1 : 0;
}

static int run(const char *const *argv, bool quiet)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        dup2(null, 0);
        dup2(quiet ? null : 2, 1);
        if (quiet)
            dup2(null, 2);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(NO_NETWORK);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void who_stops_a_packet_on_the_way_is_found_out(void **state)
{
    (void)state;
    const char *can[] = {"unshare",
                         "-rnmpf",
                         "--mount-proc",
                         "--kill-child",
                         "sh",
                         "-c",
                         "ip link add x0 type veth peer name x1 && nft list tables",
                         NULL};
    if (run(can, true) != 0)
        skip();
    const char *argv[] = {"unshare",        "-rnmpf", "--mount-proc", "--kill-child", "sh", "-c", network,
                          "/proc/self/exe", NULL};
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    argv[7] = self;
    assert_int_equal(run(argv, false), 0);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "inside") == 0)
        return inside();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stops_a_packet_on_the_way_is_found_out),
        cmocka_unit_test(our_own_addresses_are_known_as_such),
        cmocka_unit_test(an_address_without_a_family_has_no_route),
        cmocka_unit_test(open_and_refused_are_told_apart_on_loopback),
        cmocka_unit_test(what_is_cancelled_says_nothing),
        cmocka_unit_test(an_echo_on_loopback_is_answered_or_not_permitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
