/* What the watch promises: every record is evaluated once it was read, no sender holds up another, and what
 * is not on disk is held and sent again. */
#include "watch/watch_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/stream.h"
#include "io/testing_certificates.h"

static void a_datagram_is_a_record(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- {syslog: 'udp://127.0.0.1:5514', line_bytes_max: 256}");
    int port = fixture_listen(fixture, 0, SOCK_DGRAM);
    fixture_start(fixture, NULL);
    int fd = fixture_dial(port, SOCK_DGRAM);
    char longer[600];
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "needle", 6);
    fixture_write(fd, "<34>Nov 24 03:00:00 host app: a needle\n");
    fixture_write(fd, "hay");
    fixture_write(fd, "\n");
    assert_int_equal(send(fd, longer, sizeof longer, 0), sizeof longer);
    fixture_await(fixture, 2);
    assert_string_equal(fixture->raw[0], "<34>Nov 24 03:00:00 host app: a needle");
    assert_int_equal(strlen(fixture->raw[1]), 256);
    const struct watch_counts *counts = watch_counts(fixture->watch);
    assert_int_equal(counts->events, 3);
    assert_int_equal(counts->findings, 2);
    assert_int_equal(counts->truncated, 1);
    close(fd);
}

static void what_the_kernel_drops_is_counted(void **state)
{
    struct fixture *fixture = *state;
    enum { SENT = 5000 };
    fixture_configure(fixture, "- syslog: udp://127.0.0.1:5514");
    int port = fixture_listen(fixture, 0, SOCK_DGRAM);
    fixture_start(fixture, NULL);
    int fd = fixture_dial(port, SOCK_DGRAM);
    for (int i = 0; i < SENT; i++)
        fixture_write(fd, "hay, and more of it, and yet more");
    fixture_pass(fixture, 50);
    fixture_write(fd, "needle"); /* the kernel's count comes with the next one that it takes */
    fixture_await(fixture, 1);
    const struct watch_counts *counts = watch_counts(fixture->watch);
    assert_true(counts->datagrams_lost > 0);
    assert_int_equal(counts->datagrams_lost + counts->events, SENT + 1);
    close(fd);
}

static void a_stream_may_count_octets_or_end_lines(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    int fd = fixture_dial(port, SOCK_STREAM);
    fixture_write(fd, "<34>one needle\n<34>hay\n14 <34>two ne");
    fixture_pass(fixture, 30);
    fixture_write(fd, "edle16 <34>three\nneedle<34>four needle\r\n<34>the last needle");
    fixture_await(fixture, 4);
    close(fd);
    fixture_await(fixture, 5);
    assert_string_equal(fixture->raw[0], "<34>one needle");
    assert_string_equal(fixture->raw[1], "<34>two needle");
    assert_string_equal(fixture->raw[2], "<34>three\nneedle");
    assert_string_equal(fixture->raw[3], "<34>four needle");
    assert_string_equal(fixture->raw[4], "<34>the last needle");
}

static void a_broken_octet_count_ends_its_connection_only(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    int broken = fixture_dial(port, SOCK_STREAM), whole = fixture_dial(port, SOCK_STREAM);
    char byte;
    fixture_write(broken, "6 needle99999999999 x");
    fixture_await(fixture, 1);
    fixture_pass(fixture, 30);
    assert_int_equal(watch_counts(fixture->watch)->framing_errors, 1);
    assert_int_equal(recv(broken, &byte, 1, MSG_DONTWAIT), 0);
    fixture_write(whole, "needle\n");
    fixture_await(fixture, 2);
    close(broken);
    close(whole);
}

/* One sender floods, one dribbles, one is silent: the dribbler is heard while the flood goes on. */
static void a_slow_sender_is_heard_beside_a_fast_one(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    int silent = fixture_dial(port, SOCK_STREAM), fast = fixture_dial(port, SOCK_STREAM);
    int slow = fixture_dial(port, SOCK_STREAM);
    char flood[8192];
    for (size_t i = 0; i < sizeof flood; i++)
        flood[i] = i % 64 == 63 ? '\n' : 'x';
    for (size_t round = 0; round < 8; round++) {
        while (send(fast, flood, sizeof flood, MSG_DONTWAIT) > 0)
            ;
        fixture_write(slow, "a nee");
        fixture_pass(fixture, 3);
        fixture_write(slow, "dle\n");
        fixture_await(fixture, round + 1);
    }
    assert_true(watch_counts(fixture->watch)->events > 1000);
    close(silent);
    close(fast);
    close(slow);
}

