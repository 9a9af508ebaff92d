/* Rates and quotas: bounded, fair, and there again after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/limits.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t secret[LIMITS_KEY_BYTES] = {7};
static const nanos start = 1780000000 * NANOS_PER_SECOND;

static void a_bucket_fills_again_evenly(void **state)
{
    (void)state;
    struct limits *limits = limits_new(secret);
    struct limit_rate rate = {SV("a"), .count = 6, .length = 60 * NANOS_PER_SECOND, .burst = 2};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(limits_rate_wait(limits, &rate, start), 0);
        limits_rate_take(limits, &rate, start);
    }
    assert_int_equal(limits_rate_wait(limits, &rate, start), 10 * NANOS_PER_SECOND);
    assert_int_equal(limits_rate_wait(limits, &rate, start + 4 * NANOS_PER_SECOND), 6 * NANOS_PER_SECOND);
    nanos later = start + 10 * NANOS_PER_SECOND;
    assert_int_equal(limits_rate_wait(limits, &rate, later), 0);
    limits_rate_take(limits, &rate, later);
    assert_true(limits_rate_wait(limits, &rate, later) > 0);
    later = start + 3600 * NANOS_PER_SECOND; /* an idle hour saves up no more than the burst */
    for (int i = 0; i < 2; i++)
        limits_rate_take(limits, &rate, later);
    assert_true(limits_rate_wait(limits, &rate, later) > 0);
    limits_free(limits);
}

static sv name(char *text, size_t cap, int i)
{
    snprintf(text, cap, "sender-%d@example.org", i);
    return sv_of(text);
}

static void a_million_senders_cost_no_memory_and_get_no_more_than_their_limit(void **state)
{
    (void)state;
    char text[64];
    struct limits *limits = limits_new(secret);
    struct limit_rate known = {SV("known@example.org"), .count = 1, .length = 3600 * NANOS_PER_SECOND,
                               .burst = 1};
    limits_rate_take(limits, &known, start);
    size_t before = mallinfo2().uordblks;
    int passed = 0;
    for (int i = 0; i < 1000000; i++) {
        struct limit_rate rate = {name(text, sizeof text, i), .count = 1, .length = 3600 * NANOS_PER_SECOND,
                                  .burst = 1};
        if (limits_rate_wait(limits, &rate, start) > 0)
            continue;
        limits_rate_take(limits, &rate, start);
        passed++;
    }
    assert_true(mallinfo2().uordblks <= before);
    /* Each entry once, and each shared entry once. */
    assert_true(passed <= LIMITS_BUCKETS_MAX + LIMITS_BUCKETS_MAX / LIMITS_WAYS);
    assert_true(limits_rate_wait(limits, &known, start) > 0);
    limits_free(limits);
}

static void a_million_senders_do_not_lengthen_a_quota(void **state)
{
    (void)state;
    char text[64];
    struct limits *limits = limits_new(secret);
    struct limit_quota known = {SV("known@example.org"), .count = 1, .day = 20000};
    limits_quota_take(limits, &known);
    int passed = 0;
    for (int i = 0; i < 1000000; i++) {
        struct limit_quota quota = {name(text, sizeof text, i), .count = 1, .day = 20000};
        if (limits_quota_left(limits, &quota) == 0)
            continue;
        limits_quota_take(limits, &quota);
        passed++;
    }
    assert_true(passed <= LIMITS_QUOTAS_MAX + LIMITS_QUOTAS_MAX / LIMITS_WAYS);
    assert_int_equal(limits_quota_left(limits, &known), 0);
    known.day = 20001; /* the next day everything is new, and days that are over make room */
    assert_int_equal(limits_quota_left(limits, &known), 1);
    limits_free(limits);
}

static void a_quota_is_remembered_over_a_restart(void **state)
{
    (void)state;
    char folder[] = "/tmp/limits-test-XXXXXX", path[64];
    struct err err = {0};
    assert_non_null(mkdtemp(folder));
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "%s/quotas", folder);
    struct limit_quota quota = {SV("printer"), .count = 10, .day = 20000};
    struct limits *limits = limits_new(secret);
    assert_int_equal(limits_load(limits, path, &err), 0); /* none there yet */
    assert_false(limits_changed(limits));
    for (int i = 0; i < 7; i++)
        limits_quota_take(limits, &quota);
    assert_true(limits_changed(limits));
    assert_int_equal(limits_save(limits, fd, "quotas", &err), 0);
    assert_false(limits_changed(limits));
    limits_free(limits);

    static const uint8_t another[LIMITS_KEY_BYTES] = {9};
    limits = limits_new(another);
    assert_int_equal(limits_load(limits, path, &err), 0);
    assert_int_equal(limits_quota_left(limits, &quota), 3);
    quota.day = 20001;
    assert_int_equal(limits_quota_left(limits, &quota), 10);
    limits_free(limits);

    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    for (off_t at = 0; at < status.st_size; at += 7) { /* damaged anywhere, it is told and not believed */
        int file = open(path, O_RDWR | O_CLOEXEC);
        char byte;
        assert_int_equal(pread(file, &byte, 1, at), 1);
        byte ^= 0x40;
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
        limits = limits_new(another);
        assert_int_equal(limits_load(limits, path, &err), -1);
        assert_int_equal(err.class, ERR_DATA);
        limits_free(limits);
        byte ^= 0x40;
        assert_int_equal(pwrite(file, &byte, 1, at), 1);
        close(file);
    }
    unlink(path);
    rmdir(folder);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bucket_fills_again_evenly),
        cmocka_unit_test(a_million_senders_cost_no_memory_and_get_no_more_than_their_limit),
        cmocka_unit_test(a_million_senders_do_not_lengthen_a_quota),
        cmocka_unit_test(a_quota_is_remembered_over_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
