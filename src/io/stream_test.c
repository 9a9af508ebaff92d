/* What a stream in the clear promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "io/testing_streams.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void a_refused_connection_is_told_after_dialling_returned(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct address address;
    close(listen_on_loopback(&address, 1));
    struct end end = {.loop = loop, .until = -1};
    end.stream = stream_dial(loop, &address, 20 * NANOS_PER_SECOND, end_event, &end);
    assert_int_equal(end.count[STREAM_FAILED], 0);
    end_wait(&end, STREAM_FAILED);
    assert_int_equal(end.err.class, ERR_UNAVAILABLE);
    assert_int_equal(end.err.system, ECONNREFUSED);
    assert_non_null(strstr(end.err.cause, "127.0.0.1:"));
    assert_true(end.err.advice[0] != '\0');
    end_close(&end);
    loop_free(loop);
}

static void an_address_without_a_route_fails_as_an_event_too(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct address address;
    assert_int_equal(address_parse(SV("255.255.255.255"), 25, &address, NULL), 0);
    struct end end = {.loop = loop, .until = -1};
    end.stream = stream_dial(loop, &address, 20 * NANOS_PER_SECOND, end_event, &end);
    assert_int_equal(end.count[STREAM_FAILED], 0);
    end_wait(&end, STREAM_FAILED);
    assert_int_equal(end.err.class, ERR_UNAVAILABLE);
    assert_true(end.err.system != 0);
    end_close(&end);
    loop_free(loop);
}

/* A full backlog drops the handshake's packets, as a firewall would. */
static void a_peer_that_does_not_answer_is_a_time_out(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct address address;
    int listener = listen_on_loopback(&address, 0), filler[4];
    for (size_t i = 0; i < 4; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(filler[i], (struct sockaddr *)&address.storage, address.length);
    }
    struct end end = {.loop = loop, .until = -1};
    end.stream = stream_dial(loop, &address, 80 * NANOS_PER_MS, end_event, &end);
    end_wait(&end, STREAM_FAILED);
    assert_int_equal(end.err.class, ERR_UNAVAILABLE);
    assert_int_equal(end.err.system, ETIMEDOUT);
    assert_non_null(strstr(end.err.cause, "80 ms"));
    end_close(&end);
    for (size_t i = 0; i < 4; i++)
        close(filler[i]);
    close(listener);
    loop_free(loop);
}

static void many_small_writes_leave_as_one(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end end;
    int raw = end_on_raw_peer(loop, &end);
    for (int i = 0; i < 100; i++)
        stream_write(end.stream, SV("0123456789"));
    assert_int_equal(stream_unsent(end.stream), 1000);
    end_wait(&end, STREAM_DRAINED);
    assert_int_equal(stream_unsent(end.stream), 0);
    char bytes[2000];
    assert_int_equal(recv(raw, bytes, sizeof bytes, MSG_DONTWAIT), 1000);
    assert_int_equal(end.count[STREAM_DRAINED], 1);
    close(raw);
    end_close(&end);
    loop_free(loop);
}

static void take_a_little(struct end *end, enum stream_event event)
{
    if (event != STREAM_DATA)
        return;
    sv in = stream_input(end->stream);
    if (in.n < STREAM_INPUT_MAX)
        return;
    buf_put(&end->got, in);
    stream_consume(end->stream, in.n);
}

static void unread_input_is_bounded_and_none_is_lost(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end client, server;
    ends_connect(loop, &client, &server);
    enum { BYTES = 16 * STREAM_INPUT_MAX };
    char *bytes = malloc(BYTES);
    assert_non_null(bytes);
    for (size_t i = 0; i < BYTES; i++)
        bytes[i] = (char)(i * 31 >> 3);
    stream_write(client.stream, sv_make(bytes, BYTES));
    server.keep_input = true;
    server.hook = take_a_little;
    stream_finish(client.stream, 5 * NANOS_PER_SECOND);
    client.stream = NULL;
    end_wait(&server, STREAM_EOF);
    buf_put(&server.got, stream_input(server.stream));
    assert_int_equal(buf_view(&server.got).n, BYTES);
    assert_memory_equal(buf_view(&server.got).p, bytes, BYTES);
    assert_true(server.most_unread <= STREAM_INPUT_MAX + 16 * 1024);
    free(bytes);
    end_close(&client);
    end_close(&server);
    loop_turn_for(loop, 20 * NANOS_PER_MS);
    loop_free(loop);
}

