/* The courier and its watches: each batch is committed once, whoever dies, and its watch goes on behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/testing_world.h"
#include "wire/batch.h"

#include <stdio.h>

struct watch_side {
    struct world *w;
    struct channel *courier_side, *watch_side;
    uint64_t committed;
    int commits, cursors;
    char cursor[64];
    bool ended; /* the courier has read all that it sent */
};

static void on_courier_side(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct watch_side *side = arg;
    assert_int_equal(fd, -1);
    courier_watch_message(side->w->courier, channel, type, body);
}

static void on_watch_side(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct watch_side *side = arg;
    struct unpack unpack = UNPACK_FROM(body);
    (void)channel;
    assert_int_equal(fd, -1);
    if (type == CONTROL_COMMITTED) {
        side->committed = unpack_u64(&unpack);
        side->commits++;
    } else {
        assert_int_equal(type, CONTROL_CURSORS);
        side->cursors++;
        for (uint32_t count = unpack_u32(&unpack); count > 0; count--) {
            unpack_sv(&unpack);
            sv_copy(side->cursor, sizeof side->cursor, unpack_sv(&unpack));
        }
    }
    assert_true(unpack_done(&unpack));
    loop_stop(side->w->loop);
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    (void)err;
}

static void on_courier_side_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct watch_side *side = arg;
    assert_null(err);
    side->ended = true;
    courier_watch_gone(side->w->courier, channel);
}

static void side_connect_as(struct watch_side *side, struct world *w, unsigned number)
{
    int fds[2];
    *side = (struct watch_side){.w = w};
    assert_int_equal(channel_pair(fds, NULL), 0);
    side->courier_side = channel_new(w->loop, fds[0], on_courier_side, on_courier_side_closed, side);
    side->watch_side = channel_new(w->loop, fds[1], on_watch_side, on_closed, side);
    courier_watch(w->courier, side->courier_side, number);
}

static void side_connect(struct watch_side *side, struct world *w)
{
    side_connect_as(side, w, 0);
}

static void side_await_cursors(const struct watch_side *side)
{
    loop_timer_set(side->w->limit, 60 * NANOS_PER_SECOND);
    while (side->cursors == 0)
        loop_run(side->w->loop);
    loop_timer_cancel(side->w->limit);
}

static void side_open(struct watch_side *side, struct world *w)
{
    side_connect(side, w);
    side_await_cursors(side);
}

/* What it sent last lies in the socket, for the loop does not turn meanwhile. */
static void side_kill(struct watch_side *side)
{
    assert_int_equal(channel_flush(side->watch_side, NULL), 0);
    channel_free(side->watch_side);
    side->watch_side = NULL;
}

static void side_close(struct watch_side *side)
{
    courier_watch_gone(side->w->courier, side->courier_side);
    channel_free(side->courier_side);
    channel_free(side->watch_side);
}

static void send_findings(struct watch_side *side, uint64_t serial, int first, int count, const char *cursor)
{
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct batch_writer writer;
    batch_begin(&writer, &buf, serial, SV("file /var/log/auth.log"));
    for (int i = first; i < first + count; i++) {
        char user[32];
        snprintf(user, sizeof user, "user%d", i);
        struct event_field field = {.name = SV("user.name"), .value = sv_of(user)};
        struct finding finding = {.event_time = loop_now(),
                                  .received_at = loop_now(),
                                  .matched_at = loop_now(),
                                  .input = SV("file /var/log/auth.log"),
                                  .rule_id = SV("rule-1"),
                                  .rule_title = SV("Somebody became root"),
                                  .severity = SEVERITY_HIGH,
                                  .raw = SV("sudo: x"),
                                  .fields = &field,
                                  .field_count = 1};
        assert_true(batch_add(&writer, &finding));
    }
    batch_end(&writer, sv_of(cursor));
    channel_send(side->watch_side, CONTROL_FINDINGS, buf_view(&buf), -1);
    buf_free(&buf);
}

static void findings_become_mails_and_are_acknowledged_with_their_cursor(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side side;
    side_open(&side, w);
    send_findings(&side, 7, 0, 10, "offset 4711");
    world_wait(w, "handed-over", 20);
    assert_int_equal(side.committed, 7);
    assert_int_equal(w->first.mail_count, 10);
    static const char *const STEPS[] = {"received", "matched", "committed", "queued"};
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
        assert_int_equal(world_count(w, STEPS[i]), strcmp(STEPS[i], "queued") == 0 ? 20 : 10);
    side_close(&side);
    side_open(&side, w);
    assert_string_equal(side.cursor, "offset 4711");
    side_close(&side);
    world_close(w);
}

