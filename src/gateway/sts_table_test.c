#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/sts_table.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SECOND NANOS_PER_SECOND

static const nanos NOW = 1795500000 * NANOS_PER_SECOND;

static struct mta_sts_policy policy_of(const char *text)
{
    struct mta_sts_policy policy;
    struct err err;
    assert_int_equal(mta_sts_policy_read(sv_of(text), &policy, &err), 0);
    return policy;
}

static void put(struct sts_table *table, const char *domain, const char *id, const char *max_age, nanos now)
{
    char text[200];
    snprintf(text, sizeof text, "version: STSv1\nmode: enforce\nmx: mail.example.net\nmax_age: %s\n",
             max_age);
    struct mta_sts_policy policy = policy_of(text);
    sts_table_put(table, sv_of(domain), id, &policy, now);
}

static bool knows(struct sts_table *table, const char *domain, nanos now)
{
    struct mta_sts_policy policy;
    char id[MTA_STS_ID_MAX];
    return sts_table_find(table, sv_of(domain), now, &policy, id) && policy.mode == MTA_STS_ENFORCE &&
           mta_sts_policy_allows(&policy, SV("mail.example.net"));
}

static void a_policy_holds_for_as_long_as_it_says(void **state)
{
    (void)state;
    struct sts_table *table = sts_table_new();
    struct mta_sts_policy policy;
    char id[MTA_STS_ID_MAX];
    put(table, "example.org", "1", "600", NOW);
    assert_true(sts_table_find(table, SV("EXAMPLE.org"), NOW, &policy, id));
    assert_string_equal(id, "1");
    assert_true(knows(table, "example.org", NOW + 599 * SECOND));
    assert_false(knows(table, "example.org", NOW + 600 * SECOND));
    assert_false(knows(table, "example.com", NOW));
    put(table, "example.org", "2", "0", NOW + 700 * SECOND);
    assert_false(knows(table, "example.org", NOW + 700 * SECOND));
    sts_table_free(table);
}

static void a_version_that_failed_is_left_alone_for_five_minutes(void **state)
{
    (void)state;
    struct sts_table *table = sts_table_new();
    assert_false(sts_table_is_failing(table, SV("example.org"), "1", NOW));
    sts_table_note_failure(table, SV("example.org"), "1", NOW);
    assert_true(sts_table_is_failing(table, SV("example.org"), "1", NOW + 299 * SECOND));
    assert_false(sts_table_is_failing(table, SV("example.org"), "1", NOW + 300 * SECOND));
    assert_false(sts_table_is_failing(table, SV("example.org"), "2", NOW));
    assert_false(knows(table, "example.org", NOW));
    put(table, "example.org", "1", "600", NOW + SECOND);
    assert_false(sts_table_is_failing(table, SV("example.org"), "1", NOW + SECOND));
    sts_table_free(table);
}

static void a_policy_is_due_before_it_expires_and_not_at_once_again_when_that_failed(void **state)
{
    (void)state;
    struct sts_table *table = sts_table_new();
    char domain[STS_DOMAIN_MAX];
    put(table, "long.example", "1", "864000", NOW);
    put(table, "short.example", "1", "3600", NOW);
    assert_false(sts_table_due(table, NOW + 1799 * SECOND, domain));
    assert_true(sts_table_due(table, NOW + 1800 * SECOND, domain));
    assert_string_equal(domain, "short.example");
    sts_table_note_failure(table, SV("short.example"), "1", NOW + 1800 * SECOND);
    assert_false(sts_table_due(table, NOW + 1900 * SECOND, domain));
    assert_true(sts_table_due(table, NOW + 2100 * SECOND, domain));
    assert_true(sts_table_due(table, NOW + 86400 * SECOND, domain));
    assert_string_equal(domain, "long.example"); /* the other one has expired */
    sts_table_free(table);
}

static void past_the_bound_those_longest_not_asked_for_go_and_expired_ones_first(void **state)
{
    (void)state;
    struct sts_table *table = sts_table_new();
    char domain[64];
    put(table, "expired.example", "1", "1", NOW - 10 * SECOND);
    for (int i = 0; i < STS_DOMAINS_MAX - 1; i++) {
        snprintf(domain, sizeof domain, "d%d.example", i);
        put(table, domain, "1", "86400", NOW + i);
    }
    assert_true(knows(table, "d0.example", NOW + SECOND)); /* asked for now */
    put(table, "one-more.example", "1", "86400", NOW + SECOND);
    assert_true(knows(table, "d1.example", NOW + SECOND));
    put(table, "and-one.example", "1", "86400", NOW + SECOND);
    assert_false(knows(table, "d2.example", NOW + SECOND));
    assert_true(knows(table, "d0.example", NOW + SECOND));
    assert_true(knows(table, "d1.example", NOW + SECOND));
    assert_true(knows(table, "one-more.example", NOW + SECOND));
    sts_table_free(table);
}

static void a_restart_forgets_no_policy_that_holds(void **state)
{
    (void)state;
    char folder[] = "/tmp/vedette-sts-XXXXXX", path[64];
    struct err err = {.class = ERR_NONE};
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/mta-sts", folder);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct sts_table *table = sts_table_new();
    assert_int_equal(sts_table_load(table, path, NOW, &err), 0); /* nothing there yet */
    put(table, "example.org", "1", "600", NOW);
    put(table, "soon.example", "1", "60", NOW);
    sts_table_note_failure(table, SV("failed.example"), "1", NOW);
    assert_true(sts_table_changed(table));
    assert_int_equal(sts_table_save(table, fd, "mta-sts", &err), 0);
    assert_false(sts_table_changed(table));
    sts_table_free(table);

    table = sts_table_new();
    assert_int_equal(sts_table_load(table, path, NOW + 100 * SECOND, &err), 0);
    assert_true(knows(table, "example.org", NOW + 100 * SECOND));
    assert_false(knows(table, "soon.example", NOW + 100 * SECOND));
    assert_false(knows(table, "example.org", NOW + 600 * SECOND));
    sts_table_free(table);

    assert_int_equal(truncate(path, 60), 0);
    table = sts_table_new();
    assert_int_equal(sts_table_load(table, path, NOW, &err), -1);
    assert_non_null(strstr(err.cause, "is damaged"));
    assert_true(sts_table_changed(table));
    sts_table_free(table);
    close(fd);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_policy_holds_for_as_long_as_it_says),
        cmocka_unit_test(a_version_that_failed_is_left_alone_for_five_minutes),
        cmocka_unit_test(a_policy_is_due_before_it_expires_and_not_at_once_again_when_that_failed),
        cmocka_unit_test(past_the_bound_those_longest_not_asked_for_go_and_expired_ones_first),
        cmocka_unit_test(a_restart_forgets_no_policy_that_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