static void senders_past_the_maximum_are_refused_and_counted(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- {syslog: 'tcp://127.0.0.1:5514', connections_max: 2}");
    int port = fixture_listen(fixture, 0, SOCK_STREAM), fds[3];
    fixture_start(fixture, NULL);
    for (size_t i = 0; i < 3; i++)
        fds[i] = fixture_dial(port, SOCK_STREAM);
    fixture_write(fds[0], "needle\n");
    fixture_await(fixture, 1);
    fixture_pass(fixture, 20);
    assert_int_equal(watch_counts(fixture->watch)->connections_refused, 1);
    close(fds[0]);
    fixture_pass(fixture, 20);
    int again = fixture_dial(port, SOCK_STREAM);
    fixture_write(again, "needle\n");
    fixture_await(fixture, 2);
    close(fds[1]);
    close(fds[2]);
    close(again);
}

static bool something_waits(struct fixture *fixture)
{
    return fixture->waiting_count >= fixture->wanted;
}

static void too_much_uncommitted_stops_reading_until_half_is_on_disk(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: udp://127.0.0.1:5514\n- syslog: tcp://127.0.0.1:5515");
    int udp = fixture_dial(fixture_listen(fixture, 0, SOCK_DGRAM), SOCK_DGRAM);
    int port = fixture_listen(fixture, 1, SOCK_STREAM);
    fixture_start(fixture, NULL);
    int tcp = fixture_dial(port, SOCK_STREAM);
    fixture->commit = false;
    for (size_t i = 0; i < WATCH_UNCOMMITTED_BATCHES_MAX; i++) {
        fixture_write(udp, "needle");
        fixture->wanted = i + 1;
        fixture_await_that(fixture, something_waits);
    }
    fixture_write(udp, "needle, the last");
    fixture_write(tcp, "needle over tcp\n");
    fixture_pass(fixture, 100);
    assert_int_equal(fixture->batches, WATCH_UNCOMMITTED_BATCHES_MAX);
    assert_int_equal(fixture->count, WATCH_UNCOMMITTED_BATCHES_MAX);
    fixture_commit_all(fixture);
    fixture_await(fixture, WATCH_UNCOMMITTED_BATCHES_MAX + 2);
    close(udp);
    close(tcp);
}

static void bytes_uncommitted_stop_reading_too_and_nothing_is_lost(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    fixture->commit = false;
    int fd = fixture_dial(port, SOCK_STREAM);
    enum { LINES = 6000, LINE_BYTES = 4096 };
    char line[LINE_BYTES];
    memset(line, 'x', sizeof line);
    memcpy(line, "needle", 6);
    line[LINE_BYTES - 1] = '\n';
    size_t sent = 0;
    for (int idle = 0; idle < 20;) {
        ssize_t n = send(fd, line + sent % LINE_BYTES, LINE_BYTES - sent % LINE_BYTES, MSG_DONTWAIT);
        if (n > 0 && sent < (size_t)LINES * LINE_BYTES) {
            sent += (size_t)n;
            if (sent >= (size_t)LINES * LINE_BYTES)
                break;
            idle = 0;
            continue;
        }
        fixture_pass(fixture, 10);
        idle++;
    }
    assert_true(sent < (size_t)LINES * LINE_BYTES); /* the sender itself is held up */
    size_t before = fixture->count;
    fixture_pass(fixture, 50);
    assert_int_equal(fixture->count, before);
    fixture_commit_all(fixture);
    while (sent < (size_t)LINES * LINE_BYTES) {
        ssize_t n = send(fd, line + sent % LINE_BYTES, LINE_BYTES - sent % LINE_BYTES, MSG_DONTWAIT);
        if (n > 0)
            sent += (size_t)n;
        else
            fixture_pass(fixture, 2);
    }
    fixture_await(fixture, LINES);
    close(fd);
}