/* A finding that comes alone is leased by the transaction that commits it; others come before, with and after
 * it. */
static void mails_leave_whatever_comes_beside_the_commit_that_brings_them(void **state)
{
    enum { ROUNDS = 24 };
    (void)state;
    struct world *w = world_with(1);
    struct watch_side side;
    side_open(&side, w);
    for (int i = 0; i < ROUNDS; i++) {
        char id[16];
        snprintf(id, sizeof id, "beside%d", i);
        send_findings(&side, (uint64_t)i + 1, i, 1, "offset 1");
        world_turn(w, i % 6 * NANOS_PER_MS / 4);
        world_submit(w, id, "");
        if (i % 4 == 0)
            world_wait(w, "handed-over", 4 * (i + 1));
    }
    world_wait(w, "handed-over", 4 * ROUNDS);
    assert_int_equal(w->first.mail_count, 2 * ROUNDS);
    side_close(&side);
    world_close(w);
}

static void a_batch_that_comes_again_after_a_crash_is_not_counted_twice(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side side;
    uint64_t run = 5ULL << 32;
    side_open(&side, w);
    send_findings(&side, run + 1, 0, 1, "offset 1");
    send_findings(&side, run + 2, 1, 1, "offset 2");
    world_wait(w, "handed-over", 4);
    side_close(&side);
    world_stop(w);
    world_start(w, 1, NULL);
    side_open(&side, w);
    assert_int_equal(side.cursors, 1);
    assert_string_equal(side.cursor, "offset 2");
    send_findings(&side, run + 1, 0, 1, "offset 1");
    send_findings(&side, run + 2, 1, 1, "offset 2");
    send_findings(&side, run + 3, 2, 1, "offset 3");
    world_wait(w, "handed-over", 6);
    assert_int_equal(side.commits, 3);
    assert_int_equal(world_count(w, "matched"), 3);
    send_findings(&side, run + (1ULL << 32) + 1, 3, 1, "offset 4"); /* another run of the watch counts anew */
    world_wait(w, "handed-over", 8);
    side_close(&side);
    world_close(w);
}

static void of_several_watches_each_has_its_own_last_batch(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side sides[2];
    for (int round = 0; round < 2; round++) { /* the second time it begins with what is on disk already */
        for (unsigned i = 0; i < 2; i++) {
            side_connect_as(&sides[i], w, i); /* the second does not wait for the first */
            side_await_cursors(&sides[i]);
        }
        for (uint64_t serial = 1; serial <= 2U + (unsigned)round; serial++)
            for (unsigned i = 0; i < 2; i++)
                send_findings(&sides[i], ((i + 5ULL) << 32) + serial, (int)(2 * serial + i), 1, "");
        world_wait(w, "handed-over", round ? 12 : 8);
        assert_int_equal(sides[0].commits, 2 + round);
        assert_int_equal(sides[1].commits, 2 + round);
        side_close(&sides[0]);
        side_close(&sides[1]);
        world_stop(w);
        world_start(w, 1, NULL);
    }
    assert_int_equal(world_count(w, "matched"), 6);
    world_close(w);
}

static void a_watch_goes_on_behind_what_its_killed_predecessor_sent_last(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side killed, successor;
    side_open(&killed, w);
    send_findings(&killed, 1, 0, 1, "offset 1");
    send_findings(&killed, 2, 1, 1, "offset 2");
    side_kill(&killed);
    side_connect(&successor, w);
    side_await_cursors(&successor);
    assert_string_equal(successor.cursor, "offset 2");
    assert_true(killed.ended);
    world_wait(w, "handed-over", 4);
    assert_int_equal(world_count(w, "matched"), 2);
    side_close(&killed);
    side_close(&successor);
    world_close(w);
}

static void a_watch_is_not_told_where_to_go_on_while_its_predecessor_may_still_speak(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side lingering, successor;
    side_open(&lingering, w);
    side_connect(&successor, w);
    send_findings(&lingering, 1, 0, 1, "offset 1");
    world_wait(w, "handed-over", 2);
    assert_int_equal(successor.cursors, 0);
    send_findings(&lingering, 2, 1, 1, "offset 2");
    side_kill(&lingering);
    side_await_cursors(&successor);
    assert_string_equal(successor.cursor, "offset 2");
    side_close(&lingering);
    side_close(&successor);
    world_close(w);
}

