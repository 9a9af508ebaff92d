/* Which of a destination's servers the next session goes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/next_hop.h"

static const nanos NOW = 1000 * NANOS_PER_SECOND;

static struct route route_of(enum route_kind kind)
{
    return (struct route){.name = "out",
                          .kind = kind,
                          .connections = 3,
                          .hold_down = NANOS_PER_SECOND,
                          .retry_max = 3600 * NANOS_PER_SECOND};
}

static struct lookup_place place_of(const struct route *route, const char *host, unsigned number,
                                    int preference, const char *ip)
{
    struct lookup_place place = {.of = &route->hops[0],
                                 .host = host,
                                 .canonical = host,
                                 .preference = preference,
                                 .host_number = number};
    assert_int_equal(address_parse(sv_of(ip), 25, &place.address, NULL), 0);
    return place;
}

/* An MX of two servers, the first with two addresses. */
static struct next_hops mx(const struct route *route)
{
    static struct lookup_result found;
    struct next_hops hops = {.route = route};
    found = (struct lookup_result){.places = {place_of(route, "a.example", 0, 10, "2001:db8::1"),
                                              place_of(route, "a.example", 0, 10, "192.0.2.1"),
                                              place_of(route, "b.example", 1, 20, "192.0.2.2")},
                                   .count = 3};
    next_hops_list(&hops, &found);
    return hops;
}

static void let_all_go(struct next_hops *hops)
{
    for (struct next_hop *hop = hops->first; hop; hop = hop->next)
        hop->carriers = 0;
    next_hops_free(hops);
}

static void equals_get_sessions_by_their_weight(void **state)
{
    (void)state;
    enum { ROUNDS = 4000 };
    struct route route = route_of(ROUTE_SMARTHOSTS);
    size_t chosen[2] = {0};
    route.hop_count = 3;
    route.hops[0] = (struct route_hop){.gateway = {.name = "a", .address = "192.0.2.1"}, .weight = 3};
    route.hops[1] = (struct route_hop){.gateway = {.name = "b", .address = "192.0.2.2"}, .weight = 1};
    route.hops[2] = (struct route_hop){.gateway = {.name = "c", .address = "192.0.2.3"}, .preference = 1};
    struct next_hops hops = {.route = &route};
    next_hops_configure(&hops);
    for (uint32_t chance = 0; chance < ROUNDS; chance++) {
        const struct next_hop *hop = next_hops_choose(&hops, NOW, chance * 2654435761U);
        assert_true(hop->gateway.name[0] == 'a' || hop->gateway.name[0] == 'b');
        chosen[hop->gateway.name[0] - 'a']++;
    }
    assert_in_range(chosen[0], ROUNDS * 5 / 8, ROUNDS * 7 / 8);
    next_hops_free(&hops);
}

static void addresses_of_a_server_are_tried_in_their_order_and_then_the_next_server(void **state)
{
    (void)state;
    static const char *const order[] = {"2001:db8::1", "192.0.2.1", "192.0.2.2"};
    struct route route = route_of(ROUTE_MX);
    struct next_hops hops = mx(&route);
    for (size_t i = 0; i < 3; i++) {
        struct next_hop *hop = next_hops_choose(&hops, NOW, (uint32_t)i);
        assert_string_equal(hop->address, order[i]);
        assert_string_equal(hop->gateway.verify_name, i < 2 ? "a.example" : "b.example");
        next_hop_failed(&hops, hop, NOW);
    }
    assert_null(next_hops_choose(&hops, NOW, 1));
    assert_true(next_hops_due(&hops, NOW) == NOW + NANOS_PER_SECOND);
    next_hops_hurry(&hops);
    assert_string_equal(next_hops_choose(&hops, NOW, 1)->address, order[0]);
    next_hops_free(&hops);
}