static void what_is_not_committed_is_sent_again_after_a_reconnect(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: udp://127.0.0.1:5514");
    int fd = fixture_dial(fixture_listen(fixture, 0, SOCK_DGRAM), SOCK_DGRAM);
    fixture_start(fixture, NULL);
    fixture_write(fd, "needle 1");
    fixture_await(fixture, 1);
    fixture_pass(fixture, 10);
    fixture->commit = false;
    fixture_write(fd, "needle 2");
    fixture_await(fixture, 2);
    fixture_write(fd, "needle 3");
    fixture_await(fixture, 3);
    fixture_disconnect(fixture);
    fixture_write(fd, "needle 4");
    fixture_pass(fixture, 30);
    fixture_connect(fixture);
    fixture_await(fixture, 6);
    static const char *const again[] = {"needle 2", "needle 3", "needle 4"};
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(fixture->raw[3 + i], again[i]);
    close(fd);
}

static void drained(void *arg)
{
    ((struct fixture *)arg)->drained = true;
}

static bool is_drained(struct fixture *fixture)
{
    return fixture->drained;
}

static void draining_takes_what_was_read_and_waits_for_the_disk(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514\n- syslog: udp://127.0.0.1:5515");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    int udp = fixture_dial(fixture_listen(fixture, 1, SOCK_DGRAM), SOCK_DGRAM);
    fixture_start(fixture, NULL);
    int tcp = fixture_dial(port, SOCK_STREAM);
    fixture_write(tcp, "needle\nhalf a needle");
    fixture_await(fixture, 1);
    fixture_pass(fixture, 10);
    fixture->commit = false;
    fixture_write(udp, "needle in the kernel");
    watch_drain(fixture->watch, drained, fixture);
    fixture_await(fixture, 3);
    fixture_pass(fixture, 30);
    assert_false(fixture->drained);
    fixture_write(udp, "too late a needle");
    fixture_commit_all(fixture);
    fixture_await_that(fixture, is_drained);
    assert_int_equal(fixture->count, 3);
    close(tcp);
    close(udp);
}

static void an_idle_watch_drains_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514");
    fixture_start(fixture, NULL);
    watch_drain(fixture->watch, drained, fixture);
    assert_false(fixture->drained); /* never from inside the call */
    fixture_await_that(fixture, is_drained);
}

static void ended(void *arg)
{
    ((struct fixture *)arg)->stdin_ended = true;
}

static bool has_ended(struct fixture *fixture)
{
    return fixture->stdin_ended;
}

static void standard_input_is_read_to_its_end(void **state)
{
    struct fixture *fixture = *state;
    int fds[2];
    fixture_configure(fixture, "- stdin: {}");
    assert_int_equal(pipe(fds), 0);
    watch_socket(fixture->watch, "stdin", fds[0]);
    watch_on_stdin_end(fixture->watch, ended, fixture);
    fixture_start(fixture, NULL);
    fixture->commit = false;
    fixture_write(fds[1], "6 needle\nhay\nneed");
    fixture_await(fixture, 1);
    assert_string_equal(fixture->raw[0], "6 needle");
    fixture_write(fds[1], "le without an end");
    close(fds[1]);
    fixture_await(fixture, 2);
    assert_string_equal(fixture->raw[1], "needle without an end");
    assert_false(fixture->stdin_ended);
    fixture_commit_all(fixture);
    fixture_await_that(fixture, has_ended);
}

static void many_findings_of_a_pipe_come_without_another_line(void **state)
{
    struct fixture *fixture = *state;
    enum { LINES = 6000 };
    int fds[2];
    fixture_configure(fixture, "- stdin: {}");
    assert_int_equal(pipe(fds), 0);
    for (int i = 0; i < LINES; i++)
        fixture_write(fds[1], "needle 12\n"); /* 60,000 bytes: one read takes them all */
    watch_socket(fixture->watch, "stdin", fds[0]);
    fixture_start(fixture, NULL);
    fixture_await(fixture, LINES);
    close(fds[1]);
}

static void an_empty_device_as_standard_input_ends_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- stdin: {}");
    FILE *null = fopen("/dev/null", "r");
    assert_non_null(null);
    watch_socket(fixture->watch, "stdin", dup(fileno(null)));
    fclose(null);
    watch_on_stdin_end(fixture->watch, ended, fixture);
    fixture_start(fixture, NULL);
    fixture_await_that(fixture, has_ended);
}

