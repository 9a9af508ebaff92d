#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "courier/testing_world.h"
#include "store/bounce.h"

static const char BOUNCES[] = "delivery: {retry_first: 100ms}\n"
                              "bounces: {address: bounces@example.org, maildir: /nonexistent/bounces}\n";

/* A mail to both recipients that the first gateway has taken; their ids follow from 1. */
static struct world *taken(int gateways)
{
    struct world *w = world_open();
    world_start(w, gateways, BOUNCES);
    world_submit(w, "m", NULL);
    world_wait(w, "handed-over", 2);
    return w;
}

static void put_report(struct buf *out, const char *to, const char *action, const char *const *recipients)
{
    assert_int_equal(
        buf_printf(out,
                   "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.net\r\nTo: <%s>\r\n"
                   "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\n"
                   "MIME-Version: 1.0\r\nContent-Type: multipart/report; "
                   "report-type=delivery-status; boundary=\"b\"\r\n\r\n"
                   "--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n\r\n"
                   "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
                   "Reporting-MTA: dns; mx.example.net\r\n",
                   to),
        0);
    for (; *recipients; recipients++)
        assert_int_equal(buf_printf(out,
                                    "\r\nFinal-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: 5.1.1\r\n"
                                    "Diagnostic-Code: smtp; 550 5.1.1 User unknown\r\n",
                                    *recipients, action),
                         0);
    assert_int_equal(buf_put(out, SV("\r\n--b--\r\n")), 0);
}

/* The report about the newest mail that the peer has seen, or to that address. */
static void report(struct world *w, const char *to, const char *action, const char *recipient)
{
    struct buf mail = BUF_INIT(64 * 1024);
    put_report(&mail, to, action, (const char *const[]){recipient, NULL});
    courier_take_report(w->courier, buf_view(&mail));
    buf_free(&mail);
}

static const char *last_sender(const struct peer *peer)
{
    assert_true(peer->mail_count > 0);
    return peer->mails[peer->mail_count - 1].sender;
}

static int read_counts(struct store *store, void *arg, struct err *err)
{
    return store_reports_counted(store, arg, err);
}

static bool counted_done;

static void on_counted(void *arg, const struct err *err)
{
    assert_null(err);
    counted_done = true;
    loop_stop(arg);
}

struct counting {
    struct store_report_counts counts;
    struct loop *loop;
};

static int count_job(struct store *store, void *arg, struct err *err)
{
    struct counting *counting = arg;
    return read_counts(store, &counting->counts, err);
}

static void count_done(void *arg, const struct err *err)
{
    struct counting *counting = arg;
    on_counted(counting->loop, err);
}

static struct store_report_counts counts(struct world *w)
{
    struct counting counting = {.loop = w->loop};
    counted_done = false;
    courier_read(w->courier, count_job, count_done, &counting);
    while (!counted_done)
        loop_run(w->loop);
    return counting.counts;
}

static enum store_state state_of(struct world *w, int64_t id)
{
    return world_message(w, id).message.state;
}

