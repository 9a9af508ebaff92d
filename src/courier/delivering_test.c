/* Delivering: nothing is lost, nothing waits for a gateway that does not answer, and nothing is sent twice
 * without a word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/testing_world.h"

#include <stdio.h>

static void a_mail_is_handed_over_and_its_steps_can_be_followed(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    world_submit(w, "one", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_int_equal(w->first.mails[0].recipients, 2);
    assert_string_equal(w->first.mails[0].message_id, "<one@example.org>");
    assert_string_equal(w->first.mails[0].sender, "vedette@example.org");
    static const char *const STEPS[] = {"committed", "queued", "connect", "banner", "ehlo",
                                        "mail",      "rcpt",   "data",    "dot",    "handed-over"};
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
        assert_true(world_count(w, STEPS[i]) >= 1);
    assert_int_equal(world_last_mail(w, "dot"), w->mail_id);
    struct listed listed = world_message(w, 1);
    assert_int_equal(listed.message.state, STORE_HANDED_OVER);
    assert_string_equal(listed.gateway, "first");
    assert_non_null(strstr(listed.reply, "queued as Q00001"));
    world_close(w);
}

static void sessions_are_used_again_and_mail_goes_out_at_once(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%d", i);
        world_submit(w, id, "");
        world_wait(w, "handed-over", 2 * (i + 1));
    }
    assert_int_equal(w->first.mail_count, 20);
    assert_true(w->first.connections <= 2);
    world_close(w);
}

static void a_temporary_no_is_tried_again_until_it_is_a_yes(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.mail_451 = 2;
    world_start(w, 1, NULL);
    world_submit(w, "later", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_true(world_count(w, "deferred") >= 2);
    assert_int_equal(world_message(w, 1).message.attempts, 3);
    world_close(w);
}

static void a_temporary_no_is_asked_of_the_other_gateway_at_once(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.mail_451 = 1000;
    world_start(w, 2, NULL);
    world_submit(w, "other", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    assert_int_equal(world_count(w, "deferred"), 0);
    assert_int_equal(world_message(w, 1).message.attempts, 2);
    world_close(w);
}

static void one_refused_recipient_does_not_keep_it_from_the_other(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.refuse = "night@";
    world_start(w, 1, NULL);
    world_submit(w, "half", "");
    world_wait(w, "refused", 1);
    assert_int_equal(w->first.mail_count, 1);
    assert_int_equal(w->first.mails[0].recipients, 1);
    assert_int_equal(world_message(w, 1).message.state, STORE_HANDED_OVER);
    struct listed refused = world_message(w, 2);
    assert_int_equal(refused.message.state, STORE_FAILED);
    assert_string_equal(refused.cause, "recipient");
    int begun = w->first.mails_begun;
    world_turn(w, NANOS_PER_SECOND);
    assert_int_equal(w->first.mails_begun, begun); /* never repeated */
    world_close(w);
}