static int open_for(struct fixture *fixture, size_t input)
{
    struct err err = {0};
    int fd;
    if (watch_open_socket(&fixture->config->inputs[input], -1, &fd, &err) < 0)
        fail_msg("%s", err.cause);
    watch_socket(fixture->watch, fixture->config->inputs[input].label, fd);
    return fd;
}

static void unix_sockets_are_made_anew_and_open_to_all(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    struct stat st;
    for (int run = 0; run < 2; run++) {
        const int type = run ? SOCK_STREAM : SOCK_DGRAM;
        snprintf(text, sizeof text, "- syslog: unix%s://%s/socket", run ? "-stream" : "", fixture->folder);
        config_free(fixture->config);
        watch_free(fixture->watch);
        fixture_configure(fixture, text);
        open_for(fixture, 0);
        if (run)
            fixture_disconnect(fixture);
        fixture_start(fixture, NULL);
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", fixture->folder);
        assert_int_equal(stat(address.sun_path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0666);
        int fd = socket(AF_UNIX, type, 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        fixture_write(fd, "<13>needle\n");
        fixture_await(fixture, (size_t)run + 1);
        close(fd);
    }
}

static void a_unix_socket_that_somebody_serves_is_left_to_them(void **state)
{
    struct fixture *fixture = *state;
    char text[256];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", fixture->folder);
    snprintf(text, sizeof text, "- syslog: unix://%1$s\n- syslog: unix-stream://%1$s", address.sun_path);
    fixture_configure(fixture, text);
    const int types[] = {SOCK_DGRAM, SOCK_STREAM};
    for (size_t i = 0; i < 2; i++) {
        struct err err = {0};
        int theirs = socket(AF_UNIX, types[i], 0), fd;
        assert_int_equal(bind(theirs, (struct sockaddr *)&address, sizeof address), 0);
        if (types[i] == SOCK_STREAM)
            assert_int_equal(listen(theirs, 1), 0);
        for (size_t input = 0; input < 2; input++) {
            assert_int_equal(watch_open_socket(&fixture->config->inputs[input], -1, &fd, &err), -1);
            assert_int_equal(err.system, EADDRINUSE);
        }
        close(theirs);
        assert_int_equal(watch_open_socket(&fixture->config->inputs[0], -1, &fd, &err), 0);
        close(fd);
        assert_int_equal(unlink(address.sun_path), 0);
    }
}

static void inputs_without_a_socket_ask_for_none(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- file: log\n- journal: {}");
    for (size_t i = 0; i < 2; i++) {
        struct err err = {0};
        int fd;
        assert_int_equal(watch_open_socket(&fixture->config->inputs[i], -1, &fd, &err), -1);
        assert_int_equal(fd, -1);
        assert_int_equal(err.class, ERR_NONE);
    }
}

static void a_taken_port_is_told_with_advice(void **state)
{
    struct fixture *fixture = *state;
    char text[128];
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    snprintf(text, sizeof text, "- syslog: tcp://127.0.0.1:%d", port);
    struct config *config = fixture_config(fixture, text);
    struct err err = {0};
    int fd;
    assert_int_equal(watch_open_socket(&config->inputs[0], -1, &fd, &err), -1);
    assert_int_equal(err.class, ERR_SYSTEM);
    assert_non_null(strstr(err.advice, "another process"));
    config_free(config);
}

static void a_reload_keeps_connections_of_inputs_that_stay(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514\n- syslog: tcp://127.0.0.1:5515");
    int stays = fixture_dial(fixture_listen(fixture, 0, SOCK_STREAM), SOCK_STREAM);
    int goes = fixture_dial(fixture_listen(fixture, 1, SOCK_STREAM), SOCK_STREAM);
    fixture_start(fixture, NULL);
    fixture_write(stays, "needle\nneed");
    fixture_write(goes, "needle\nhalf a needle");
    fixture_await(fixture, 2);
    struct config *old = fixture->config;
    fixture->config =
        fixture_config(fixture, "- syslog: udp://127.0.0.1:5516\n- syslog: tcp://127.0.0.1:5514");
    watch_reload(fixture->watch, fixture->config, fixture_rules());
    config_free(old);
    int fresh = fixture_dial(fixture_listen(fixture, 0, SOCK_DGRAM), SOCK_DGRAM);
    fixture_write(stays, "le in two\n");
    fixture_write(fresh, "needle");
    fixture_await(fixture, 5);
    char byte;
    assert_int_equal(recv(goes, &byte, 1, 0), 0);
    close(stays);
    close(goes);
    close(fresh);
}

static void an_input_with_other_options_keeps_its_socket(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- syslog: tcp://127.0.0.1:5514");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    struct config *old = fixture->config;
    fixture->config = fixture_config(fixture, "- {syslog: 'tcp://127.0.0.1:5514', connections_max: 5}");
    watch_reload(fixture->watch, fixture->config, fixture_rules());
    config_free(old);
    int fd = fixture_dial(port, SOCK_STREAM);
    fixture_write(fd, "needle\n");
    fixture_await(fixture, 1);
    close(fd);
}

static void on_client(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    (void)arg;
    if (event == STREAM_FAILED)
        fail_msg("%s", err->cause);
    if (event == STREAM_SECURED)
        stream_write(stream, SV("10 a needle 1a needle without an end"));
    if (event == STREAM_DRAINED && stream_tls_info(stream))
        stream_finish(stream, NANOS_PER_SECOND);
}

static void records_come_through_tls(void **state)
{
    struct fixture *fixture = *state;
    char cert[128], key[128];
    snprintf(cert, sizeof cert, "%s/cert.pem", fixture->folder);
    snprintf(key, sizeof key, "%s/key.pem", fixture->folder);
    struct testing_certificate made =
        testing_certificate_make("syslog.example.org", "DNS:syslog.example.org,IP:127.0.0.1", NULL, 1, 30);
    testing_certificate_write(cert, &made, NULL);
    testing_certificate_write_key(key, &made);
    testing_certificate_free(&made);
    fixture_configure(fixture, "- {syslog: 'tls://127.0.0.1:6514', certificate: cert.pem, key: key.pem}");
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    struct tls_context *context;
    assert_int_equal(tls_client_context(&(struct tls_trust){.ca_file = cert}, &context, NULL), 0);
    int fd = fixture_dial(port, SOCK_STREAM);
    struct stream *client = stream_accepted(fixture->loop, fd, on_client, fixture);
    stream_secure_client(client, context, "syslog.example.org");
    tls_context_free(context);
    fixture_await(fixture, 2);
    assert_string_equal(fixture->raw[0], "a needle 1");
    assert_string_equal(fixture->raw[1], "a needle without an end");
}

static void a_machine_without_a_journal_is_no_error(void **state)
{
    struct fixture *fixture = *state;
    fixture_configure(fixture, "- journal: {}\n- syslog: udp://127.0.0.1:5514");
    int fd = fixture_dial(fixture_listen(fixture, 1, SOCK_DGRAM), SOCK_DGRAM);
    fixture_start(fixture, NULL);
    fixture_write(fd, "a needle in no journal");
    fixture_await(fixture, 1);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_datagram_is_a_record),
        TEST(what_the_kernel_drops_is_counted),
        TEST(a_stream_may_count_octets_or_end_lines),
        TEST(a_broken_octet_count_ends_its_connection_only),
        TEST(a_slow_sender_is_heard_beside_a_fast_one),
        TEST(senders_past_the_maximum_are_refused_and_counted),
        TEST(too_much_uncommitted_stops_reading_until_half_is_on_disk),
        TEST(bytes_uncommitted_stop_reading_too_and_nothing_is_lost),
        TEST(what_is_not_committed_is_sent_again_after_a_reconnect),
        TEST(draining_takes_what_was_read_and_waits_for_the_disk),
        TEST(an_idle_watch_drains_at_once),
        TEST(standard_input_is_read_to_its_end),
        TEST(many_findings_of_a_pipe_come_without_another_line),
        TEST(an_empty_device_as_standard_input_ends_at_once),
        TEST(unix_sockets_are_made_anew_and_open_to_all),
        TEST(a_unix_socket_that_somebody_serves_is_left_to_them),
        TEST(inputs_without_a_socket_ask_for_none),
        TEST(a_taken_port_is_told_with_advice),
        TEST(a_reload_keeps_connections_of_inputs_that_stay),
        TEST(an_input_with_other_options_keeps_its_socket),
        TEST(records_come_through_tls),
        TEST(a_machine_without_a_journal_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
