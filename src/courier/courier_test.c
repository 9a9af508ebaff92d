/* What the courier promises: nothing is lost, nothing waits for a gateway that does not answer, and
 * everything that happened can be asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/courier.h"
#include "courier/testing_peer.h"
#include "io/durable.h"
#include "io/testing_certificates.h"
#include "wire/batch.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { STEPS_MAX = 20000 };

struct world {
    struct loop *loop;
    struct loop_timer *limit;
    char directory[64];
    struct config *config;
    struct courier *courier;
    struct keeper_client *keeper;
    struct peer first, second;

    struct courier_step steps[STEPS_MAX];
    size_t step_count;
    const char *until_step; /* stops the loop … */
    int until_count;        /* … after so many more */

    int64_t alert_id, mail_id;
    bool submitted, drained;
};

/* --- A world with two gateways ----------------------------------------------------------------------------
 */

static void on_limit(void *arg)
{
    struct world *w = arg;
    for (size_t i = 0; i < w->step_count; i++)
        print_message("%s %s %s\n", w->steps[i].gateway ? w->steps[i].gateway : "", w->steps[i].step,
                      w->steps[i].text);
    fail_msg("it took too long");
}

static int count_steps(const struct world *w, const char *name)
{
    int n = 0;
    for (size_t i = 0; i < w->step_count; i++)
        n += strcmp(w->steps[i].step, name) == 0;
    return n;
}

static int64_t last_mail_of(const struct world *w, const char *name)
{
    for (size_t i = w->step_count; i-- > 0;)
        if (strcmp(w->steps[i].step, name) == 0)
            return w->steps[i].mail_id;
    return 0;
}

static void on_step(void *arg, const struct courier_step *step)
{
    struct world *w = arg;
    assert_true(w->step_count < STEPS_MAX);
    w->steps[w->step_count++] = *step;
    if (w->until_step && strcmp(w->until_step, step->step) == 0 && --w->until_count <= 0)
        loop_stop(w->loop);
}

/* Turns the loop until the step was told so many times altogether. */
static void wait_for(struct world *w, const char *step, int count)
{
    assert_non_null(step);
    w->until_step = step;
    w->until_count = count - count_steps(w, step);
    loop_timer_set(w->limit, 15 * NANOS_PER_SECOND);
    while (count_steps(w, step) < count)
        loop_run(w->loop);
    w->until_step = NULL;
    loop_timer_cancel(w->limit);
}

static void on_pause(void *arg)
{
    loop_stop(arg);
}

static void turn_for(struct world *w, nanos length)
{
    struct loop_timer *timer = loop_timer_new(w->loop, on_pause, w->loop);
    loop_timer_set(timer, length);
    loop_run(w->loop);
    loop_timer_free(timer);
}

static struct config *parse(const char *text)
{
    struct config_errors errors;
    config_errors_init(&errors);
    struct config_source source = {"/etc/vedette/vedette.yaml", sv_of(text)};
    struct config *config = config_parse(&source, 1, "host.example.org", &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%d: %s\n", errors.items[i].line, errors.items[i].message);
    assert_non_null(config);
    config_errors_free(&errors);
    return config;
}

static struct config *configure(const struct world *w, int gateways, const char *more)
{
    char text[4096];
    int n = snprintf(text, sizeof text,
                     "sender: Vedette <vedette@example.org>\n"
                     "recipients: [soc@example.org, night@example.org]\n"
                     "state_directory: %s\nalerts: {throttle: 0s}\n"
                     "gateways:\n"
                     "  - {name: first, address: 127.0.0.1, port: %d, security: none, stage_timeout: 500ms, "
                     "landing: {maildir: %s/inbox}}\n",
                     w->directory, w->first.port, w->directory);
    if (gateways > 1)
        n += snprintf(
            text + n, sizeof text - (size_t)n,
            "  - {name: second, address: 127.0.0.1, port: %d, security: none, stage_timeout: 500ms}\n",
            w->second.port);
    snprintf(text + n, sizeof text - (size_t)n, "%s", more ? more : "delivery: {retry_first: 100ms}\n");
    return parse(text);
}

static struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->loop = loop_new();
    w->limit = loop_timer_new(w->loop, on_limit, w);
    snprintf(w->directory, sizeof w->directory, "/tmp/vedette-courier-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    w->keeper = keeper_client_new(w->loop);
    peer_open(&w->first, w->loop, 0);
    peer_open(&w->second, w->loop, 0);
    return w;
}

static void start_courier(struct world *w, int gateways, const char *more)
{
    struct err err;
    struct store *store;
    w->config = configure(w, gateways, more);
    if (store_open(w->directory, &store, &err) < 0)
        fail_msg("%s", err.cause);
    if (courier_new(w->loop, w->config, store, w->keeper, &w->courier, &err) < 0)
        fail_msg("%s", err.cause);
    courier_subscribe(w->courier, on_step, w);
    courier_start(w->courier);
}

static void stop_courier(struct world *w)
{
    courier_free(w->courier);
    config_free(w->config);
    w->courier = NULL;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        unlink(path);
        return;
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_all(name);
    }
    closedir(dir);
    rmdir(path);
}

