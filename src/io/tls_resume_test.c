/* What resumption promises: no second handshake for who was here, and nobody in another's place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/testing_certificates.h"
#include "io/testing_streams.h"
#include "io/tls_memory.h"
#include "io/tls_tickets.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

/* A root, a server's certificate of it, and a client's. */
struct world {
    char dir[32], root_pem[64], server_pem[64], server_key[64];
    struct testing_certificate root, server, client;
    struct loop *loop;
    struct address address;
    int listener;
};

static int make_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    sv_copy(world->dir, sizeof world->dir, SV("/tmp/vedette-resume-XXXXXX"));
    assert_non_null(mkdtemp(world->dir));
    world->root = testing_certificate_make("Example Root", NULL, NULL, 1, 100);
    world->server =
        testing_certificate_make("server", "DNS:mail.example.org,IP:127.0.0.1", &world->root, 0, 50);
    world->client = testing_certificate_make("client", NULL, &world->root, 0, 50);
    snprintf(world->root_pem, sizeof world->root_pem, "%s/root", world->dir);
    snprintf(world->server_pem, sizeof world->server_pem, "%s/pem", world->dir);
    snprintf(world->server_key, sizeof world->server_key, "%s/key", world->dir);
    testing_certificate_write(world->root_pem, &world->root, NULL);
    testing_certificate_write(world->server_pem, &world->server, NULL);
    testing_certificate_write_key(world->server_key, &world->server);
    world->loop = loop_new();
    world->listener = listen_on_loopback(&world->address, 8);
    *state = world;
    return 0;
}

static int remove_world(void **state)
{
    struct world *world = *state;
    unlink(world->root_pem);
    unlink(world->server_pem);
    unlink(world->server_key);
    rmdir(world->dir);
    testing_certificate_free(&world->root);
    testing_certificate_free(&world->server);
    testing_certificate_free(&world->client);
    loop_free(world->loop);
    close(world->listener);
    free(world);
    return 0;
}

static struct tls_context *client_of(const struct world *world, int version)
{
    struct tls_context *context = NULL;
    assert_int_equal(tls_client_context(&(struct tls_trust){.ca_file = world->root_pem}, &context, NULL), 0);
    tls_client_keep_sessions(context);
    SSL_CTX_set_max_proto_version(context->ssl, version);
    return context;
}

enum strictness { ASKS_NOBODY, ASKS, INSISTS };

static struct tls_context *server_of(const struct world *world, enum strictness strictness)
{
    struct tls_context *context = NULL;
    assert_int_equal(tls_server_context(world->server_pem, world->server_key,
                                        strictness == ASKS_NOBODY ? NULL : world->root_pem, &context, NULL),
                     0);
    if (strictness == ASKS)
        tls_server_let_strangers_in(context);
    tls_server_give_tickets(context);
    return context;
}

