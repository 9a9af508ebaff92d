/* Several watches: which reads what, and that each connection and each sender's port has one reader. */
#include "watch/watch_fixture.h"

#include "watch/sharing.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static unsigned count_for(struct fixture *fixture, const char *inputs)
{
    struct config *config = fixture_config(fixture, inputs);
    unsigned count = watch_processes(config);
    config_free(config);
    return count;
}

static void there_are_several_only_where_several_can_read(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(
        count_for(fixture, "- file: log\n- journal: {}\n- syslog: unix:///log\nwatch_processes: 4"), 1);
    assert_int_equal(count_for(fixture, "- file: log\n- syslog: udp://127.0.0.1:1\nwatch_processes: 4"), 4);
    assert_int_equal(count_for(fixture, "- syslog: tcp://127.0.0.1:1\nwatch_processes: 4"), 4);
    assert_int_equal(count_for(fixture, "- syslog: unix-stream:///log\nwatch_processes: 4"), 4);
    assert_int_equal(count_for(fixture, "- relp: tcp://127.0.0.1:1\nwatch_processes: 1"), 1);
    unsigned automatic = count_for(fixture, "- relp: tcp://127.0.0.1:1\nwatch_processes: auto");
    assert_true(automatic >= 1 && automatic <= WATCH_AUTO_MAX);
}

static void what_has_one_reader_is_read_by_the_first(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    fixture->number = 1;
    fixture_configure(fixture, "- {file: log, from_start: true}\n- syslog: tcp://127.0.0.1:5514\n"
                               "watch_processes: 2");
    int port = fixture_listen(fixture, 1, SOCK_STREAM);
    snprintf(path, sizeof path, "%s/log", fixture->folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("needle of the file\n", file);
    fclose(file);
    fixture_start(fixture, NULL);
    int fd = fixture_dial(port, SOCK_STREAM);
    fixture_write(fd, "needle of a connection\n");
    fixture_await(fixture, 1);
    fixture_pass(fixture, 50);
    assert_int_equal(fixture->count, 1);
    assert_string_equal(fixture->raw[0], "needle of a connection");
    close(fd);
}

static int port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t n = sizeof address;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    return ntohs(address.sin_port);
}

static size_t taken(int fd)
{
    char bytes[64];
    size_t count = 0;
    while (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        count++;
    return count;
}

static void each_senders_datagrams_go_to_one_of_the_sockets_at_one_place(void **state)
{
    enum { SENDERS = 40, EACH = 5, SOCKETS = 3 };
    struct fixture *fixture = *state;
    char text[128];
    int fds[SOCKETS], senders[SENDERS];
    struct err err;
    int probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(probe, (struct sockaddr *)&loopback, sizeof loopback), 0);
    int port = port_of(probe);
    close(probe);
    snprintf(text, sizeof text, "- syslog: udp://127.0.0.1:%d", port);
    struct config *config = fixture_config(fixture, text);
    for (int i = 0; i < SOCKETS; i++)
        assert_int_equal(watch_open_socket(&config->inputs[0], i ? fds[0] : -1, &fds[i], &err), 0);
    int stranger;
    assert_int_equal(watch_open_socket(&config->inputs[0], -1, &stranger, &err), -1); /* another daemon */
    size_t all = 0, busy = 0;
    for (int i = 0; i < SENDERS; i++) {
        size_t parts[SOCKETS], most = 0;
        senders[i] = fixture_dial(port, SOCK_DGRAM);
        for (int j = 0; j < EACH; j++)
            fixture_write(senders[i], "x");
        for (int j = 0; j < SOCKETS; j++) {
            parts[j] = taken(fds[j]);
            all += parts[j];
            most = parts[j] > most ? parts[j] : most;
            busy |= (size_t)(parts[j] > 0) << j;
        }
        assert_int_equal(most, EACH);
    }
    assert_int_equal(all, SENDERS * EACH);
    assert_true(busy & (busy - 1)); /* not all went to one socket */
    for (int i = 0; i < SENDERS; i++)
        close(senders[i]);
    for (int i = 0; i < SOCKETS; i++)
        close(fds[i]);
    config_free(config);
}

/* The other watch of a pair, which is not there: what this one leaves to it shows. */
static void who_has_senders_leaves_the_next_one_to_others_first(void **state)
{
    struct fixture *fixture = *state;
    enum { MAX = 8 };
    int fds[MAX], port;
    fixture_configure(fixture, "- {syslog: 'tcp://127.0.0.1:5514', connections_max: 8}\nwatch_processes: 2");
    port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    /* Nobody else takes them, so they are taken all the same, up to its half. */
    for (int i = 0; i < MAX; i++) {
        nanos dialled = loop_monotonic();
        fds[i] = fixture_dial(port, SOCK_STREAM);
        fixture_write(fds[i], "needle\n");
        if (i >= MAX / 2)
            continue;
        fixture_await(fixture, (size_t)i + 1);
        assert_true(loop_monotonic() - dialled >= i * 2 * NANOS_PER_MS);
    }
    for (int i = 0; i < 50 && watch_counts(fixture->watch)->connections_refused < MAX / 2; i++)
        fixture_pass(fixture, 20);
    assert_int_equal(watch_counts(fixture->watch)->connections_refused, MAX / 2);
    assert_int_equal(fixture->count, MAX / 2);
    for (int i = 0; i < MAX; i++)
        close(fds[i]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(there_are_several_only_where_several_can_read),
        TEST(what_has_one_reader_is_read_by_the_first),
        TEST(each_senders_datagrams_go_to_one_of_the_sockets_at_one_place),
        TEST(who_has_senders_leaves_the_next_one_to_others_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
