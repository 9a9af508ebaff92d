/* Which servers are tried, in which order, and when none is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/mx.h"

static const char *const ours[] = {"gw.example.org", NULL};

struct said {
    unsigned preference;
    const char *name;
};

static struct mx_plan plan_of(enum dns_status status, const struct said *said, size_t count, uint32_t chance)
{
    static struct dns_answer answer;
    struct mx_plan plan;
    answer = (struct dns_answer){.type = DNS_MX, .question = "example.com", .status = status};
    for (; answer.record_count < count; answer.record_count++) {
        answer.records[answer.record_count].preference = (uint16_t)said[answer.record_count].preference;
        answer.records[answer.record_count].name = said[answer.record_count].name;
    }
    mx_plan(&answer, ours, chance, &plan);
    return plan;
}

static void servers_are_tried_by_preference_and_none_after_ourselves(void **state)
{
    (void)state;
    static const struct {
        struct said said[4];
        enum mx_verdict verdict;
        const char *status, *hosts[3];
    } rows[] = {
        {{{20, "b.example.com"}, {10, "a.example.com"}}, MX_HOSTS, NULL, {"a.example.com", "b.example.com"}},
        {{{0, "a.example.com"}, {65535, "z.example.com"}},
         MX_HOSTS,
         NULL,
         {"a.example.com", "z.example.com"}},
        /* RFC 7505 §3: alone it is null, beside others it is nothing */
        {{{0, "."}}, MX_NO_MAIL, "5.1.10", {NULL}},
        {{{0, "."}, {10, "a.example.com"}}, MX_HOSTS, NULL, {"a.example.com"}},
        {{{0, "."}, {0, "."}}, MX_NO_DOMAIN, "5.1.2", {NULL}},
        /* RFC 5321 §5.1: what is not preferred to us leads in circles */
        {{{10, "a.example.com"}, {20, "GW.example.org"}, {20, "b.example.com"}, {30, "c.example.com"}},
         MX_HOSTS,
         NULL,
         {"a.example.com"}},
        {{{10, "gw.example.org"}, {20, "b.example.com"}}, MX_LOOP, "5.4.6", {NULL}},
        {{{5, "gw.example.org"}, {0, "gw.example.org"}, {3, "b.example.com"}}, MX_LOOP, "5.4.6", {NULL}},
        {{{10, "no\\032name.example.com"}, {20, "a.example.com"}}, MX_HOSTS, NULL, {"a.example.com"}},
        {{{10, "with space.example.com"}}, MX_NO_DOMAIN, "5.1.2", {NULL}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t said = 0, hosts = 0;
        while (said < 4 && rows[i].said[said].name)
            said++;
        while (hosts < 3 && rows[i].hosts[hosts])
            hosts++;
        struct mx_plan plan = plan_of(DNS_FOUND, rows[i].said, said, 1);
        assert_int_equal(plan.verdict, rows[i].verdict);
        assert_int_equal(plan.count, hosts);
        assert_false(plan.implicit);
        for (size_t j = 0; j < hosts; j++)
            assert_string_equal(plan.hosts[j].name, rows[i].hosts[j]);
        if (rows[i].status)
            assert_string_equal(plan.status, rows[i].status);
        else
            assert_null(plan.status);
    }
}

static void without_mx_the_domain_is_its_own_server(void **state)
{
    (void)state;
    struct mx_plan plan = plan_of(DNS_NO_DATA, NULL, 0, 1);
    assert_int_equal(plan.verdict, MX_HOSTS);
    assert_true(plan.implicit);
    assert_int_equal(plan.count, 1);
    assert_string_equal(plan.hosts[0].name, "example.com");

    struct dns_answer own = {.type = DNS_MX, .question = "gw.example.org.", .status = DNS_NO_DATA};
    mx_plan(&own, ours, 1, &plan);
    assert_int_equal(plan.verdict, MX_LOOP);
    assert_int_equal(plan.count, 0);
}

static void no_such_domain_is_final_and_no_answer_is_not(void **state)
{
    (void)state;
    struct mx_plan plan = plan_of(DNS_NO_NAME, NULL, 0, 1);
    assert_int_equal(plan.verdict, MX_NO_DOMAIN);
    assert_string_equal(plan.status, "5.1.2");
    plan = plan_of(DNS_FAILED, NULL, 0, 1);
    assert_int_equal(plan.verdict, MX_LATER);
    assert_string_equal(plan.status, "4.4.3");
}

static void equals_share_the_first_place(void **state)
{
    (void)state;
    static const struct said said[] = {{10, "a.example.com"}, {10, "b.example.com"}, {10, "c.example.com"}};
    enum { ROUNDS = 3000 };
    size_t first[3] = {0};
    for (uint32_t chance = 0; chance < ROUNDS; chance++) {
        struct mx_plan plan = plan_of(DNS_FOUND, said, 3, chance);
        assert_int_equal(plan.count, 3);
        first[plan.hosts[0].name[0] - 'a']++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(first[i], ROUNDS / 5, ROUNDS / 2);
}

static void of_too_many_servers_the_preferred_ones_are_tried(void **state)
{
    (void)state;
    struct said said[DNS_RECORDS_MAX];
    char names[DNS_RECORDS_MAX][32];
    for (size_t i = 0; i < DNS_RECORDS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "m%zu.example.com", i);
        said[i] = (struct said){(unsigned)(DNS_RECORDS_MAX - i), names[i]};
    }
    struct mx_plan plan = plan_of(DNS_FOUND, said, DNS_RECORDS_MAX, 1);
    assert_int_equal(plan.count, MX_HOSTS_MAX);
    assert_int_equal(plan.hosts[0].preference, 1);
    assert_int_equal(plan.hosts[MX_HOSTS_MAX - 1].preference, MX_HOSTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_are_tried_by_preference_and_none_after_ourselves),
        cmocka_unit_test(without_mx_the_domain_is_its_own_server),
        cmocka_unit_test(no_such_domain_is_final_and_no_answer_is_not),
        cmocka_unit_test(equals_share_the_first_place),
        cmocka_unit_test(of_too_many_servers_the_preferred_ones_are_tried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
