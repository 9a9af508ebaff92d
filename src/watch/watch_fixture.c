#include "watch/watch_fixture.h"

#include "wire/batch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static const char rule[] =
    "title: Needle\nid: 11111111-2222-3333-4444-555555555555\nlevel: high\n"
    "logsource: {category: test}\ndetection:\n  words: ['needle']\n  condition: words\n";

static void rule_wrong(void *arg, const struct rule_error *error)
{
    (void)arg;
    fail_msg("%d:%d %s", error->line, error->column, error->message);
}

struct ruleset *fixture_rules(void)
{
    struct ruleset *ruleset = ruleset_new();
    assert_int_equal(ruleset_load_text(ruleset, "rule.yml", sv_of(rule), rule_wrong, NULL), 1);
    ruleset_seal(ruleset, NULL, NULL);
    return ruleset;
}

struct config *fixture_config(struct fixture *fixture, const char *inputs)
{
    char text[4096], name[128];
    int n = snprintf(text, sizeof text,
                     "gateways: [{name: a, address: 192.0.2.1, security: tls}]\nsender: v@example.org\n"
                     "recipients: [a@example.org]\n%sinputs:\n%s\n",
                     strstr(inputs, "watch_processes") ? "" : "watch_processes: 1\n", inputs);
    assert_true(n > 0 && (size_t)n < sizeof text);
    snprintf(name, sizeof name, "%s/vedette.yaml", fixture->folder);
    struct config_source source = {name, sv_of(text)};
    struct config *config = config_parse(&source, 1, "m.example", &fixture->errors);
    if (!config)
        fail_msg("%s", fixture->errors.items[0].message);
    return config;
}

static void poll_again(void *arg)
{
    struct fixture *fixture = arg;
    if (fixture->until(fixture)) {
        loop_stop(fixture->loop);
        return;
    }
    if (loop_monotonic() > fixture->give_up)
        loop_stop(fixture->loop);
    else
        loop_timer_set(fixture->poll, 2 * NANOS_PER_MS);
}

int fixture_set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    sv_copy(fixture->folder, sizeof fixture->folder, SV("/tmp/vedette-watch-XXXXXX"));
    assert_non_null(mkdtemp(fixture->folder));
    fixture->loop = loop_new();
    fixture->commit = true;
    fixture->poll = loop_timer_new(fixture->loop, poll_again, fixture);
    config_errors_init(&fixture->errors);
    *state = fixture;
    return 0;
}

static void remove_folder(const char *folder)
{
    char command[128];
    static const char *const names[] = {"log", "log.1", "log.2", "log.3", "socket", "cert.pem", "key.pem"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(command, sizeof command, "%s/%s", folder, names[i]);
        unlink(command);
    }
    rmdir(folder);
}

int fixture_tear_down(void **state)
{
    struct fixture *fixture = *state;
    watch_free(fixture->watch);
    channel_free(fixture->near);
    channel_free(fixture->far);
    loop_timer_free(fixture->poll);
    loop_free(fixture->loop);
    config_free(fixture->config);
    config_errors_free(&fixture->errors);
    for (size_t i = 0; i < fixture->count; i++)
        free(fixture->raw[i]);
    remove_folder(fixture->folder);
    free(fixture);
    return 0;
}

void fixture_configure_rules(struct fixture *fixture, const char *inputs, struct ruleset *ruleset)
{
    fixture->config = fixture_config(fixture, inputs);
    fixture->watch = watch_new(fixture->loop, fixture->config, ruleset, fixture->number);
}

void fixture_configure(struct fixture *fixture, const char *inputs)
{
    fixture_configure_rules(fixture, inputs, fixture_rules());
}

static void answer(struct fixture *fixture, uint64_t serial)
{
    struct buf body = BUF_INIT(64);
    struct pack pack = PACK_INTO(&body);
    pack_u64(&pack, serial);
    channel_send(fixture->far, CONTROL_COMMITTED, buf_view(&body), -1);
    buf_free(&body);
}

