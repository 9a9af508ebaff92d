/* The queue as a whole: what holds whatever happens to many messages in one turn of the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gateway/config_fixture.h"
#include "gateway/queue_view.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

struct fixture {
    char root[64];
    struct loop *loop;
    struct config *config;
    struct relay *relay;
    bool released;
};

/* One next hop, in the clear: what requires TLS cannot go there. */
static struct config *make_config(const char *root)
{
    char text[1024];
    snprintf(text, sizeof text,
             "hostname: gw.example.org\nstate_directory: %s\nrelay:\n  listen: [127.0.0.1:2525]\n"
             "  smarthosts: [{name: s, address: 192.0.2.1, security: none}]\n"
             "  routes: [{name: out, domains: ['*'], via: [s]}]\n",
             root);
    return config_of_text(text);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct err err;
    sv_copy(fixture->root, sizeof fixture->root, SV("/tmp/vedette-relay-XXXXXX"));
    assert_non_null(mkdtemp(fixture->root));
    fixture->loop = loop_new();
    fixture->config = make_config(fixture->root);
    const struct relay_setup setup = {.loop = fixture->loop, .config = fixture->config};
    assert_int_equal(relay_new(&setup, &fixture->relay, &err), 0);
    log_setup("gateway", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    *state = fixture;
    return 0;
}

static int drop(const char *path, const struct stat *about, int what, struct FTW *where)
{
    (void)about;
    (void)what;
    (void)where;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    relay_free(fixture->relay);
    loop_free(fixture->loop);
    config_free(fixture->config);
    nftw(fixture->root, drop, 8, FTW_DEPTH | FTW_PHYS);
    free(fixture);
    return 0;
}

/* Nobody wants to hear of it, so that it is gone at once when it fails. */
static void hand_in(struct fixture *fixture, const char *id, bool held, intake_done_fn *done)
{
    struct intake_message *message = NULL;
    struct err err;
    const struct intake_recipient to = {.address = SV("b@example.net"), .notify = INTAKE_NOTIFY_NEVER};
    const struct intake_envelope envelope = {.id = sv_of(id),
                                             .sender = SV("a@example.org"),
                                             .recipients = &to,
                                             .recipient_count = 1,
                                             .requiretls = true,
                                             .held = held};
    assert_int_equal(intake_begin(relay_intake(fixture->relay), &message, &err), 0);
    intake_put(message, SV("Subject: x\r\n\r\nx\r\n"));
    intake_commit(message, &envelope, done, fixture);
}

static void count(void *arg, const struct queue_view *view)
{
    (void)view;
    ++*(size_t *)arg;
}

static size_t queued(struct fixture *fixture)
{
    size_t n = 0;
    uint64_t cursor = 0;
    while (queue_view_page(fixture->relay, &cursor, count, &n))
        ;
    return n;
}

static void on_disk(void *arg, const struct err *err)
{
    (void)arg;
    assert_null(err);
}

static void release_all(void *arg, const struct err *err)
{
    struct fixture *fixture = arg;
    struct err refused;
    size_t done = 0;
    assert_null(err);
    assert_int_equal(queued(fixture), 2);
    assert_int_equal(queue_act(fixture->relay, QUEUE_RELEASE, SV("all"), SV_NONE, &done, &refused), 0);
    assert_int_equal(done, 2);
    fixture->released = true;
}

static void stop(void *arg)
{
    loop_stop(arg);
}

static void a_release_of_all_outlives_those_that_fail_with_the_first(void **state)
{
    struct fixture *fixture = *state;
    hand_in(fixture, "1", true, on_disk);
    hand_in(fixture, "2", false, on_disk); /* by the time of the release nothing can be done for it */
    hand_in(fixture, "3", true, release_all);
    struct loop_timer *timer = loop_timer_new(fixture->loop, stop, fixture->loop);
    for (int i = 0; i < 1000 && !(fixture->released && queued(fixture) == 1); i++) {
        loop_timer_set(timer, NANOS_PER_MS);
        loop_run(fixture->loop);
    }
    loop_timer_free(timer);
    assert_true(fixture->released);
    assert_int_equal(queued(fixture), 1);
}

static void a_route_that_a_reload_took_away_gives_way_to_that_of_the_domain(void **state)
{
    struct fixture *fixture = *state;
    assert_string_equal(relay_route(fixture->relay, "out", SV("a.example"))->name, "out");
    assert_string_equal(relay_route(fixture->relay, "gone", SV("a.example"))->name, "out");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_route_that_a_reload_took_away_gives_way_to_that_of_the_domain,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_release_of_all_outlives_those_that_fail_with_the_first, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
