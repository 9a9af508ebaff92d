/* What a watch is told of logins that were refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/failures.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const struct failure failure = {.now = 1700000000LL * NANOS_PER_SECOND,
                                       .client_ip = SV_INIT("192.0.2.1"),
                                       .account = SV_INIT("a\"nn]\\\n"),
                                       .mechanism = SV_INIT("PLAIN"),
                                       .why = SV_INIT("wrong password")};

static void nothing_that_a_client_claims_breaks_out_of_its_value(void **state)
{
    (void)state;
    char text[FAILURES_LINE_MAX];
    size_t n = failures_format("gw.example.org", &failure, text);
    assert_true(sv_starts(sv_make(text, n), SV("<36>1 2023-11-14T22:13:20")));
    assert_true(sv_find(sv_make(text, n), SV(" gw.example.org vedette-gateway ")) != SV_NPOS);
    assert_true(sv_ends(sv_make(text, n),
                        SV(" LOGINREFUSED [login@32473 client=\"192.0.2.1\" account=\"a\\\"nn\\]\\\\?\" "
                           "mechanism=\"PLAIN\" why=\"wrong password\"] SMTP login refused")));
}

static int receiver(const char *path)
{
    struct sockaddr_un where = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sv_copy(where.sun_path, sizeof where.sun_path, sv_of(path));
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&where, sizeof where), 0);
    return fd;
}

static void a_receiver_that_was_started_anew_hears_of_the_next(void **state)
{
    (void)state;
    char folder[] = "/tmp/vedette-failures-XXXXXX", path[64], text[FAILURES_LINE_MAX];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    struct failures *failures = failures_new(path, "gw.example.org");
    failures_tell(failures, &failure); /* nobody is there: nothing happens */
    for (int i = 0; i < 2; i++) {
        int fd = receiver(path);
        failures_tell(failures, &failure);
        assert_true(recv(fd, text, sizeof text, 0) > 0);
        close(fd);
    }
    failures_free(failures);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_that_a_client_claims_breaks_out_of_its_value),
        cmocka_unit_test(a_receiver_that_was_started_anew_hears_of_the_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
