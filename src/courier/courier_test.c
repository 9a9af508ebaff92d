/* The courier with what stands around it: secrets and certificates, landings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/testing_world.h"
#include "io/durable.h"
#include "io/testing_certificates.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* --- Security --- */

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

/* --- Landings --- */

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
        cmocka_unit_test(a_mail_that_lands_before_the_answer_is_seen_all_the_same),
        cmocka_unit_test(what_landed_while_nobody_looked_is_found_at_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