static void world_close(struct world *w)
{
    if (w->courier)
        stop_courier(w);
    peer_die(&w->first);
    peer_die(&w->second);
    keeper_client_free(w->keeper);
    loop_timer_free(w->limit);
    loop_free(w->loop);
    remove_all(w->directory);
    free(w);
}

static struct world *world_with(int gateways)
{
    struct world *w = world_open();
    start_courier(w, gateways, NULL);
    return w;
}

static void on_submitted(void *arg, int64_t alert_id, int64_t mail_id, const struct err *err)
{
    struct world *w = arg;
    assert_null(err);
    w->alert_id = alert_id;
    w->mail_id = mail_id;
    w->submitted = true;
    loop_stop(w->loop);
}

static void submit_mail(struct world *w, const char *id, const char *only_gateway)
{
    char content[512];
    snprintf(content, sizeof content,
             "From: a@example.org\r\nSubject: raw\r\nMessage-ID: <%s@example.org>\r\n"
             "\r\n.hello\r\n",
             id);
    w->submitted = false;
    courier_submit(
        w->courier,
        &(struct courier_submission){.content = sv_of(content), .only_gateway = sv_of(only_gateway)},
        on_submitted, w);
    while (!w->submitted)
        loop_run(w->loop);
}

struct listed {
    int count;
    struct store_message message;
    char reply[512], gateway[64], cause[64];
    int64_t id;
    bool done;
    struct loop *loop;
};

static int see_message(void *arg, const struct store_message *message)
{
    struct listed *listed = arg;
    if (listed->id && message->id != listed->id)
        return 0;
    listed->count++;
    listed->message = *message;
    sv_copy(listed->reply, sizeof listed->reply, message->reply);
    sv_copy(listed->gateway, sizeof listed->gateway, message->gateway);
    sv_copy(listed->cause, sizeof listed->cause, message->cause);
    return 0;
}

static int list_job(struct store *store, void *arg, struct err *err)
{
    struct listed *listed = arg;
    listed->count = 0;
    return store_messages(store, true, see_message, listed, err);
}

static void list_done(void *arg, const struct err *err)
{
    struct listed *listed = arg;
    assert_null(err);
    listed->done = true;
    loop_stop(listed->loop);
}

/* The message as the store has it now. */
static struct listed message_now(struct world *w, int64_t id)
{
    struct listed listed = {.id = id, .loop = w->loop};
    courier_read(w->courier, list_job, list_done, &listed);
    while (!listed.done)
        loop_run(w->loop);
    return listed;
}

/* --- Promises ---------------------------------------------------------------------------------------------
 */