static void the_last_words_of_a_peer_are_heard_before_its_reset(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end end;
    int raw = end_on_raw_peer(loop, &end);
    stream_pause(end.stream);
    stream_write(end.stream, SV("MAIL FROM:<>\r\n"));
    end_wait(&end, STREAM_DRAINED);
    assert_int_equal(write(raw, "421 too busy\r\n", 14), 14);
    close(raw); /* with unread bytes: the kernel sends a reset */
    for (int i = 0; i < 3 && !end.count[STREAM_FAILED]; i++) {
        stream_write(end.stream, SV("RCPT TO:<>\r\n"));
        loop_turn_for(loop, 10 * NANOS_PER_MS);
    }
    assert_true(sv_eq(buf_view(&end.got), SV("421 too busy\r\n")));
    assert_int_equal(end.count[STREAM_FAILED], 1);
    assert_int_equal(end.err.class, ERR_UNAVAILABLE);
    end_close(&end);
    loop_free(loop);
}

static enum stream_event close_at;

static void close_now(struct end *end, enum stream_event event)
{
    if (event != close_at)
        return;
    stream_close(end->stream);
    end->stream = NULL;
}

static void a_callback_may_close_the_stream_at_any_event(void **state)
{
    (void)state;
    enum stream_event events[] = {STREAM_DATA, STREAM_DRAINED, STREAM_EOF, STREAM_TIMEOUT, STREAM_FAILED};
    for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
        struct loop *loop = loop_new();
        struct end end;
        int raw = end_on_raw_peer(loop, &end);
        close_at = events[i];
        end.hook = close_now;
        stream_deadline(end.stream, events[i] == STREAM_TIMEOUT ? 1 : 0);
        if (events[i] == STREAM_DRAINED || events[i] == STREAM_FAILED)
            stream_write(end.stream, SV("bytes"));
        if (events[i] == STREAM_DATA)
            assert_int_equal(write(raw, "bytes", 5), 5);
        if (events[i] == STREAM_EOF)
            shutdown(raw, SHUT_WR);
        if (events[i] == STREAM_FAILED) {
            end_wait(&end, STREAM_DRAINED);
            close(raw);
            raw = -1;
        }
        end_wait(&end, events[i]);
        assert_null(end.stream);
        loop_turn_for(loop, 2 * NANOS_PER_MS);
        assert_int_equal(end.count[events[i]], 1);
        if (raw >= 0)
            close(raw);
        end_close(&end);
        loop_free(loop);
    }
}

static void a_deadline_fires_once_and_leaves_the_stream_usable(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end client, server;
    ends_connect(loop, &client, &server);
    stream_deadline(client.stream, 5 * NANOS_PER_MS);
    end_wait(&client, STREAM_TIMEOUT);
    stream_write(client.stream, SV("still here"));
    end_wait(&server, STREAM_DATA);
    assert_int_equal(client.count[STREAM_TIMEOUT], 1);
    stream_deadline(client.stream, 5 * NANOS_PER_MS);
    stream_deadline(client.stream, 0);
    loop_turn_for(loop, 15 * NANOS_PER_MS);
    assert_int_equal(client.count[STREAM_TIMEOUT], 1);
    end_close(&client);
    end_close(&server);
    loop_free(loop);
}

static void a_paused_stream_reads_nothing_until_resumed(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end client, server;
    ends_connect(loop, &client, &server);
    stream_pause(server.stream);
    stream_write(client.stream, SV("wait"));
    loop_turn_for(loop, 10 * NANOS_PER_MS);
    assert_int_equal(server.count[STREAM_DATA], 0);
    stream_resume(server.stream);
    end_wait(&server, STREAM_DATA);
    assert_int_equal(buf_view(&server.got).n, 4);
    end_close(&client);
    end_close(&server);
    loop_free(loop);
}