static void show_certificate(const struct world *world, struct tls_context *client)
{
    assert_int_equal(SSL_CTX_use_certificate(client->ssl, world->client.cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(client->ssl, world->client.key), 1);
}

/* How a visit went, and what each side knew of the other. */
struct visit {
    struct tls_info client, server;
    bool secured;
    struct err client_err, server_err;
};

/* A word each way inside TLS: that is when tickets of TLS 1.3 come. */
static void talk(struct end *client, struct end *server)
{
    stream_write(server->stream, SV("220 hello\r\n"));
    end_wait_bytes(client, 11);
    stream_write(client->stream, SV("QUIT\r\n"));
    end_wait_bytes(server, 6);
}

static struct visit call(struct world *world, struct tls_context *client, struct tls_context *server,
                         const char *name)
{
    struct visit visit = {.secured = false};
    struct end caller = {.loop = world->loop, .until = -1, .got = BUF_INIT(4096)}, callee = caller;
    caller.stream = stream_dial(world->loop, &world->address, 30 * NANOS_PER_SECOND, end_event, &caller);
    int fd = accept4(world->listener, NULL, NULL, SOCK_CLOEXEC);
    assert_true(fd >= 0);
    callee.stream = stream_accepted(world->loop, fd, end_event, &callee);
    end_wait(&caller, STREAM_CONNECTED);
    stream_secure_client(caller.stream, client, name);
    stream_secure_server(callee.stream, server);
    while (!(callee.count[STREAM_SECURED] && caller.count[STREAM_SECURED]) &&
           !(callee.count[STREAM_FAILED] && caller.count[STREAM_FAILED]))
        loop_turn_for(world->loop, NANOS_PER_MS);
    visit.client_err = caller.err;
    visit.server_err = callee.err;
    visit.secured = callee.count[STREAM_SECURED];
    if (visit.secured) {
        talk(&caller, &callee);
        visit.client = *stream_tls_info(caller.stream);
        visit.server = *stream_tls_info(callee.stream);
    }
    end_close(&caller); /* without ado, as SMTP ends */
    end_close(&callee);
    return visit;
}

static void who_was_here_comes_back_without_a_whole_handshake_again_and_again(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct tls_context *client = client_of(world, versions[i]), *server = server_of(world, ASKS_NOBODY);
        struct visit first = call(world, client, server, "mail.example.org");
        assert_true(first.secured && !first.client.resumed && !first.server.resumed);
        for (int j = 0; j < 3; j++) {
            struct visit again = call(world, client, server, "mail.example.org");
            if (!again.secured || !again.client.resumed || !again.server.resumed)
                fail_msg("version %zu, time %d: secured %d, resumed %d", i, j, again.secured,
                         again.client.resumed);
            assert_string_equal(again.client.fingerprint, first.client.fingerprint);
            assert_string_equal(again.client.version, first.client.version);
        }
        tls_context_free(client);
        tls_context_free(server);
    }
}

static void each_resumed_session_has_a_channel_binding_of_its_own(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_of(world, TLS1_3_VERSION), *server = server_of(world, ASKS_NOBODY);
    struct visit first = call(world, client, server, "mail.example.org");
    struct visit again = call(world, client, server, "mail.example.org");
    assert_true(again.client.resumed);
    assert_int_equal(again.server.exporter_length, 32);
    assert_memory_equal(again.server.exporter, again.client.exporter, 32);
    assert_memory_not_equal(again.server.exporter, first.server.exporter, 32);
    tls_context_free(client);
    tls_context_free(server);
}

static void a_session_is_not_gone_on_with_under_another_name(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_of(world, TLS1_3_VERSION), *server = server_of(world, ASKS_NOBODY);
    assert_true(call(world, client, server, "mail.example.org").secured);
    struct visit other = call(world, client, server, "127.0.0.1");
    assert_true(other.secured && !other.client.resumed);
    struct visit wrong = call(world, client, server, "mail.example.net");
    assert_false(wrong.secured && wrong.client.resumed);
    assert_non_null(strstr(wrong.client_err.cause, "not for mail.example.net"));
    assert_true(call(world, client, server, "mail.example.org").client.resumed);
    tls_context_free(client);
    tls_context_free(server);
}

static void a_ticket_opens_nothing_elsewhere_and_a_whole_handshake_takes_its_place(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct tls_context *client = client_of(world, versions[i]), *here = server_of(world, ASKS_NOBODY);
        struct tls_context *there = server_of(world, ASKS_NOBODY);
        assert_true(call(world, client, here, "mail.example.org").secured);
        struct visit elsewhere = call(world, client, there, "mail.example.org");
        assert_true(elsewhere.secured && !elsewhere.client.resumed && !elsewhere.server.resumed);
        assert_true(call(world, client, there, "mail.example.org").client.resumed);
        tls_context_free(client);
        tls_context_free(here);
        tls_context_free(there);
    }
}