static void a_mail_is_handed_over_and_its_steps_can_be_followed(void **state)
{
    (void)state;
    struct world *w = world_with(1);
    submit_mail(w, "one", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_int_equal(w->first.mails[0].recipients, 2);
    assert_string_equal(w->first.mails[0].message_id, "<one@example.org>");
    assert_string_equal(w->first.mails[0].sender, "vedette@example.org");
    static const char *const STEPS[] = {"committed", "queued", "connect", "banner", "ehlo",
                                        "mail",      "rcpt",   "data",    "dot",    "handed-over"};
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
        assert_true(count_steps(w, STEPS[i]) >= 1);
    assert_int_equal(last_mail_of(w, "dot"), w->mail_id);
    struct listed listed = message_now(w, 1);
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
        submit_mail(w, id, "");
        wait_for(w, "handed-over", 2 * (i + 1));
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
    start_courier(w, 1, NULL);
    submit_mail(w, "later", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_true(count_steps(w, "deferred") >= 2);
    assert_int_equal(message_now(w, 1).message.attempts, 3);
    world_close(w);
}

static void a_temporary_no_is_asked_of_the_other_gateway_at_once(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.mail_451 = 1000;
    start_courier(w, 2, NULL);
    submit_mail(w, "other", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    assert_int_equal(count_steps(w, "deferred"), 0);
    assert_int_equal(message_now(w, 1).message.attempts, 2);
    world_close(w);
}

static void one_refused_recipient_does_not_keep_it_from_the_other(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.refuse = "night@";
    start_courier(w, 1, NULL);
    submit_mail(w, "half", "");
    wait_for(w, "refused", 1);
    assert_int_equal(w->first.mail_count, 1);
    assert_int_equal(w->first.mails[0].recipients, 1);
    assert_int_equal(message_now(w, 1).message.state, STORE_HANDED_OVER);
    struct listed refused = message_now(w, 2);
    assert_int_equal(refused.message.state, STORE_FAILED);
    assert_string_equal(refused.cause, "recipient");
    int begun = w->first.mails_begun;
    turn_for(w, NANOS_PER_SECOND);
    assert_int_equal(w->first.mails_begun, begun); /* never repeated */
    world_close(w);
}

static void a_refusal_is_asked_of_the_other_gateway_once(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.refuse = "night@";
    start_courier(w, 2, NULL);
    submit_mail(w, "twice", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_int_equal(w->second.mail_count, 1);
    assert_int_equal(w->second.mails[0].recipients, 1);
    assert_int_equal(count_steps(w, "refused"), 0);
    world_close(w);
}

static void what_every_gateway_refuses_is_reported_to_the_others(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.refuse = w->second.refuse = "night@";
    start_courier(w, 2, NULL);
    submit_mail(w, "never", "");
    wait_for(w, "handed-over", 2); /* soc's copy, and the report to soc */
    wait_for(w, "refused", 1);
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
    start_courier(w, 2, NULL);
    submit_mail(w, "loop", "");
    wait_for(w, "refused", 3); /* two recipients, and the report to one of them */
    turn_for(w, NANOS_PER_SECOND);
    assert_int_equal(count_steps(w, "refused"), 3);
    world_close(w);
}

static void a_dead_gateway_gives_way_to_the_next_at_once(void **state)
{
    (void)state;
    struct world *w = world_open();
    peer_die(&w->first);
    start_courier(w, 2, NULL);
    nanos before = loop_monotonic();
    for (int i = 0; i < 50; i++)
        submit_mail(w, "dead", "");
    wait_for(w, "handed-over", 100);
    assert_true(loop_monotonic() - before < 2 * NANOS_PER_SECOND);
    assert_int_equal(w->second.mail_count, 50);
    assert_int_equal(count_steps(w, "deferred"), 0);
    world_close(w);
}

static void a_deaf_gateway_holds_up_the_first_mails_only(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.deaf = true;
    start_courier(w, 2, NULL);
    nanos before = loop_monotonic();
    for (int i = 0; i < 50; i++)
        submit_mail(w, "deaf", "");
    wait_for(w, "handed-over", 100);
    assert_true(loop_monotonic() - before < 2 * NANOS_PER_SECOND);
    assert_int_equal(w->second.mail_count, 50);
    before = loop_monotonic();
    submit_mail(w, "next", "");
    wait_for(w, "handed-over", 102);
    assert_true(loop_monotonic() - before < NANOS_PER_SECOND / 4);
    world_close(w);
}

static void mail_returns_to_the_first_gateway_when_it_is_back(void **state)
{
    (void)state;
    struct world *w = world_open();
    int port = w->first.port;
    peer_die(&w->first);
    start_courier(w, 2, "delivery: {retry_first: 100ms, hold_down: 300ms}\n");
    submit_mail(w, "a", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    peer_open(&w->first, w->loop, port);
    turn_for(w, NANOS_PER_SECOND);
    submit_mail(w, "b", "");
    wait_for(w, "handed-over", 4);
    assert_int_equal(w->first.mail_count, 1);
    world_close(w);
}

static void an_outage_of_the_only_gateway_loses_and_delays_nothing_for_long(void **state)
{
    (void)state;
    struct world *w = world_open();
    int port = w->first.port;
    peer_die(&w->first);
    start_courier(w, 1, "delivery: {retry_first: 60s, retry_max: 60s}\n");
    for (int i = 0; i < 100; i++)
        submit_mail(w, "outage", "");
    turn_for(w, 2 * NANOS_PER_SECOND);
    peer_open(&w->first, w->loop, port);
    nanos before = loop_monotonic();
    wait_for(w, "handed-over", 200);
    assert_true(loop_monotonic() - before < 6 * NANOS_PER_SECOND);
    assert_int_equal(w->first.mail_count, 100);
    world_close(w);
}

static void a_connection_lost_after_the_dot_keeps_the_message_id(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.drop_after_dot = 1;
    start_courier(w, 1, NULL);
    submit_mail(w, "dot", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 2);
    assert_string_equal(w->first.mails[0].message_id, w->first.mails[1].message_id);
    assert_true(message_now(w, 1).message.possible_duplicate);
    world_close(w);
}

static void a_dot_without_an_answer_goes_over_the_next_gateway(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.deaf_at_dot = true;
    start_courier(w, 2, NULL);
    submit_mail(w, "silent", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    assert_true(message_now(w, 1).message.possible_duplicate);
    world_close(w);
}

static void a_connection_lost_in_data_is_no_success(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.drop_at_data = 2;
    start_courier(w, 1, NULL);
    submit_mail(w, "data", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 1);
    assert_false(message_now(w, 1).message.possible_duplicate);
    world_close(w);
}

static void a_session_that_the_gateway_closed_meanwhile_costs_nothing(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.drop_at_mail = 1;
    start_courier(w, 1, "delivery: {retry_first: 60s, retry_max: 60s}\n");
    submit_mail(w, "stale", "");
    wait_for(w, "handed-over", 2);
    assert_int_equal(message_now(w, 1).message.attempts, 1);
    world_close(w);
}

static void a_gateway_that_takes_few_sessions_gets_few(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.sessions_most = 2;
    start_courier(w, 1, "delivery: {retry_first: 60s, retry_max: 60s}\n");
    turn_for(w, NANOS_PER_SECOND / 5);
    for (int i = 0; i < 100; i++)
        submit_mail(w, "few", "");
    wait_for(w, "handed-over", 200);
    assert_int_equal(w->first.mail_count, 100);
    world_close(w);
}

static void only_the_named_gateway_is_used_when_one_is_named(void **state)
{
    (void)state;
    struct world *w = world_with(2);
    submit_mail(w, "only", "second");
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->first.mail_count, 0);
    assert_int_equal(w->second.mail_count, 1);
    peer_die(&w->second);
    submit_mail(w, "only2", "second");
    wait_for(w, "deferred", 2);
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
    start_courier(w, 2, "delivery: {retry_first: 100ms, expire: 2s, hold_down: 500ms}\n");
    submit_mail(w, "old", "");
    wait_for(w, "expired", 2);
    assert_int_equal(message_now(w, 1).message.state, STORE_EXPIRED);
    peer_open(&w->second, w->loop, port);
    wait_for(w, "handed-over", 2);
    assert_non_null(strstr(w->second.mails[0].subject, "expired"));
    world_close(w);
}

static void mail_survives_the_end_of_the_process(void **state)
{
    (void)state;
    struct world *w = world_open();
    int port = w->first.port;
    peer_die(&w->first);
    start_courier(w, 1, NULL);
    for (int i = 0; i < 10; i++)
        submit_mail(w, "survives", "");
    stop_courier(w);
    peer_open(&w->first, w->loop, port);
    w->step_count = 0;
    start_courier(w, 1, NULL);
    wait_for(w, "handed-over", 20);
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
    turn_for(w, NANOS_PER_SECOND / 5);
    for (int i = 0; i < 20; i++)
        submit_mail(w, "drain", "");
    loop_timer_set(w->limit, 5 * NANOS_PER_SECOND);
    courier_drain(w->courier, on_drained, w);
    while (!w->drained)
        loop_run(w->loop);
    loop_timer_cancel(w->limit);
    int sent = w->first.mail_count;
    assert_int_equal(count_steps(w, "handed-over"), 2 * sent);
    stop_courier(w);
    w->step_count = 0;
    start_courier(w, 1, NULL);
    if (sent < 20)
        wait_for(w, "handed-over", 2 * (20 - sent));
    assert_int_equal(w->first.mail_count, 20);
    world_close(w);
}

static void a_reload_moves_the_queue_to_the_new_gateway(void **state)
{
    (void)state;
    struct world *w = world_open();
    struct err err;
    peer_die(&w->first);
    start_courier(w, 1, NULL);
    submit_mail(w, "moved", "");
    w->first.port = w->second.port;
    struct config *next = configure(w, 1, NULL);
    assert_int_equal(courier_prepare(w->courier, next, &err), 0);
    courier_reload(w->courier, next);
    config_free(w->config);
    w->config = next;
    wait_for(w, "handed-over", 2);
    assert_int_equal(w->second.mail_count, 1);
    world_close(w);
}

/* --- Security ---------------------------------------------------------------------------------------------
 */

struct guarded {
    struct world *w;
    struct tls_context *server;
    struct keeper *keeper;
    struct channel *keeper_side, *courier_side;
};

static void on_keeper_side(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct guarded *g = arg;
    assert_int_equal(fd, -1);
    assert_int_equal(type, CONTROL_SECRET_GET);
    keeper_answer(g->keeper, channel, body);
}

static void on_secret_side(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct guarded *g = arg;
    (void)channel;
    assert_int_equal(fd, -1);
    keeper_client_message(g->w->keeper, type, body);
}

static void ignore_closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    (void)err;
}

static void write_file(const struct world *w, const char *name, const char *content, mode_t mode)
{
    int dir = open(w->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(dir >= 0);
    assert_int_equal(durable_write(dir, name, sv_of(content), mode, NULL), 0);
    close(dir);
}

/* A gateway with STARTTLS whose certificate bears that name, an authority to trust, a keeper, and a courier
 * that is told to authenticate with that password. */
static void guarded_open(struct guarded *g, const char *certified, const char *password, bool offer)
{
    struct world *w = world_open();
    char cert[128], key[128], text[2048];
    struct err err;
    int fds[2];
    *g = (struct guarded){.w = w};
    struct testing_certificate ca = testing_certificate_make("Test CA", NULL, NULL, 1, 30);
    struct testing_certificate leaf = testing_certificate_make("gateway", certified, &ca, 0, 30);
    snprintf(cert, sizeof cert, "%s/ca.pem", w->directory);
    testing_certificate_write(cert, &ca, NULL);
    snprintf(cert, sizeof cert, "%s/cert.pem", w->directory);
    snprintf(key, sizeof key, "%s/key.pem", w->directory);
    testing_certificate_write(cert, &leaf, &ca);
    testing_certificate_write_key(key, &leaf);
    testing_certificate_free(&leaf);
    testing_certificate_free(&ca);
    assert_int_equal(tls_server_context(cert, key, NULL, &g->server, &err), 0);
    w->first.tls = offer ? g->server : NULL;
    w->first.login = "AHZlZGV0dGUAY29ycmVjdCBob3JzZQ=="; /* vedette, "correct horse" */

    write_file(w, "first", password, 0400);
    g->keeper = keeper_new(&(struct provider_context){.secrets_directory = w->directory});
    assert_int_equal(channel_pair(fds, NULL), 0);
    g->keeper_side = channel_new(w->loop, fds[0], on_keeper_side, ignore_closed, g);
    g->courier_side = channel_new(w->loop, fds[1], on_secret_side, ignore_closed, g);
    keeper_client_connect(w->keeper, g->courier_side);

    snprintf(text, sizeof text,
             "sender: vedette@example.org\nrecipients: [soc@example.org]\nstate_directory: %s\n"
             "gateways:\n  - {name: first, address: 127.0.0.1, port: %d, security: starttls,\n"
             "     verify_name: mail.example.org, ca_file: %s/ca.pem,\n"
             "     username: vedette, password: secret:file/first}\n",
             w->directory, w->first.port, w->directory);
    struct store *store;
    w->config = parse(text);
    assert_int_equal(store_open(w->directory, &store, &err), 0);
    if (courier_new(w->loop, w->config, store, w->keeper, &w->courier, &err) < 0)
        fail_msg("%s", err.cause);
    courier_subscribe(w->courier, on_step, w);
    courier_start(w->courier);
}

static void guarded_close(struct guarded *g)
{
    struct world *w = g->w;
    for (size_t i = 0; i < w->step_count; i++) {
        assert_null(strstr(w->steps[i].text, "correct horse"));
        assert_null(strstr(w->steps[i].text, "AHZlZGV0dGUAd3Jvbmc")); /* the wrong password, in base64 */
    }
    stop_courier(w);
    keeper_client_connect(w->keeper, NULL);
    channel_free(g->keeper_side);
    channel_free(g->courier_side);
    keeper_free(g->keeper);
    tls_context_free(g->server);
    world_close(w);
}

static void a_session_is_secured_and_authenticated_before_mail(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:mail.example.org", "correct horse", true);
    submit_mail(g.w, "guarded", "");
    wait_for(g.w, "handed-over", 1);
    assert_int_equal(g.w->first.mail_count, 1);
    static const char *const STEPS[] = {"starttls", "tls", "auth"};
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
        assert_true(count_steps(g.w, STEPS[i]) >= 1);
    guarded_close(&g);
}

static const char *trouble_of(const struct world *w)
{
    for (size_t i = w->step_count; i-- > 0;)
        if (strcmp(w->steps[i].step, "deferred") == 0)
            return w->steps[i].text;
    return "";
}

static void no_mail_goes_to_a_gateway_that_cannot_prove_who_it_is(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:other.example.org", "correct horse", true);
    submit_mail(g.w, "untrusted", "");
    wait_for(g.w, "deferred", 1);
    assert_non_null(strstr(trouble_of(g.w), "other.example.org"));
    assert_int_equal(g.w->first.mails_begun, 0);
    assert_int_equal(message_now(g.w, 1).message.state, STORE_QUEUED);
    guarded_close(&g);
}

static void no_mail_goes_where_starttls_has_gone(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:mail.example.org", "correct horse", false);
    submit_mail(g.w, "stripped", "");
    wait_for(g.w, "deferred", 1);
    assert_non_null(strstr(trouble_of(g.w), "STARTTLS"));
    assert_int_equal(g.w->first.mails_begun, 0);
    guarded_close(&g);
}

static void a_wrong_password_is_told_and_never_shown(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:mail.example.org", "wrong password", true);
    submit_mail(g.w, "wrong", "");
    wait_for(g.w, "deferred", 1);
    assert_non_null(strstr(trouble_of(g.w), "535 5.7.8 bad login: ***"));
    assert_int_equal(g.w->first.mails_begun, 0);
    assert_int_equal(message_now(g.w, 1).message.state, STORE_QUEUED);
    guarded_close(&g);
}

/* --- Findings ---------------------------------------------------------------------------------------------
 */

struct watch_side {
    struct world *w;
    struct channel *courier_side, *watch_side;
    uint64_t committed;
    int commits, cursors;
    char cursor[64];
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

static void side_open(struct watch_side *side, struct world *w)
{
    int fds[2];
    *side = (struct watch_side){.w = w};
    assert_int_equal(channel_pair(fds, NULL), 0);
    side->courier_side = channel_new(w->loop, fds[0], on_courier_side, on_closed, side);
    side->watch_side = channel_new(w->loop, fds[1], on_watch_side, on_closed, side);
    courier_watch(w->courier, side->courier_side);
    while (side->cursors == 0)
        loop_run(w->loop);
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
    wait_for(w, "handed-over", 20);
    assert_int_equal(side.committed, 7);
    assert_int_equal(w->first.mail_count, 10);
    static const char *const STEPS[] = {"received", "matched", "committed", "queued"};
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
        assert_int_equal(count_steps(w, STEPS[i]), strcmp(STEPS[i], "queued") == 0 ? 20 : 10);
    side_close(&side);
    side_open(&side, w);
    assert_string_equal(side.cursor, "offset 4711");
    side_close(&side);
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
    wait_for(w, "handed-over", 2000);
    print_message("1,000 alerts in %lld ms over %d sessions\n",
                  (long long)((loop_monotonic() - before) / NANOS_PER_MS), w->first.connections);
    assert_int_equal(w->first.mail_count, 1000);
    assert_int_equal(side.commits, 10);
    assert_true(w->first.connections <= 4);
    side_close(&side);
    world_close(w);
}

/* --- Landings ---------------------------------------------------------------------------------------------
 */

static void drop_into_maildir(struct peer *peer, const struct peer_mail *mail)
{
    struct world *w = peer->arg;
    char path[256], text[512];
    snprintf(path, sizeof path, "%s/inbox/new/%d.peer", w->directory, peer->mail_count);
    snprintf(text, sizeof text, "Subject: x\r\nMessage-ID: %s\r\n\r\nbody\r\n", mail->message_id);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_inbox(struct world *w)
{
    char path[128];
    snprintf(path, sizeof path, "%s/inbox/new", w->directory);
    assert_int_equal(directory_make(path, 0700, NULL), 0);
    snprintf(path, sizeof path, "%s/inbox/cur", w->directory);
    assert_int_equal(directory_make(path, 0700, NULL), 0);
}

static void a_mail_that_lands_before_the_answer_is_seen_all_the_same(void **state)
{
    (void)state;
    struct world *w = world_open();
    w->first.on_mail = drop_into_maildir;
    w->first.arg = w;
    make_inbox(w);
    start_courier(w, 1, NULL);
    turn_for(w, NANOS_PER_SECOND / 10);
    for (int i = 0; i < 20; i++) {
        char id[32];
        snprintf(id, sizeof id, "land%d", i);
        submit_mail(w, id, "");
    }
    wait_for(w, "landed", 40); /* of either recipient */
    assert_int_equal(message_now(w, 1).message.state, STORE_LANDED);
    world_close(w);
}

static void what_landed_while_nobody_looked_is_found_at_the_start(void **state)
{
    (void)state;
    struct world *w = world_open();
    start_courier(w, 1, NULL);
    submit_mail(w, "earlier", "");
    wait_for(w, "handed-over", 2);
    stop_courier(w);
    make_inbox(w);
    w->first.arg = w;
    drop_into_maildir(&w->first, &w->first.mails[0]);
    start_courier(w, 1, NULL);
    wait_for(w, "landed", 2);
    assert_int_equal(message_now(w, 2).message.state, STORE_LANDED);
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
        cmocka_unit_test(a_session_is_secured_and_authenticated_before_mail),
        cmocka_unit_test(no_mail_goes_to_a_gateway_that_cannot_prove_who_it_is),
        cmocka_unit_test(no_mail_goes_where_starttls_has_gone),
        cmocka_unit_test(a_wrong_password_is_told_and_never_shown),
        cmocka_unit_test(findings_become_mails_and_are_acknowledged_with_their_cursor),
        cmocka_unit_test(a_thousand_alerts_pass_four_sessions),
        cmocka_unit_test(a_mail_that_lands_before_the_answer_is_seen_all_the_same),
        cmocka_unit_test(what_landed_while_nobody_looked_is_found_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