static void a_refusal_is_asked_of_the_other_gateway_once(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.refuse = "night@";
    world_start(w, 2, NULL);
    world_submit(w, "twice", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_int_equal(w->second.mail_count, 1);
    assert_int_equal(w->second.mails[0].recipients, 1);
    assert_int_equal(world_count(w, "refused"), 0);
    world_close(w);
}

static void what_every_gateway_refuses_is_reported_to_the_others(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.refuse = w->second.refuse = "night@";
    world_start(w, 2, NULL);
    world_submit(w, "never", "");
    world_wait(w, "handed-over", 2); /* soc's copy, and the report to soc */
    world_wait(w, "refused", 1);
    assert_int_equal(w->first.mail_count, 2);
    assert_int_equal(w->second.mail_count, 0);
    assert_non_null(strstr(w->first.mails[1].subject, "refused"));
    assert_int_equal(w->first.mails[1].recipients, 1);
    world_close(w);
}

static void there_is_no_report_about_a_report(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.refuse_sender = w->second.refuse_sender = "550 5.7.1 you may not send";
    world_start(w, 2, NULL);
    world_submit(w, "loop", "");
    world_wait(w, "refused", 3); /* two recipients, and the report to one of them */
    world_turn(w, NANOS_PER_SECOND);
    assert_int_equal(world_count(w, "refused"), 3);
    world_close(w);
}

static void a_dead_gateway_gives_way_to_the_next_at_once(void **state)
{
    (void)state;
    struct world *w = world_open();
    peer_die(&w->first);
    world_start(w, 2, NULL);
    nanos before = loop_monotonic();
    for (int i = 0; i < 50; i++)
        world_submit(w, "dead", "");
    world_wait(w, "handed-over", 100);
    assert_true(loop_monotonic() - before < 10 * NANOS_PER_SECOND);
    assert_int_equal(w->second.mail_count, 50);
    assert_int_equal(world_count(w, "deferred"), 0);
    world_close(w);
}

static void a_deaf_gateway_holds_up_the_first_mails_only(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.deaf = true;
    world_start(w, 2, NULL);
    nanos before = loop_monotonic();
    for (int i = 0; i < 50; i++)
        world_submit(w, "deaf", "");
    world_wait(w, "handed-over", 100);
    assert_true(loop_monotonic() - before < 10 * NANOS_PER_SECOND);
    assert_int_equal(w->second.mail_count, 50);
    before = loop_monotonic();
    world_submit(w, "next", "");
    world_wait(w, "handed-over", 102);
    assert_true(loop_monotonic() - before < 450 * NANOS_PER_MS); /* less than its stage_timeout */
    world_close(w);
}

static void the_only_gateway_is_used_again_soon_after_it_was_deaf(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.deaf = true;
    w->patient = true;
    world_start(w, 1, NULL);
    for (int i = 0; i < 20; i++)
        world_submit(w, "deaf", "");
    world_turn(w, NANOS_PER_SECOND);
    assert_int_equal(w->first.mail_count, 0);
    w->first.deaf = false; /* the sessions that it has stay as they are */
    world_wait(w, "handed-over", 40);
    assert_int_equal(w->first.mail_count, 20);
    assert_int_equal(world_count(w, "deferred"), 0);
    world_close(w);
}

static void mail_returns_to_the_first_gateway_when_it_is_back(void **state)
{
    (void)state;
    struct world *w = world_open();
    int port = w->first.port;
    peer_die(&w->first);
    world_start(w, 2, "delivery: {retry_first: 100ms, hold_down: 300ms}\n");
    world_submit(w, "a", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    peer_open(&w->first, w->loop, port);
    world_turn(w, NANOS_PER_SECOND);
    world_submit(w, "b", "");
    world_wait(w, "handed-over", 4);
    assert_int_equal(w->first.mail_count, 1);
    world_close(w);
}

static void an_outage_of_the_only_gateway_loses_and_delays_nothing_for_long(void **state)
{
    (void)state;
    struct world *w = world_open();
    int port = w->first.port;
    peer_die(&w->first);
    world_start(w, 1, "delivery: {retry_first: 60s, retry_max: 60s}\n");
    for (int i = 0; i < 100; i++)
        world_submit(w, "outage", "");
    world_turn(w, 2 * NANOS_PER_SECOND);
    peer_open(&w->first, w->loop, port);
    nanos before = loop_monotonic();
    world_wait(w, "handed-over", 200);
    assert_true(loop_monotonic() - before < 20 * NANOS_PER_SECOND);
    assert_int_equal(w->first.mail_count, 100);
    world_close(w);
}

static void a_connection_lost_after_the_dot_keeps_the_message_id(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.drop_after_dot = 1;
    world_start(w, 1, NULL);
    world_submit(w, "dot", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 2);
    assert_string_equal(w->first.mails[0].message_id, w->first.mails[1].message_id);
    assert_true(world_message(w, 1).message.possible_duplicate);
    world_close(w);
}

static void a_dot_without_an_answer_goes_over_the_next_gateway(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.deaf_at_dot = true;
    world_start(w, 2, NULL);
    world_submit(w, "silent", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    assert_true(world_message(w, 1).message.possible_duplicate);
    world_close(w);
}

static void a_connection_lost_in_data_is_no_success(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.drop_at_data = 2;
    world_start(w, 1, NULL);
    world_submit(w, "data", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_false(world_message(w, 1).message.possible_duplicate);
    world_close(w);
}

static void a_session_that_the_gateway_closed_meanwhile_costs_nothing(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.drop_at_mail = 1;
    world_start(w, 1, "delivery: {retry_first: 60s, retry_max: 60s}\n");
    world_submit(w, "stale", "");
    world_wait(w, "handed-over", 2);
    assert_int_equal(world_message(w, 1).message.attempts, 1);
    world_close(w);
}

static void a_gateway_that_takes_few_sessions_gets_few(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.sessions_most = 2;
    world_start(w, 1, "delivery: {retry_first: 60s, retry_max: 60s}\n");
    world_turn(w, NANOS_PER_SECOND / 5);
    for (int i = 0; i < 100; i++)
        world_submit(w, "few", "");
    world_wait(w, "handed-over", 200);
    assert_int_equal(w->first.mail_count, 100);
    world_close(w);
}

static void only_the_named_gateway_is_used_when_one_is_named(void **state)
{
    (void)state;
    struct world *w = world_with(2);
    world_submit(w, "only", "second");
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 0);
    assert_int_equal(w->second.mail_count, 1);
    peer_die(&w->second);
    world_submit(w, "only2", "second");
    world_wait(w, "deferred", 2);
    assert_int_equal(w->first.mail_count, 0);
    assert_true(courier_has_gateway(w->courier, SV("second")));
    assert_false(courier_has_gateway(w->courier, SV("third")));
    world_close(w);
}

static void what_expires_is_said_and_reported(void **state)
{
    (void)state;
    struct world *w = world_open();
    int port = w->second.port;
    peer_die(&w->first);
    peer_die(&w->second);
    world_start(w, 2, "delivery: {retry_first: 100ms, expire: 2s, hold_down: 500ms}\n");
    world_submit(w, "old", "");
    world_wait(w, "expired", 2);
    assert_int_equal(world_message(w, 1).message.state, STORE_EXPIRED);
    peer_open(&w->second, w->loop, port);
    world_wait(w, "handed-over", 2);
    assert_non_null(strstr(w->second.mails[0].subject, "expired"));
    world_close(w);
}

static void mail_survives_the_end_of_the_process(void **state)
{
    (void)state;
    struct world *w = world_open();
    int port = w->first.port;
    peer_die(&w->first);
    world_start(w, 1, NULL);
    for (int i = 0; i < 10; i++)
        world_submit(w, "survives", "");
    world_stop(w);
    peer_open(&w->first, w->loop, port);
    w->step_count = 0;
    world_start(w, 1, NULL);
    world_wait(w, "handed-over", 20);
    assert_int_equal(w->first.mail_count, 10);
    world_close(w);
}

static void on_drained(void *arg)
{
    struct world *w = arg;
    w->drained = true;
    loop_stop(w->loop);
}

static void a_drain_ends_what_is_under_way_and_keeps_the_rest(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    world_turn(w, NANOS_PER_SECOND / 5);
    for (int i = 0; i < 20; i++)
        world_submit(w, "drain", "");
    loop_timer_set(w->limit, 60 * NANOS_PER_SECOND);
    courier_drain(w->courier, on_drained, w);
    while (!w->drained)
        loop_run(w->loop);
    loop_timer_cancel(w->limit);
    int sent = w->first.mail_count;
    assert_int_equal(world_count(w, "handed-over"), 2 * sent);
    world_stop(w);
    w->step_count = 0;
    world_start(w, 1, NULL);
    if (sent < 20)
        world_wait(w, "handed-over", 2 * (20 - sent));
    assert_int_equal(w->first.mail_count, 20);
    world_close(w);
}

static void a_reload_moves_the_queue_to_the_new_gateway(void **state)
{
    (void)state;
    struct world *w = world_open();
    struct err err;
    peer_die(&w->first);
    world_start(w, 1, NULL);
    world_submit(w, "moved", "");
    w->first.port = w->second.port;
    struct config *next = world_configure(w, 1, NULL);
    assert_int_equal(courier_prepare(w->courier, next, &err), 0);
    courier_reload(w->courier, next);
    config_free(w->config);
    w->config = next;
    world_wait(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    world_close(w);
}

int main(void)
{
    log_setup("courier-test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_is_handed_over_and_its_steps_can_be_followed),
        cmocka_unit_test(sessions_are_used_again_and_mail_goes_out_at_once),
        cmocka_unit_test(a_temporary_no_is_tried_again_until_it_is_a_yes),
        cmocka_unit_test(a_temporary_no_is_asked_of_the_other_gateway_at_once),
        cmocka_unit_test(one_refused_recipient_does_not_keep_it_from_the_other),
        cmocka_unit_test(a_refusal_is_asked_of_the_other_gateway_once),
        cmocka_unit_test(what_every_gateway_refuses_is_reported_to_the_others),
        cmocka_unit_test(there_is_no_report_about_a_report),
        cmocka_unit_test(a_dead_gateway_gives_way_to_the_next_at_once),
        cmocka_unit_test(a_deaf_gateway_holds_up_the_first_mails_only),
        cmocka_unit_test(the_only_gateway_is_used_again_soon_after_it_was_deaf),
        cmocka_unit_test(mail_returns_to_the_first_gateway_when_it_is_back),
        cmocka_unit_test(an_outage_of_the_only_gateway_loses_and_delays_nothing_for_long),
        cmocka_unit_test(a_connection_lost_after_the_dot_keeps_the_message_id),
        cmocka_unit_test(a_dot_without_an_answer_goes_over_the_next_gateway),
        cmocka_unit_test(a_connection_lost_in_data_is_no_success),
        cmocka_unit_test(a_session_that_the_gateway_closed_meanwhile_costs_nothing),
        cmocka_unit_test(a_gateway_that_takes_few_sessions_gets_few),
        cmocka_unit_test(only_the_named_gateway_is_used_when_one_is_named),
        cmocka_unit_test(what_expires_is_said_and_reported),
        cmocka_unit_test(mail_survives_the_end_of_the_process),
        cmocka_unit_test(a_drain_ends_what_is_under_way_and_keeps_the_rest),
        cmocka_unit_test(a_reload_moves_the_queue_to_the_new_gateway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