static void a_bounced_message_goes_over_the_next_gateway_once(void **state)
{
    (void)state;
    struct world *w = taken(2);
    char first_sender[128];
    snprintf(first_sender, sizeof first_sender, "%s", last_sender(&w->first));
    assert_non_null(strstr(first_sender, "bounces+1."));
    report(w, first_sender, "failed", "night@example.org");
    world_wait(w, "handed-over", 3);
    assert_int_equal(world_count(w, "bounced"), 1);
    assert_int_equal(w->second.mail_count, 1);
    assert_int_equal(w->second.mails[0].recipients, 1);
    struct listed bounced = world_message(w, 2);
    assert_int_equal(bounced.message.state, STORE_BOUNCED);
    assert_string_equal(bounced.cause, "recipient");
    assert_non_null(strstr(bounced.reply, "User unknown"));
    assert_int_equal(state_of(w, 1), STORE_HANDED_OVER);
    assert_int_equal(state_of(w, 3), STORE_HANDED_OVER);

    /* The same report again changes nothing. */
    report(w, first_sender, "failed", "night@example.org");
    world_turn(w, 300 * NANOS_PER_SECOND / 1000);
    assert_int_equal(counts(w).repeated, 1);
    assert_int_equal(w->second.mail_count, 1);

    /* The copy comes back too: nobody is left but the other recipient, who is told; that report of ours comes
     * back as well, and there it ends. */
    report(w, last_sender(&w->second), "failed", "night@example.org");
    world_wait(w, "handed-over", 4);
    assert_int_equal(state_of(w, 3), STORE_BOUNCED);
    assert_int_equal(counts(w).resent, 1);
    int mails = w->first.mail_count + w->second.mail_count;
    const char *told = last_sender(&w->first);
    assert_non_null(strstr(w->first.mails[w->first.mail_count - 1].message_id, "report."));
    report(w, told, "failed", "soc@example.org");
    world_wait(w, "bounced", 3);
    world_turn(w, 300 * NANOS_PER_SECOND / 1000);
    assert_int_equal(w->first.mail_count + w->second.mail_count, mails);
    assert_int_equal(state_of(w, 4), STORE_BOUNCED);
    world_close(w);
}

static void forged_and_foreign_tokens_are_counted_and_change_nothing(void **state)
{
    (void)state;
    struct world *w = taken(2);
    char other[160];
    snprintf(other, sizeof other, "bounces+2%s", strstr(last_sender(&w->first), "."));
    report(w, "bounces+1.aaaaaaaaaaaaaaaaaaaa@example.org", "failed", "soc@example.org");
    report(w, other, "failed", "soc@example.org");
    report(w, "bounces@example.org", "failed", "soc@example.org");
    struct store_report_counts n = counts(w);
    assert_int_equal(n.forged, 2);
    assert_int_equal(n.unknown, 1);
    assert_int_equal(state_of(w, 1), STORE_HANDED_OVER);
    assert_int_equal(state_of(w, 2), STORE_HANDED_OVER);
    world_turn(w, 200 * NANOS_PER_SECOND / 1000);
    assert_int_equal(w->second.mail_count, 0);
    world_close(w);
}

static void a_delay_is_a_step_and_the_last_word_of_delivered_and_failed_holds(void **state)
{
    (void)state;
    struct world *w = taken(2);
    report(w, last_sender(&w->first), "delayed", "soc@example.org");
    report(w, last_sender(&w->first), "delivered", "soc@example.org");
    report(w, last_sender(&w->first), "relayed", "soc@example.org");
    world_wait(w, "relayed", 1);
    assert_int_equal(world_count(w, "delayed"), 1);
    assert_int_equal(world_count(w, "delivered"), 1);
    assert_int_equal(state_of(w, 1), STORE_LANDED);
    assert_int_equal(counts(w).delayed, 1);
    report(w, last_sender(&w->first), "failed", "soc@example.org");
    world_wait(w, "bounced", 1);
    assert_int_equal(state_of(w, 1), STORE_BOUNCED);
    world_close(w);
}

static void a_report_that_names_nobody_of_ours_counts_against_each(void **state)
{
    (void)state;
    struct world *w = taken(2);
    report(w, last_sender(&w->first), "failed", "behind-an-alias@example.net");
    world_wait(w, "bounced", 2);
    assert_int_equal(state_of(w, 1), STORE_BOUNCED);
    assert_int_equal(state_of(w, 2), STORE_BOUNCED);
    world_wait(w, "handed-over", 4);
    world_close(w);
}

static void with_one_gateway_the_other_recipient_is_told(void **state)
{
    (void)state;
    struct world *w = taken(1);
    report(w, last_sender(&w->first), "failed", "night@example.org");
    world_wait(w, "handed-over", 3);
    assert_int_equal(state_of(w, 2), STORE_BOUNCED);
    assert_non_null(strstr(w->first.mails[1].message_id, "report."));
    assert_int_equal(w->first.mails[1].recipients, 1);
    world_close(w);
}