static void finishing_gives_up_on_a_peer_that_never_reads(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end end;
    int raw = end_on_raw_peer(loop, &end);
    char *bytes = calloc(1, 32 * 1024 * 1024);
    assert_non_null(bytes);
    stream_write(end.stream, sv_make(bytes, 32 * 1024 * 1024));
    free(bytes);
    stream_finish(end.stream, 30 * NANOS_PER_MS);
    end.stream = NULL;
    loop_turn_for(loop, 80 * NANOS_PER_MS);
    unsigned events = 0;
    for (size_t i = 0; i <= STREAM_TIMEOUT; i++)
        events += end.count[i];
    assert_int_equal(events, 0);
    char chunk[65536];
    ssize_t n;
    size_t all = 0;
    while ((n = recv(raw, chunk, sizeof chunk, 0)) > 0)
        all += (size_t)n;
    assert_true(all < 32 * 1024 * 1024);
    close(raw);
    end_close(&end);
    loop_free(loop);
}

static void more_unsent_than_the_bound_fails_the_stream(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end end;
    int raw = end_on_raw_peer(loop, &end);
    char *bytes = calloc(1, STREAM_OUTPUT_MAX);
    assert_non_null(bytes);
    stream_write(end.stream, sv_make(bytes, STREAM_OUTPUT_MAX));
    stream_write(end.stream, SV("!"));
    free(bytes);
    end_wait(&end, STREAM_FAILED);
    assert_int_equal(end.err.class, ERR_LIMIT);
    close(raw);
    end_close(&end);
    loop_free(loop);
}

/* Its owner has let go of it: nobody else would. */
static void what_still_finishes_when_its_loop_is_freed_is_closed(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct end finishing, lingering;
    int deaf = end_on_raw_peer(loop, &finishing), silent = end_on_raw_peer(loop, &lingering);
    char *bytes = calloc(1, 32 * 1024 * 1024), byte;
    assert_non_null(bytes);
    stream_write(finishing.stream, sv_make(bytes, 32 * 1024 * 1024));
    free(bytes);
    stream_write(lingering.stream, SV("x"));
    stream_finish(finishing.stream, 60 * NANOS_PER_SECOND);
    stream_finish(lingering.stream, 60 * NANOS_PER_SECOND);
    finishing.stream = lingering.stream = NULL;
    loop_turn_for(loop, 20 * NANOS_PER_MS);
    assert_int_equal(recv(silent, &byte, 1, 0), 1);
    assert_int_equal(recv(silent, &byte, 1, 0), 0); /* it waits for the same from us */
    loop_free(loop);
    /* Who writes to a socket that is closed for good is told so. */
    assert_int_equal(send(silent, "y", 1, MSG_NOSIGNAL), 1);
    assert_int_equal(send(silent, "y", 1, MSG_NOSIGNAL), -1);
    close(deaf);
    close(silent);
    end_close(&finishing);
    end_close(&lingering);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_connection_is_told_after_dialling_returned),
        cmocka_unit_test(an_address_without_a_route_fails_as_an_event_too),
        cmocka_unit_test(a_peer_that_does_not_answer_is_a_time_out),
        cmocka_unit_test(many_small_writes_leave_as_one),
        cmocka_unit_test(unread_input_is_bounded_and_none_is_lost),
        cmocka_unit_test(the_last_words_of_a_peer_are_heard_before_its_reset),
        cmocka_unit_test(a_callback_may_close_the_stream_at_any_event),
        cmocka_unit_test(a_deadline_fires_once_and_leaves_the_stream_usable),
        cmocka_unit_test(a_paused_stream_reads_nothing_until_resumed),
        cmocka_unit_test(finishing_gives_up_on_a_peer_that_never_reads),
        cmocka_unit_test(what_still_finishes_when_its_loop_is_freed_is_closed),
        cmocka_unit_test(more_unsent_than_the_bound_fails_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