static void courier_reads(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct fixture *fixture = arg;
    struct arena *arena = arena_new(64 * 1024 * 1024);
    struct batch batch;
    (void)channel;
    if (type == CONTROL_CORRELATES) { /* the test has no correlations */
        arena_free(arena);
        return;
    }
    assert_int_equal(type, CONTROL_FINDINGS);
    assert_int_equal(fd, -1);
    assert_true(batch_read(body, arena, &batch));
    fixture->batches++;
    for (size_t i = 0; i < batch.count; i++) {
        assert_true(fixture->count < FIXTURE_FINDINGS_MAX);
        fixture->raw[fixture->count++] = strndup(batch.findings[i].raw.p, batch.findings[i].raw.n);
        assert_int_equal(batch.findings[i].severity, SEVERITY_HIGH);
    }
    fixture->same_cursor += batch.count && sv_eq(batch.cursor, sv_of(fixture->cursor));
    sv_copy(fixture->cursor, sizeof fixture->cursor, batch.cursor);
    if (fixture->commit)
        answer(fixture, batch.serial);
    else
        fixture->waiting[fixture->waiting_count++] = batch.serial;
    arena_free(arena);
}

void fixture_commit_all(struct fixture *fixture)
{
    for (size_t i = 0; i < fixture->waiting_count; i++)
        answer(fixture, fixture->waiting[i]);
    fixture->waiting_count = 0;
    fixture->commit = true;
}

static void watch_reads(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct fixture *fixture = arg;
    (void)channel;
    (void)fd;
    watch_message(fixture->watch, type, body);
}

static void gone(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    fail_msg("a channel closed: %s", err ? err->cause : "");
}

void fixture_connect(struct fixture *fixture)
{
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    fixture->near = channel_new(fixture->loop, fds[0], watch_reads, gone, fixture);
    fixture->far = channel_new(fixture->loop, fds[1], courier_reads, gone, fixture);
    watch_courier(fixture->watch, fixture->near);
}

void fixture_disconnect(struct fixture *fixture)
{
    watch_courier(fixture->watch, NULL);
    channel_free(fixture->near);
    channel_free(fixture->far);
    fixture->near = fixture->far = NULL;
    fixture->waiting_count = 0;
}

void fixture_start(struct fixture *fixture, const char *cursor)
{
    struct buf body = BUF_INIT(4096);
    struct pack pack = PACK_INTO(&body);
    pack_u32(&pack, cursor ? 1 : 0);
    if (cursor) {
        pack_sv(&pack, sv_of(fixture->config->inputs[0].label));
        pack_sv(&pack, sv_of(cursor));
    }
    fixture_connect(fixture);
    watch_start(fixture->watch);
    channel_send(fixture->far, CONTROL_CURSORS, buf_view(&body), -1);
    buf_free(&body);
    fixture_pass(fixture, 20);
}

void fixture_await_that(struct fixture *fixture, bool (*until)(struct fixture *))
{
    fixture->until = until;
    fixture->give_up = loop_monotonic() + 10 * NANOS_PER_SECOND;
    loop_timer_set(fixture->poll, 0);
    loop_run(fixture->loop);
    if (!until(fixture))
        fail_msg("gave up after %zu findings of %zu", fixture->count, fixture->wanted);
}

static bool enough(struct fixture *fixture)
{
    return fixture->count >= fixture->wanted;
}

void fixture_await(struct fixture *fixture, size_t findings)
{
    fixture->wanted = findings;
    fixture_await_that(fixture, enough);
    assert_int_equal(fixture->count, findings);
}

static bool never(struct fixture *fixture)
{
    (void)fixture;
    return false;
}

void fixture_pass(struct fixture *fixture, int ms)
{
    fixture->until = never;
    fixture->give_up = loop_monotonic() + ms * NANOS_PER_MS;
    loop_timer_set(fixture->poll, 0);
    loop_run(fixture->loop);
}

int fixture_listen(struct fixture *fixture, size_t input, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, n), 0);
    int bytes = 64 * 1024, on = 1;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 100), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &n), 0);
    watch_socket(fixture->watch, fixture->config->inputs[input].label, fd);
    return ntohs(address.sin_port);
}

int fixture_dial(int port, int type)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)port);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void fixture_write(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}