static void a_report_in_the_mailbox_is_found(void **state)
{
    (void)state;
    struct world *w = world_open();
    char more[400], path[200], temp[200];
    snprintf(more, sizeof more,
             "delivery: {retry_first: 100ms}\nbounces: {address: bounces@example.org, maildir: %s/bounces}\n",
             w->directory);
    static const char *const folders[] = {"bounces", "bounces/new", "bounces/cur", "bounces/tmp"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s/%s", w->directory, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    world_start(w, 2, more);
    world_submit(w, "m", NULL);
    world_wait(w, "handed-over", 2);
    struct buf mail = BUF_INIT(64 * 1024);
    put_report(&mail, last_sender(&w->first), "failed", (const char *const[]){"soc@example.org", NULL});
    snprintf(temp, sizeof temp, "%s/bounces/tmp/1", w->directory);
    snprintf(path, sizeof path, "%s/bounces/new/1", w->directory);
    FILE *file = fopen(temp, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(buf_view(&mail).p, 1, buf_view(&mail).n, file), buf_view(&mail).n);
    assert_int_equal(fclose(file), 0);
    buf_free(&mail);
    assert_int_equal(rename(temp, path), 0);
    world_wait(w, "bounced", 1);
    world_wait(w, "handed-over", 3);

    /* Killed after that, it finds the report again, which changes nothing. */
    world_stop(w);
    world_start(w, 2, more);
    for (int i = 0; i < 50 && counts(w).repeated == 0; i++)
        world_turn(w, 100 * NANOS_PER_MS);
    assert_int_equal(counts(w).repeated, 1);
    assert_int_equal(w->second.mail_count, 1);
    assert_int_equal(unlink(path), 0);
    for (size_t i = sizeof folders / sizeof *folders; i-- > 0;) {
        snprintf(path, sizeof path, "%s/%s", w->directory, folders[i]);
        assert_int_equal(rmdir(path), 0);
    }
    world_close(w);
}

static void the_key_outlives_the_courier(void **state)
{
    (void)state;
    struct world *w = taken(2);
    char sender[128];
    snprintf(sender, sizeof sender, "%s", last_sender(&w->first));
    world_stop(w);
    world_start(w, 2, BOUNCES);
    report(w, sender, "failed", "soc@example.org");
    world_wait(w, "bounced", 1);
    assert_int_equal(state_of(w, 1), STORE_BOUNCED);
    world_close(w);
}

static void a_vacation_note_is_no_bounce(void **state)
{
    (void)state;
    struct world *w = taken(2);
    struct buf mail = BUF_INIT(4096);
    assert_int_equal(buf_printf(&mail,
                                "Return-Path: <>\r\nFrom: soc@example.org\r\nTo: %s\r\n"
                                "Subject: Out of office: alert\r\nAuto-Submitted: auto-replied\r\n\r\n"
                                "I am away, and your mail could not be delivered to my desk.\r\n",
                                last_sender(&w->first)),
                     0);
    courier_take_report(w->courier, buf_view(&mail));
    buf_free(&mail);
    assert_int_equal(counts(w).unknown, 1);
    assert_int_equal(state_of(w, 1), STORE_HANDED_OVER);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bounced_message_goes_over_the_next_gateway_once),
        cmocka_unit_test(forged_and_foreign_tokens_are_counted_and_change_nothing),
        cmocka_unit_test(a_delay_is_a_step_and_the_last_word_of_delivered_and_failed_holds),
        cmocka_unit_test(a_report_that_names_nobody_of_ours_counts_against_each),
        cmocka_unit_test(with_one_gateway_the_other_recipient_is_told),
        cmocka_unit_test(a_report_in_the_mailbox_is_found),
        cmocka_unit_test(the_key_outlives_the_courier),
        cmocka_unit_test(a_vacation_note_is_no_bounce),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