static void a_resumed_session_is_of_the_client_whose_certificate_was_shown(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        for (enum strictness strictness = ASKS; strictness <= INSISTS; strictness++) {
            struct tls_context *client = client_of(world, versions[i]),
                               *server = server_of(world, strictness);
            show_certificate(world, client);
            struct visit first = call(world, client, server, "mail.example.org");
            assert_string_equal(first.server.subject, "CN=client");
            struct visit again = call(world, client, server, "mail.example.org");
            assert_true(again.secured && again.server.resumed);
            assert_string_equal(again.server.subject, "CN=client");
            assert_string_equal(again.server.fingerprint, first.server.fingerprint);
            tls_context_free(client);
            tls_context_free(server);
        }
}

/* It may have a certificate by now; and where one is a must its session is worth nothing. */
static void a_stranger_s_session_is_not_gone_on_with_where_certificates_are_asked_for(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        struct tls_context *client = client_of(world, versions[i]), *server = server_of(world, ASKS);
        struct visit first = call(world, client, server, "mail.example.org");
        assert_string_equal(first.server.subject, "");
        show_certificate(world, client);
        struct visit again = call(world, client, server, "mail.example.org");
        assert_true(again.secured && !again.server.resumed);
        assert_string_equal(again.server.subject, "CN=client");
        tls_context_free(client);
        tls_context_free(server);
    }
}

/* Makes the certificate end within two seconds. */
static void shorten(struct testing_certificate *certificate, const struct testing_certificate *issuer)
{
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate->cert), 2));
    assert_true(X509_sign(certificate->cert, issuer->key, EVP_sha256()) > 0);
}

static void a_session_ends_with_the_certificate_that_was_shown_in_it(void **state)
{
    struct world *world = *state;
    struct tls_context *server = server_of(world, INSISTS), *clients[2];
    shorten(&world->client, &world->root);
    for (size_t i = 0; i < 2; i++) {
        clients[i] = client_of(world, versions[i]);
        show_certificate(world, clients[i]);
        assert_true(call(world, clients[i], server, "mail.example.org").secured);
    }
    while (X509_cmp_current_time(X509_get0_notAfter(world->client.cert)) > 0)
        loop_turn_for(world->loop, 50 * NANOS_PER_MS);
    for (size_t i = 0; i < 2; i++) {
        struct visit late = call(world, clients[i], server, "mail.example.org");
        assert_false(late.secured);
        if (!strstr(late.server_err.cause, "expired at"))
            fail_msg("version %zu: %s", i, late.server_err.cause);
        tls_context_free(clients[i]);
    }
    tls_context_free(server);
}

static void a_client_goes_on_with_no_server_whose_certificate_has_ended(void **state)
{
    struct world *world = *state;
    shorten(&world->server, &world->root);
    testing_certificate_write(world->server_pem, &world->server, NULL);
    struct tls_context *server = server_of(world, ASKS_NOBODY), *client = client_of(world, TLS1_3_VERSION);
    assert_true(call(world, client, server, "mail.example.org").secured);
    while (X509_cmp_current_time(X509_get0_notAfter(world->server.cert)) > 0)
        loop_turn_for(world->loop, 50 * NANOS_PER_MS);
    struct visit late = call(world, client, server, "mail.example.org");
    assert_non_null(strstr(late.client_err.cause, "expired at"));
    tls_context_free(client);
    tls_context_free(server);
}

static void after_a_day_the_certificate_is_looked_at_again(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_of(world, TLS1_3_VERSION), *server = server_of(world, ASKS_NOBODY);
    nanos before = loop_monotonic(), proven_at = 0;
    char whom[128], text[ADDRESS_TEXT_MAX];
    snprintf(whom, sizeof whom, "%s mail.example.org", address_text(&world->address, text));
    for (int i = 0; i < 2; i++) /* the second time the session is a resumed one */
        assert_true(call(world, client, server, "mail.example.org").secured);
    SSL_SESSION *session = tls_memory_take(client->memory, whom, loop_monotonic(), &proven_at);
    assert_non_null(session);
    assert_true(proven_at >= before && proven_at <= loop_monotonic());
    tls_memory_put(client->memory, whom, session, before);
    assert_null(tls_memory_take(client->memory, whom, before + TLS_PROOF_AGE_MAX, &proven_at));
    tls_context_free(client);
    tls_context_free(server);
}

