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
#include <stdio.h>
#include <string.h>
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
    struct route route;
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
    struct route route;
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
    reach_start(probing.loop, &to, NANOS_PER_SECOND, true, reached, &probing);
    assert_int_equal(probing.told, 0);
    loop_run(probing.loop);
    assert_int_equal(probing.reach.state, REACH_OPEN);
    assert_int_equal(probing.reach.system, 0);
    assert_in_range(probing.reach.time, 1, NANOS_PER_SECOND);
    close(fd);
    reach_start(probing.loop, &to, NANOS_PER_SECOND, true, reached, &probing);
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
    reach_cancel(reach_start(probing.loop, &to, NANOS_PER_SECOND, true, reached, &probing));
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
    ping_start(probing.loop, &to, 1500, NANOS_PER_SECOND, pinged, &probing);
    loop_run(probing.loop);
    assert_int_equal(probing.told, 1);
    enum ping_state expected = geteuid() == 0 ? PING_ANSWERED : probing.ping.small.state;
    assert_int_equal(probing.ping.small.state, expected);
    assert_true(expected == PING_ANSWERED || expected == PING_NOT_PERMITTED);
    assert_int_equal(probing.ping.big.state, expected);
    loop_free(probing.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_addresses_are_known_as_such),
        cmocka_unit_test(an_address_without_a_family_has_no_route),
        cmocka_unit_test(open_and_refused_are_told_apart_on_loopback),
        cmocka_unit_test(what_is_cancelled_says_nothing),
        cmocka_unit_test(an_echo_on_loopback_is_answered_or_not_permitted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