static void a_server_that_is_busy_is_waited_for_and_one_on_trial_is_not(void **state)
{
    (void)state;
    struct route route = route_of(ROUTE_MX);
    struct next_hops hops = mx(&route);
    next_hop_failed(&hops, hops.first, NOW); /* its IPv6 address */
    struct next_hop *hop = next_hops_choose(&hops, NOW, 1);
    next_hop_works(hop);
    for (int i = 0; i < route.connections; i++) {
        assert_ptr_equal(next_hops_choose(&hops, NOW, 1), hop);
        next_hop_keep(hop);
    }
    assert_null(next_hops_choose(&hops, NOW, 1)); /* and not the less preferred one */

    nanos later = NOW + 2 * NANOS_PER_SECOND;
    assert_ptr_equal(next_hops_choose(&hops, later, 1), hops.first); /* rested: one session tries */
    next_hop_keep(hops.first);
    next_hop_failed(&hops, hop, later);
    assert_string_equal(next_hops_choose(&hops, later, 1)->address, "192.0.2.2");
    let_all_go(&hops);
}

static void a_stranger_begins_with_two_sessions(void **state)
{
    (void)state;
    struct route route = route_of(ROUTE_MX);
    struct next_hops hops = mx(&route);
    struct next_hop *hop = hops.first;
    next_hop_keep(hop);
    assert_ptr_equal(next_hops_choose(&hops, NOW, 1), hop);
    next_hop_keep(hop);
    assert_null(next_hops_choose(&hops, NOW, 1));
    assert_false(next_hop_works(hop));
    assert_ptr_equal(next_hops_choose(&hops, NOW, 1), hop);
    let_all_go(&hops);
}

static void rests_double_up_to_the_longest(void **state)
{
    (void)state;
    struct route route = route_of(ROUTE_MX);
    struct next_hops hops = mx(&route);
    nanos rest = 0;
    for (int i = 0; i < 12; i++) {
        rest = next_hop_failed(&hops, hops.first, NOW);
        assert_true(rest == NANOS_PER_SECOND << i);
    }
    for (int i = 0; i < 100; i++)
        rest = next_hop_failed(&hops, hops.first, NOW);
    assert_true(rest == route.retry_max);
    assert_true(next_hop_works(hops.first) && !next_hop_works(hops.first));
    next_hops_free(&hops);
}

static void what_dns_says_anew_keeps_the_health_of_those_that_stay(void **state)
{
    (void)state;
    struct route route = route_of(ROUTE_MX);
    struct next_hops hops = mx(&route);
    struct next_hop *stays = hops.first, *leaves = hops.first->next;
    next_hop_failed(&hops, stays, NOW);
    next_hop_keep(leaves);
    struct lookup_result found = {.places = {place_of(&route, "c.example", 0, 5, "192.0.2.3"),
                                             place_of(&route, "A.example", 1, 10, "2001:db8::1")},
                                  .count = 2};
    next_hops_list(&hops, &found);
    assert_string_equal(hops.first->gateway.name, "c.example");
    assert_ptr_equal(hops.first->next, stays);
    assert_int_equal(stays->failures, 1);
    assert_ptr_equal(stays->next, leaves); /* a session still goes there, and no other will */
    assert_null(leaves->next);
    assert_false(leaves->listed);
    next_hop_failed(&hops, hops.first, NOW);
    assert_null(next_hops_choose(&hops, NOW, 1));
    next_hop_let_go(&hops, leaves);
    assert_null(stays->next);
    next_hops_unlist(&hops);
    assert_null(hops.first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_get_sessions_by_their_weight),
        cmocka_unit_test(addresses_of_a_server_are_tried_in_their_order_and_then_the_next_server),
        cmocka_unit_test(a_server_that_is_busy_is_waited_for_and_one_on_trial_is_not),
        cmocka_unit_test(a_stranger_begins_with_two_sessions),
        cmocka_unit_test(rests_double_up_to_the_longest),
        cmocka_unit_test(what_dns_says_anew_keeps_the_health_of_those_that_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
