/* The courier with all that stands around it: secrets and certificates, watches, landings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/testing_world.h"
#include "io/durable.h"
#include "io/testing_certificates.h"
#include "wire/batch.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

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
    w->config = world_parse(text);
    assert_int_equal(store_open(w->directory, &store, &err), 0);
    if (courier_new(w->loop, w->config, store, w->keeper, &w->courier, &err) < 0)
        fail_msg("%s", err.cause);
    courier_subscribe(w->courier, world_step, w);
    courier_start(w->courier);
}

static void guarded_close(struct guarded *g)
{
    struct world *w = g->w;
    for (size_t i = 0; i < w->step_count; i++) {
        assert_null(strstr(w->steps[i].text, "correct horse"));
        assert_null(strstr(w->steps[i].text, "AHZlZGV0dGUAd3Jvbmc")); /* the wrong password, in base64 */
    }
    world_stop(w);
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
    world_submit(g.w, "guarded", "");
    world_wait(g.w, "handed-over", 1);
    assert_int_equal(g.w->first.mail_count, 1);
    static const char *const STEPS[] = {"starttls", "tls", "auth"};
    for (size_t i = 0; i < sizeof STEPS / sizeof *STEPS; i++)
        assert_true(world_count(g.w, STEPS[i]) >= 1);
    guarded_close(&g);
}

static bool told_rotated(const struct world *w)
{
    for (size_t i = 0; i < w->step_count; i++)
        if (strcmp(w->steps[i].step, "path-trouble") == 0 && strstr(w->steps[i].text, "rotated?"))
            return true;
    return false;
}

static void an_account_that_was_taken_before_and_is_refused_is_told_at_once(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:mail.example.org", "correct horse", true);
    struct peer *peer = &g.w->first;
    const char *login = peer->login;
    int port = peer->port;
    world_submit(g.w, "before", "");
    world_wait(g.w, "handed-over", 1);
    peer->login = "bm90aGluZw==";
    peer_die(peer);
    peer_open(peer, g.w->loop, port);
    world_submit(g.w, "after", "");
    world_wait(g.w, "path-trouble", 1);
    assert_true(told_rotated(g.w));
    peer->login = login;
    world_wait(g.w, "path-well", 1);
    guarded_close(&g);
}

static void an_account_that_was_never_taken_was_not_rotated(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:mail.example.org", "wrong", true);
    world_submit(g.w, "guarded", "");
    world_wait_for_words(g.w, "535 5.7.8");
    world_turn(g.w, 3 * NANOS_PER_SECOND);
    assert_false(told_rotated(g.w));
    guarded_close(&g);
}

/* A gateway that was found to be in trouble before the mail came keeps it in the store: then it is the
 * session that tells, and no attempt. */
static void no_mail_goes_to_a_gateway_that_cannot_prove_who_it_is(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:other.example.org", "correct horse", true);
    world_submit(g.w, "untrusted", "");
    world_wait_for_words(g.w, "other.example.org");
    assert_int_equal(g.w->first.mails_begun, 0);
    assert_int_equal(world_message(g.w, 1).message.state, STORE_QUEUED);
    guarded_close(&g);
}

static void no_mail_goes_where_starttls_has_gone(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:mail.example.org", "correct horse", false);
    world_submit(g.w, "stripped", "");
    world_wait_for_words(g.w, "STARTTLS");
    assert_int_equal(g.w->first.mails_begun, 0);
    guarded_close(&g);
}

static void a_wrong_password_is_told_and_never_shown(void **state)
{
    (void)state;
    struct guarded g;
    guarded_open(&g, "DNS:mail.example.org", "wrong password", true);
    world_submit(g.w, "wrong", "");
    world_wait_for_words(g.w, "535 5.7.8 bad login: ***");
    assert_int_equal(g.w->first.mails_begun, 0);
    assert_int_equal(world_message(g.w, 1).message.state, STORE_QUEUED);
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

static void side_connect(struct watch_side *side, struct world *w)
{
    int fds[2];
    *side = (struct watch_side){.w = w};
    assert_int_equal(channel_pair(fds, NULL), 0);
    side->courier_side = channel_new(w->loop, fds[0], on_courier_side, on_courier_side_closed, side);
    side->watch_side = channel_new(w->loop, fds[1], on_watch_side, on_closed, side);
    courier_watch(w->courier, side->courier_side);
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
    world_start(w, 1, NULL);
    world_turn(w, NANOS_PER_SECOND / 10);
    for (int i = 0; i < 20; i++) {
        char id[32];
        snprintf(id, sizeof id, "land%d", i);
        world_submit(w, id, "");
    }
    world_wait(w, "landed", 40); /* of either recipient */
    assert_int_equal(world_message(w, 1).message.state, STORE_LANDED);
    world_close(w);
}

static void what_landed_while_nobody_looked_is_found_at_the_start(void **state)
{
    (void)state;
    struct world *w = world_open();
    world_start(w, 1, NULL);
    world_submit(w, "earlier", "");
    world_wait(w, "handed-over", 2);
    world_stop(w);
    make_inbox(w);
    w->first.arg = w;
    drop_into_maildir(&w->first, &w->first.mails[0]);
    world_start(w, 1, NULL);
    world_wait(w, "landed", 2);
    assert_int_equal(world_message(w, 2).message.state, STORE_LANDED);
    world_close(w);
}

int main(void)
{
    log_setup("courier-test", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_secured_and_authenticated_before_mail),
        cmocka_unit_test(an_account_that_was_taken_before_and_is_refused_is_told_at_once),
        cmocka_unit_test(an_account_that_was_never_taken_was_not_rotated),
        cmocka_unit_test(no_mail_goes_to_a_gateway_that_cannot_prove_who_it_is),
        cmocka_unit_test(no_mail_goes_where_starttls_has_gone),
        cmocka_unit_test(a_wrong_password_is_told_and_never_shown),
        cmocka_unit_test(findings_become_mails_and_are_acknowledged_with_their_cursor),
        cmocka_unit_test(mails_leave_whatever_comes_beside_the_commit_that_brings_them),
        cmocka_unit_test(a_batch_that_comes_again_after_a_crash_is_not_counted_twice),
        cmocka_unit_test(a_watch_goes_on_behind_what_its_killed_predecessor_sent_last),
        cmocka_unit_test(a_watch_is_not_told_where_to_go_on_while_its_predecessor_may_still_speak),
        cmocka_unit_test(a_watch_that_dies_before_it_is_told_where_to_go_on_holds_up_nobody),
        cmocka_unit_test(a_thousand_alerts_pass_four_sessions),
        cmocka_unit_test(a_mail_that_lands_before_the_answer_is_seen_all_the_same),
        cmocka_unit_test(what_landed_while_nobody_looked_is_found_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