static void the_memory_is_bounded_and_gives_the_last_that_came(void **state)
{
    struct world *world = *state;
    struct tls_context *client = client_of(world, TLS1_3_VERSION), *server = server_of(world, ASKS_NOBODY);
    char whom[128], text[ADDRESS_TEXT_MAX];
    nanos proven_at;
    snprintf(whom, sizeof whom, "%s mail.example.org", address_text(&world->address, text));
    assert_true(call(world, client, server, "mail.example.org").secured);
    SSL_SESSION *one = tls_memory_take(client->memory, whom, loop_monotonic(), &proven_at);
    assert_non_null(one);
    struct tls_memory *memory = tls_memory_new();
    for (int i = 0; i <= TLS_MEMORY_MAX; i++) {
        snprintf(text, sizeof text, "%d", i / 2);
        tls_memory_put(memory, text, SSL_SESSION_dup(one), proven_at + i);
    }
    SSL_SESSION *first = tls_memory_take(memory, "0", proven_at, &proven_at);
    assert_non_null(first); /* one of the two had to go */
    SSL_SESSION_free(first);
    assert_null(tls_memory_take(memory, "0", proven_at, &proven_at));
    nanos at[2];
    for (size_t i = 0; i < 2; i++)
        SSL_SESSION_free(tls_memory_take(memory, "7", proven_at, &at[i]));
    assert_int_equal(at[0], at[1] + 1);
    assert_null(tls_memory_take(memory, "7", proven_at, &proven_at));
    tls_memory_free(memory);
    SSL_SESSION_free(one);
    tls_context_free(client);
    tls_context_free(server);
}

static void keys_seal_for_one_period_and_open_for_two(void **state)
{
    (void)state;
    struct tls_tickets *tickets = tls_tickets_new();
    const nanos start = 7;
    bool old = true;
    struct tls_ticket_key first = *tls_tickets_seal(tickets, start);
    assert_memory_equal(tls_tickets_seal(tickets, start + TLS_TICKET_PERIOD - 1)->name, first.name,
                        sizeof first.name);
    assert_non_null(tls_tickets_open(tickets, first.name, start + 1, &old));
    assert_false(old);
    struct tls_ticket_key second = *tls_tickets_seal(tickets, start + TLS_TICKET_PERIOD);
    assert_memory_not_equal(second.name, first.name, sizeof first.name);
    assert_memory_not_equal(second.cipher, first.cipher, sizeof first.cipher);
    assert_memory_not_equal(second.mac, first.mac, sizeof first.mac);
    assert_memory_equal(
        tls_tickets_open(tickets, first.name, start + 2 * TLS_TICKET_PERIOD - 1, &old)->cipher, first.cipher,
        sizeof first.cipher);
    assert_true(old);
    assert_null(tls_tickets_open(tickets, first.name, start + 2 * TLS_TICKET_PERIOD, &old));
    assert_null(tls_tickets_open(tickets, (const unsigned char[TLS_TICKET_NAME_BYTES]){0}, start, &old));
    tls_tickets_free(tickets);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_world, remove_world)
    const struct CMUnitTest tests[] = {
        TEST(who_was_here_comes_back_without_a_whole_handshake_again_and_again),
        TEST(each_resumed_session_has_a_channel_binding_of_its_own),
        TEST(a_session_is_not_gone_on_with_under_another_name),
        TEST(a_ticket_opens_nothing_elsewhere_and_a_whole_handshake_takes_its_place),
        TEST(a_resumed_session_is_of_the_client_whose_certificate_was_shown),
        TEST(a_stranger_s_session_is_not_gone_on_with_where_certificates_are_asked_for),
        TEST(a_session_ends_with_the_certificate_that_was_shown_in_it),
        TEST(a_client_goes_on_with_no_server_whose_certificate_has_ended),
        TEST(after_a_day_the_certificate_is_looked_at_again),
        TEST(the_memory_is_bounded_and_gives_the_last_that_came),
        cmocka_unit_test(keys_seal_for_one_period_and_open_for_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
