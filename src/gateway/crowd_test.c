/* Who is connected from where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/crowd.h"

#include <stdio.h>

static struct address from(const char *ip)
{
    struct address address;
    assert_int_equal(address_parse(sv_of(ip), 1, &address, NULL), 0);
    return address;
}

static void a_network_fills_and_another_has_room(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_new();
    struct address a = from("192.0.2.1"), same = from("192.0.2.200"), mapped = from("::ffff:192.0.2.9"),
                   b = from("192.0.3.1"), c = from("2001:db8:1:2::1"), c_same = from("2001:db8:1:ffff::1"),
                   d = from("2001:db8:2::1");
    assert_true(crowd_enter(crowd, &a, 3) && crowd_enter(crowd, &same, 3) && crowd_enter(crowd, &mapped, 3));
    assert_false(crowd_enter(crowd, &a, 3));
    assert_false(crowd_enter(crowd, &mapped, 3));
    assert_true(crowd_enter(crowd, &b, 3));
    assert_true(crowd_enter(crowd, &c, 2) && crowd_enter(crowd, &c_same, 2));
    assert_false(crowd_enter(crowd, &c, 2));
    assert_true(crowd_enter(crowd, &d, 2));
    crowd_leave(crowd, &same);
    assert_true(crowd_enter(crowd, &a, 3));
    assert_int_equal(crowd_count(crowd, &a), 3);
    crowd_free(crowd);
}

/* As many networks as there is room for come and go, twice: none is lost, none stays. */
static void many_networks_come_and_go_without_a_trace(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_new();
    char ip[32];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CROWD_MEMBERS_MAX; i++) {
            snprintf(ip, sizeof ip, "10.%d.%d.1", i >> 8, i & 255);
            struct address address = from(ip);
            assert_true(crowd_enter(crowd, &address, 1));
            assert_false(crowd_enter(crowd, &address, 1));
        }
        struct address one_more = from("192.0.2.1");
        assert_false(crowd_enter(crowd, &one_more, 1));
        for (int i = 0; i < CROWD_MEMBERS_MAX; i++) {
            int other = (i * 7919) & (CROWD_MEMBERS_MAX - 1);
            snprintf(ip, sizeof ip, "10.%d.%d.1", other >> 8, other & 255);
            struct address address = from(ip);
            assert_int_equal(crowd_count(crowd, &address), 1);
            crowd_leave(crowd, &address);
            assert_int_equal(crowd_count(crowd, &address), 0);
        }
    }
    crowd_free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_network_fills_and_another_has_room),
        cmocka_unit_test(many_networks_come_and_go_without_a_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
