/* What senders of RELP are promised: an answer means that the findings are on disk, answers come in order,
 * and what has none may be sent again. */
#include "watch/watch_fixture.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT  "- {relp: 'tcp://127.0.0.1:2514', line_bytes_max: 256}"
#define OPEN   "1 open 30 relp_version=1\ncommands=syslog\n"
#define OPENED "1 rsp 59 200 OK\nrelp_version=1\nrelp_software=vedette\ncommands=syslog\n"

struct session {
    int fd;
    char heard[65536];
    size_t n;
};

static struct session session; /* one at a time */

/* Takes what there is; false at the end of the connection. */
static bool listen_to(void)
{
    for (;;) {
        ssize_t n =
            recv(session.fd, session.heard + session.n, sizeof session.heard - session.n, MSG_DONTWAIT);
        if (n <= 0)
            return n < 0;
        session.n += (size_t)n;
    }
}

static int dial(int port)
{
    session = (struct session){.fd = fixture_dial(port, SOCK_STREAM)};
    return session.fd;
}

static const char *awaited;

static bool was_heard(struct fixture *fixture)
{
    (void)fixture;
    listen_to();
    return session.n >= strlen(awaited);
}

static void expect(struct fixture *fixture, const char *words)
{
    awaited = words;
    fixture_await_that(fixture, was_heard);
    if (!sv_eq(sv_make(session.heard, session.n), sv_of(words)))
        fail_msg("heard %.*s, not %s", (int)session.n, session.heard, words);
    session.n = 0;
}

static void expect_silence(struct fixture *fixture)
{
    fixture_pass(fixture, 50);
    assert_true(listen_to());
    assert_int_equal(session.n, 0);
}

static bool has_parted(struct fixture *fixture)
{
    (void)fixture;
    return !listen_to();
}

static void expect_end(struct fixture *fixture, const char *words)
{
    fixture_await_that(fixture, has_parted);
    if (!sv_eq(sv_make(session.heard, session.n), sv_of(words)))
        fail_msg("heard %.*s, not %s", (int)session.n, session.heard, words);
    close(session.fd);
    fixture_pass(fixture, 20); /* the other end hears of it */
}

static int open_session(struct fixture *fixture)
{
    fixture_configure(fixture, INPUT);
    int port = fixture_listen(fixture, 0, SOCK_STREAM);
    fixture_start(fixture, NULL);
    fixture_write(dial(port), OPEN);
    expect(fixture, OPENED);
    return port;
}

static void an_event_is_answered_once_its_finding_is_on_disk(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture);
    fixture->commit = false;
    fixture_write(session.fd, "2 syslog 3 hay\n");
    expect(fixture, "2 rsp 6 200 OK\n");
    fixture_write(session.fd, "3 syslog 6 needle\n");
    fixture_await(fixture, 1);
    expect_silence(fixture);
    fixture_write(session.fd, "4 syslog 3 hay\n5 syslog 3 hay\n");
    expect_silence(fixture); /* nothing overtakes */
    fixture_commit_all(fixture);
    expect(fixture, "3 rsp 6 200 OK\n4 rsp 6 200 OK\n5 rsp 6 200 OK\n");
    assert_string_equal(fixture->raw[0], "needle");
    close(session.fd);
}

/* Its findings leave with its front, and its answer is due at its end. */
static void a_record_that_is_cut_is_answered_when_both_its_end_and_its_finding_are_there(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture);
    fixture->commit = false;
    char text[512], frame[600];
    memset(text, 'x', sizeof text);
    memcpy(text, "needle", 6);
    snprintf(frame, sizeof frame, "2 syslog 512 %.500s", text);
    fixture_write(session.fd, frame);
    fixture_await(fixture, 1);
    assert_int_equal(strlen(fixture->raw[0]), 256);
    fixture_write(session.fd, "yyyyyyyyyyyy\n");
    expect_silence(fixture);
    fixture_commit_all(fixture);
    expect(fixture, "2 rsp 6 200 OK\n");
    assert_int_equal(watch_counts(fixture->watch)->truncated, 1);
    close(session.fd);
}

static void a_close_is_answered_after_everything_before_it(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture);
    fixture->commit = false;
    fixture_write(session.fd, "2 syslog 6 needle\n3 close 0\n");
    fixture_await(fixture, 1);
    expect_silence(fixture);
    fixture_commit_all(fixture);
    expect_end(fixture, "2 rsp 6 200 OK\n3 rsp 6 200 OK\n");
}

