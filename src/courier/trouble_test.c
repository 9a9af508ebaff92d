#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "courier/notice.h"
#include "courier/testing_world.h"
#include "courier/trouble.h"
#include "store/notice.h"
#include "store/trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char CONFIG[] =
    "gateways:\n"
    "- {name: primary, address: 192.0.2.1, security: starttls}\n"
    "- {name: second, address: 192.0.2.2, security: starttls}\n"
    "sender: v@example.org\nrecipients: [soc@example.org]\n"
    "ways_out: [{name: chat, webhook: 'https://chat.example.org/'}, {name: desk, console: {}}]\n";

struct scene {
    char directory[64];
    struct loop *loop;
    struct store *store; /* the jobs' own; looked at while none is under way */
    struct jobs *jobs;
    struct steps steps;
    struct settings *settings;
    struct troubles *troubles;
    struct arena *arena;
    int mailed, noticed;
};

static void on_idle(void *arg)
{
    loop_stop(((struct scene *)arg)->loop);
}

static void on_mailed(void *arg)
{
    ((struct scene *)arg)->mailed++;
}

static void on_noticed(void *arg)
{
    ((struct scene *)arg)->noticed++;
}

static void begin(struct scene *s)
{
    struct err err;
    assert_int_equal(store_open(s->directory, &s->store, &err), 0);
    s->loop = loop_new();
    s->jobs = jobs_new(s->loop, s->store, on_idle, s);
    const struct troubles_setup setup = {
        .jobs = s->jobs, .steps = &s->steps, .mailed = on_mailed, .noticed = on_noticed, .arg = s};
    s->troubles = troubles_new(&setup, s->settings);
}

static void end(struct scene *s)
{
    troubles_free(s->troubles);
    jobs_free(s->jobs);
    loop_free(s->loop);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    snprintf(s->directory, sizeof s->directory, "/tmp/vedette-trouble-XXXXXX");
    assert_non_null(mkdtemp(s->directory));
    struct config *config = world_parse(CONFIG);
    s->settings = settings_new(config);
    config_free(config);
    s->arena = arena_new(4 * 1024 * 1024);
    begin(s);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    static const char *const names[] = {"vedette.db", "vedette.db-wal", "vedette.db-shm", "vedette.lock"};
    end(s);
    settings_free(s->settings);
    arena_free(s->arena);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", s->directory, names[i]);
        unlink(path);
    }
    rmdir(s->directory);
    free(s);
    return 0;
}

static void raise_trouble(struct scene *s, const char *gateway, const char *text, bool again)
{
    trouble_raise(s->troubles, &(struct trouble){.kind = TROUBLE_DOWN,
                                                 .gateway = gateway,
                                                 .cause = CAUSE_FIREWALL,
                                                 .text = text,
                                                 .advice = "allow the port",
                                                 .again = again});
    loop_run(s->loop);
}

static void resolve(struct scene *s, const char *gateway)
{
    trouble_resolve(s->troubles, TROUBLE_DOWN, gateway, "it takes mail");
    loop_run(s->loop);
}

struct counted {
    int64_t alerts, mails, notices;
    char avoids[CONFIG_NAME_BYTES];
};

static struct counted counted(struct scene *s)
{
    struct counted n = {0};
    struct err err;
    size_t deliveries = 0, notices = 0;
    static struct store_delivery list[16];
    static struct store_notice due[64];
    struct store_counts counts;
    const nanos later = loop_now() + NANOS_PER_SECOND;
    arena_reset(s->arena);
    assert_int_equal(store_begin(s->store, &err), 0);
    assert_int_equal(store_counts(s->store, &counts, &err), 0);
    assert_int_equal(store_lease(s->store, later, 16, s->arena, list, &deliveries, &err), 0);
    assert_int_equal(store_notices_due(s->store, later, 0, 64, s->arena, due, &notices, &err), 0);
    n.alerts = counts.alerts;
    n.mails = (int64_t)deliveries;
    n.notices = (int64_t)notices;
    for (size_t i = 0; i < deliveries; i++) {
        sv_copy(n.avoids, sizeof n.avoids, list[i].mail.avoid_gateway);
        for (size_t j = 0; j < list[i].message_count; j++)
            assert_int_equal(store_lease_return(s->store, &list[i].messages[j].id, 1, &err), 0);
    }
    store_rollback(s->store);
    return n;
}

static void a_trouble_is_told_once_by_mail_over_another_gateway_and_over_every_other_way(void **state)
{
    struct scene *s = *state;
    raise_trouble(s, "primary", "no answer", false);
    raise_trouble(s, "primary", "no answer yet", false);
    struct counted n = counted(s);
    assert_true(n.alerts == 1 && n.mails == 1 && n.notices == 2);
    assert_string_equal(n.avoids, "primary");
    assert_int_equal(s->mailed, 1);
    assert_int_equal(s->noticed, 1);
    raise_trouble(s, "second", "no answer", false);
    n = counted(s);
    assert_true(n.alerts == 2 && n.mails == 2 && n.notices == 4);
}

static void its_end_is_told_in_the_same_alert(void **state)
{
    struct scene *s = *state;
    resolve(s, "primary");
    assert_true(counted(s).alerts == 0);
    raise_trouble(s, "primary", "no answer", false);
    resolve(s, "primary");
    struct counted n = counted(s);
    assert_true(n.alerts == 1 && n.mails == 2 && n.notices == 4);
    resolve(s, "primary");
    assert_true(counted(s).mails == 2);
}

static void one_that_comes_and_goes_does_not_fill_the_inbox(void **state)
{
    struct scene *s = *state;
    for (int i = 0; i < 20; i++) {
        raise_trouble(s, "primary", "no answer", false);
        resolve(s, "primary");
    }
    struct counted n = counted(s);
    assert_true(n.alerts == 1 && n.mails == 2 && n.notices == 4);
}

static void what_got_worse_is_told_again(void **state)
{
    struct scene *s = *state;
    raise_trouble(s, "primary", "30 days left", false);
    raise_trouble(s, "primary", "14 days left", true);
    struct counted n = counted(s);
    assert_true(n.alerts == 1 && n.mails == 2 && n.notices == 4);
}

static void a_new_start_does_not_tell_it_again(void **state)
{
    struct scene *s = *state;
    raise_trouble(s, "primary", "no answer", false);
    end(s);
    begin(s);
    raise_trouble(s, "primary", "no answer", false);
    struct counted n = counted(s);
    assert_true(n.alerts == 1 && n.mails == 1 && n.notices == 2);
    resolve(s, "primary");
    assert_true(counted(s).mails == 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_trouble_is_told_once_by_mail_over_another_gateway_and_over_every_other_way),
        TEST(its_end_is_told_in_the_same_alert),
        TEST(one_that_comes_and_goes_does_not_fill_the_inbox),
        TEST(what_got_worse_is_told_again),
        TEST(a_new_start_does_not_tell_it_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