static void a_watch_that_dies_before_it_is_told_where_to_go_on_holds_up_nobody(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side killed, untold, successor;
    side_open(&killed, w);
    send_findings(&killed, 1, 0, 1, "offset 1");
    side_connect(&untold, w);
    side_kill(&untold);
    side_connect(&successor, w);
    side_kill(&killed);
    side_await_cursors(&successor);
    assert_string_equal(successor.cursor, "offset 1");
    assert_true(killed.ended && untold.ended);
    side_close(&killed);
    side_close(&untold);
    side_close(&successor);
    world_close(w);
}

static void a_thousand_alerts_pass_four_sessions(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side side;
    side_open(&side, w);
    nanos before = loop_monotonic();
    for (int i = 0; i < 10; i++)
        send_findings(&side, (uint64_t)i, 100 * i, 100, "");
    world_wait(w, "handed-over", 2000);
    print_message("1,000 alerts in %lld ms over %d sessions\n",
                  (long long)((loop_monotonic() - before) / NANOS_PER_MS), w->first.connections);
    assert_int_equal(w->first.mail_count, 1000);
    assert_int_equal(side.commits, 10);
    assert_true(w->first.connections <= 4);
    side_close(&side);
    world_close(w);
}

static void send_projection(struct watch_side *side, uint64_t serial)
{
    struct buf buf = BUF_INIT(CONTROL_BODY_BYTES_MAX);
    struct batch_writer writer;
    batch_begin(&writer, &buf, serial, SV("file /var/log/auth.log"));
    assert_true(
        batch_add_projection(&writer, &(struct projection){.seen = {.event_time = loop_now()}}, false));
    batch_end(&writer, SV_NONE);
    channel_send(side->watch_side, CONTROL_FINDINGS, buf_view(&buf), -1);
    buf_free(&buf);
}

static void say_correlates(struct watch_side *side, uint32_t correlates)
{
    struct buf body = BUF_INIT(16);
    struct pack pack = PACK_INTO(&body);
    pack_u32(&pack, correlates);
    channel_send(side->watch_side, CONTROL_CORRELATES, buf_view(&body), -1);
    buf_free(&body);
}

/* The rules lose their correlations, and who correlated ends with batches unanswered: what has been sent
 * before, and behind it everything, goes on when the last watch has the new rules. */
static void what_nobody_correlates_any_more_waits_for_nobody(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    struct watch_side sides[2];
    for (unsigned i = 0; i < 2; i++) {
        side_connect_as(&sides[i], w, i);
        side_await_cursors(&sides[i]);
        say_correlates(&sides[i], 1);
    }
    send_projection(&sides[0], 1);
    send_findings(&sides[0], 2, 0, 1, "");
    world_turn(w, 100 * NANOS_PER_MS); /* so that it comes first */
    send_findings(&sides[1], (9ULL << 32) + 1, 1, 1, "");
    world_turn(w, 100 * NANOS_PER_MS);
    assert_int_equal(sides[0].commits + sides[1].commits, 0);
    say_correlates(&sides[0], 0);
    world_turn(w, 100 * NANOS_PER_MS);
    assert_int_equal(sides[0].commits + sides[1].commits, 0);
    say_correlates(&sides[1], 0);
    world_wait(w, "handed-over", 4);
    send_projection(&sides[1], (9ULL << 32) + 2); /* of before: it was on its way */
    send_findings(&sides[1], (9ULL << 32) + 3, 2, 1, "");
    world_wait(w, "handed-over", 6);
    assert_int_equal(sides[0].commits, 2);
    assert_int_equal(sides[1].commits, 3);
    side_close(&sides[0]);
    side_close(&sides[1]);
    world_close(w);
}

int main(void)
{
    log_setup("reception-test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_become_mails_and_are_acknowledged_with_their_cursor),
        cmocka_unit_test(mails_leave_whatever_comes_beside_the_commit_that_brings_them),
        cmocka_unit_test(a_batch_that_comes_again_after_a_crash_is_not_counted_twice),
        cmocka_unit_test(of_several_watches_each_has_its_own_last_batch),
        cmocka_unit_test(a_watch_goes_on_behind_what_its_killed_predecessor_sent_last),
        cmocka_unit_test(a_watch_is_not_told_where_to_go_on_while_its_predecessor_may_still_speak),
        cmocka_unit_test(a_watch_that_dies_before_it_is_told_where_to_go_on_holds_up_nobody),
        cmocka_unit_test(a_thousand_alerts_pass_four_sessions),
        cmocka_unit_test(what_nobody_correlates_any_more_waits_for_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