static void what_is_no_relp_is_cut_off_with_a_word(void **state)
{
    struct fixture *fixture = *state;
    int port = open_session(fixture);
    fixture_write(session.fd, "2 syslog 6 needle\n7 syslog 6 needle\n");
    fixture_await(fixture, 1);
    fixture_pass(fixture, 20);
    assert_int_equal(watch_counts(fixture->watch)->framing_errors, 1);
    /* Cut off before its answer came: it will send again what it was not answered. */
    expect_end(fixture, "0 serverclose 0\n");
    fixture_write(dial(port), "1 open 14 relp_version=1\n");
    expect_end(fixture, "1 rsp 40 500 it does not offer the command syslog\n0 serverclose 0\n");
}

static void what_was_not_answered_may_be_sent_again(void **state)
{
    struct fixture *fixture = *state;
    int port = open_session(fixture);
    fixture->commit = false;
    fixture_write(session.fd, "2 syslog 6 needle\n");
    fixture_await(fixture, 1);
    close(session.fd);
    fixture_pass(fixture, 20);
    fixture_commit_all(fixture);
    fixture_write(dial(port), OPEN "2 syslog 6 needle\n");
    expect(fixture, OPENED "2 rsp 6 200 OK\n");
    assert_int_equal(fixture->count, 2);
    close(session.fd);
}

/* Many batches wait, more than one sender's book has lines for: still nothing is answered too early. */
static void answers_wait_for_each_of_many_batches(void **state)
{
    struct fixture *fixture = *state;
    enum { EVENTS = 100 };
    open_session(fixture);
    fixture->commit = false;
    struct buf expected = BUF_INIT(65536);
    for (size_t i = 0; i < EVENTS; i++) {
        char frame[64];
        snprintf(frame, sizeof frame, "%zu syslog 6 needle\n", i + 2);
        fixture_write(session.fd, frame);
        fixture_await(fixture, i + 1);
        buf_printf(&expected, "%zu rsp 6 200 OK\n", i + 2);
    }
    assert_true(fixture->waiting_count > EVENTS / 2);
    fixture_commit_all(fixture);
    buf_put_char(&expected, '\0');
    expect(fixture, buf_view(&expected).p);
    buf_free(&expected);
    close(session.fd);
}

static void drained(void *arg)
{
    ((struct fixture *)arg)->drained = true;
}

static bool is_drained(struct fixture *fixture)
{
    return fixture->drained;
}

static void whoever_drains_answers_what_it_took_and_says_that_it_goes(void **state)
{
    struct fixture *fixture = *state;
    open_session(fixture);
    fixture->commit = false;
    fixture_write(session.fd, "2 syslog 6 needle\n");
    fixture_await(fixture, 1);
    watch_drain(fixture->watch, drained, fixture);
    expect_silence(fixture);
    fixture_commit_all(fixture);
    fixture_await_that(fixture, is_drained);
    awaited = "2 rsp 6 200 OK\n0 serverclose 0\n";
    assert_true(was_heard(fixture));
    expect_end(fixture, awaited);
}

/* A sender that never reads its answers holds up nobody, and costs no more than its bound. */
static void who_does_not_read_its_answers_is_not_read(void **state)
{
    struct fixture *fixture = *state;
    int port = open_session(fixture), deaf = session.fd;
    char frame[64];
    size_t number = 1, at = 0, n = 0;
    for (int quiet = 0; quiet < 50;) {
        if (at == n) {
            n = (size_t)snprintf(frame, sizeof frame, "%zu syslog 1 x\n", ++number);
            at = 0;
        }
        ssize_t sent = send(deaf, frame + at, n - at, MSG_DONTWAIT);
        at += sent > 0 ? (size_t)sent : 0;
        quiet = sent > 0 ? 0 : quiet + 1;
        if (sent <= 0)
            fixture_pass(fixture, 2);
        if (number > 2000000)
            fail_msg("%zu events of a sender that does not listen were read", number);
    }
    fixture_write(dial(port), OPEN "2 syslog 6 needle\n");
    expect(fixture, OPENED "2 rsp 6 200 OK\n");
    close(deaf);
    close(session.fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_answered_once_its_finding_is_on_disk),
        TEST(a_record_that_is_cut_is_answered_when_both_its_end_and_its_finding_are_there),
        TEST(a_close_is_answered_after_everything_before_it),
        TEST(what_is_no_relp_is_cut_off_with_a_word),
        TEST(what_was_not_answered_may_be_sent_again),
        TEST(answers_wait_for_each_of_many_batches),
        TEST(whoever_drains_answers_what_it_took_and_says_that_it_goes),
        TEST(who_does_not_read_its_answers_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
