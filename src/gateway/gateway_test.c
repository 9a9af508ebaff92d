/* Our gateway over real sockets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway/config_fixture.h"
#include "gateway/gateway.h"
#include "io/address.h"
#include "io/durable.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    char root[512];
    struct loop *loop;
    struct loop_timer *stop;
    struct config *config;
    struct gateway *gateway;
    struct address address;
    int drained;
};

static void stop(void *arg)
{
    loop_stop(arg);
}

static void turn(struct fixture *fixture, nanos length)
{
    loop_timer_set(fixture->stop, length);
    loop_run(fixture->loop);
}

static struct config *make_config(const char *root, const char *more)
{
    char text[2048];
    snprintf(text, sizeof text,
             "gateways:\n  - name: a\n    address: 127.0.0.1\n    security: none\n"
             "sender: v@example.org\nrecipients: [s@example.org]\nhostname: gw.example.org\n"
             "state_directory: %s\nrelay:\n  listen: [127.0.0.1:2525]\n  domains: [example.org]\n"
             "  maildir: %s/inbox\n  message_bytes_max: 64K\n  connections_max: 3\n%s",
             root, root, more);
    return config_of_text(text);
}

static void listen_for(struct fixture *fixture, sv ip)
{
    assert_int_equal(address_parse(ip, 0, &fixture->address, NULL), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&fixture->address.storage, fixture->address.length), 0);
    assert_int_equal(listen(fd, 16), 0);
    getsockname(fd, (struct sockaddr *)&fixture->address.storage, &fixture->address.length);
    gateway_socket(fixture->gateway, "127.0.0.1:2525", fd); /* as the configuration has it */
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct err err;
    snprintf(fixture->root, sizeof fixture->root, "%s/vedette-gateway-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(fixture->root));
    fixture->loop = loop_new();
    fixture->stop = loop_timer_new(fixture->loop, stop, fixture->loop);
    fixture->config = make_config(fixture->root, "");
    struct gateway_setup setup = {.loop = fixture->loop, .config = fixture->config};
    assert_int_equal(gateway_new(&setup, &fixture->gateway, &err), 0);
    listen_for(fixture, SV("127.0.0.1"));
    log_setup("gateway", LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    *state = fixture;
    return 0;
}

/* The configuration is in use from now on; the old one goes. */
static void reload(struct fixture *fixture, struct config *config)
{
    struct err err;
    struct config *old = fixture->config;
    if (gateway_prepare(fixture->gateway, config, &err) < 0)
        fail_msg("%s", err.cause);
    gateway_reload(fixture->gateway, config);
    fixture->config = config;
    config_free(old);
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    gateway_free(fixture->gateway);
    turn(fixture, 20 * NANOS_PER_MS); /* streams that linger see their peers' ends */
    loop_timer_free(fixture->stop);
    loop_free(fixture->loop);
    config_free(fixture->config);
    free(fixture);
    return 0;
}

static int client(struct fixture *fixture)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&fixture->address.storage, fixture->address.length), 0);
    return fd;
}

/* Sends, then turns the loop until a whole reply has come: its code, or 0 if the gateway hung up. The last of
 * several replies counts; say with `replies` how many there will be. */
static int say(struct fixture *fixture, int fd, sv text, int replies)
{
    char bytes[4096];
    size_t n = 0;
    int seen = 0, code = 0;
    while (text.n) {
        ssize_t sent = send(fd, text.p, text.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            text = sv_from(text, (size_t)sent);
        turn(fixture, NANOS_PER_MS);
    }
    for (int i = 0; i < 2000 && seen < replies; i++) {
        ssize_t got = recv(fd, bytes + n, sizeof bytes - n, MSG_DONTWAIT);
        if (got == 0)
            return 0;
        n += got > 0 ? (size_t)got : 0;
        seen = 0;
        for (sv rest = sv_make(bytes, n), line; rest.n;) {
            if (sv_find_char(rest, '\n') == SV_NPOS)
                break;
            line = sv_split(&rest, '\n');
            if (line.n > 4 && line.p[3] == ' ') {
                seen++;
                code = (line.p[0] - '0') * 100 + (line.p[1] - '0') * 10 + line.p[2] - '0';
            }
        }
        if (seen < replies)
            turn(fixture, NANOS_PER_MS);
    }
    assert_int_equal(seen, replies);
    return code;
}

static size_t mails(struct fixture *fixture, const char *folder, char *found)
{
    char path[1024];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/inbox/%s", fixture->root, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            n++;
            if (found)
                snprintf(found, PATH_MAX, "%s/%s", path, entry->d_name);
        }
    closedir(dir);
    return n;
}

/* Delivery comes after 250. */
static size_t mails_landed(struct fixture *fixture, size_t least, char *found)
{
    for (int i = 0; i < 30000 && mails(fixture, "new", NULL) < least; i++)
        turn(fixture, NANOS_PER_MS);
    return mails(fixture, "new", found);
}

#define ENVELOPE "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@EXAMPLE.org>\r\n"

static void a_message_lands_with_its_trace_in_front(void **state)
{
    struct fixture *fixture = *state;
    char found[PATH_MAX] = "";
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    assert_int_equal(say(fixture, fd, SV("EHLO me\r\n"), 1), 250);
    assert_int_equal(say(fixture, fd, SV(ENVELOPE "DATA\r\n"), 4), 354);
    assert_int_equal(mails(fixture, "new", NULL), 0);
    assert_int_equal(say(fixture, fd, SV("Subject: x\r\n\r\n..\r\n.\r\n"), 1), 250);
    assert_int_equal(mails_landed(fixture, 1, found), 1);
    assert_int_equal(say(fixture, fd, SV("QUIT\r\n"), 1), 221);
    struct buf content = BUF_INIT(10000);
    assert_int_equal(file_read(found, &content, NULL), 0);
    sv text = buf_view(&content);
    assert_true(sv_starts(text, SV("Return-Path: <a@client.example>\nDelivered-To: b@example.org\n"
                                   "Delivered-To: c@EXAMPLE.org\nReceived: from me ([127.0.0.1])\n")));
    assert_true(sv_ends(text, SV("\nSubject: x\n\n.\n")));
    buf_free(&content);
    close(fd);
}

static void mail_for_others_is_refused(void **state)
{
    static const sv recipients[] = {
        SV_INIT("u@other.example"),     SV_INIT("u%other.example@example.org"),
        SV_INIT("other!u@example.org"), SV_INIT("\"u@other.example\"@example.org"),
        SV_INIT("u@[127.0.0.1]"),       SV_INIT("@example.org:u@other.example"),
        SV_INIT("u@sub.example.org"),   SV_INIT("u@v@example.org"),
    };
    struct fixture *fixture = *state;
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    assert_int_equal(say(fixture, fd, SV("EHLO me\r\nMAIL FROM:<>\r\n"), 2), 250);
    for (size_t i = 0; i < sizeof recipients / sizeof *recipients; i++) {
        char line[200];
        int n = snprintf(line, sizeof line, "RCPT TO:<%.*s>\r\n", SV_ARG(recipients[i]));
        int code = say(fixture, fd, sv_make(line, (size_t)n), 1);
        if (code != 550 && code != 554 && code != 501)
            fail_msg("%.*s got %d", SV_ARG(recipients[i]), code);
    }
    assert_int_equal(say(fixture, fd, SV("RCPT TO:<Postmaster>\r\n"), 1), 250);
    close(fd);
}

static void what_is_not_taken_leaves_no_file(void **state)
{
    struct fixture *fixture = *state;
    static const sv contents[] = {SV_INIT("half\r\n"), SV_INIT("x\r\n.\r\r\nMAIL FROM:<>\r\n"),
                                  SV_INIT("x\n.\n")};
    for (size_t i = 0; i < sizeof contents / sizeof *contents; i++) {
        int fd = client(fixture);
        assert_int_equal(say(fixture, fd, SV(""), 1), 220);
        assert_int_equal(say(fixture, fd, SV("EHLO me\r\n"), 1), 250);
        assert_int_equal(say(fixture, fd, SV(ENVELOPE "DATA\r\n"), 4), 354);
        if (i == 0)
            say(fixture, fd, contents[i], 0);
        else
            assert_int_equal(say(fixture, fd, contents[i], 1), 550);
        close(fd);
        turn(fixture, 20 * NANOS_PER_MS);
        assert_int_equal(mails(fixture, "new", NULL) + mails(fixture, "tmp", NULL), 0);
    }
}

static void a_message_past_the_limit_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct buf buf = BUF_INIT(1 << 20);
    for (int i = 0; i < 10000; i++)
        buf_put(&buf, SV("0123456789\r\n"));
    buf_put(&buf, SV(".\r\n"));
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    assert_int_equal(say(fixture, fd, SV("EHLO me\r\n"), 1), 250);
    assert_int_equal(say(fixture, fd, SV("MAIL FROM:<> SIZE=65537\r\n"), 1), 552);
    assert_int_equal(say(fixture, fd, SV(ENVELOPE "DATA\r\n"), 4), 354);
    assert_int_equal(say(fixture, fd, buf_view(&buf), 1), 552);
    assert_int_equal(mails(fixture, "new", NULL) + mails(fixture, "tmp", NULL), 0);
    assert_int_equal(say(fixture, fd, SV(ENVELOPE "DATA\r\n"), 4), 354);
    assert_int_equal(say(fixture, fd, SV("x\r\n.\r\n"), 1), 250);
    close(fd);
    buf_free(&buf);
}

static void a_client_too_many_is_asked_to_come_later(void **state)
{
    struct fixture *fixture = *state;
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = client(fixture);
        assert_int_equal(say(fixture, fds[i], SV(""), 1), 220);
    }
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 421);
    close(fd);
    close(fds[0]);
    turn(fixture, 20 * NANOS_PER_MS);
    fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    close(fd);
    close(fds[1]);
    close(fds[2]);
}

static void a_hundred_recipients_are_taken_and_the_next_is_put_off(void **state)
{
    struct fixture *fixture = *state;
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    assert_int_equal(say(fixture, fd, SV("EHLO me\r\nMAIL FROM:<>\r\n"), 2), 250);
    for (int i = 0; i < SMTP_RECIPIENTS_MAX; i++)
        assert_int_equal(say(fixture, fd, SV("RCPT TO:<b@example.org>\r\n"), 1), 250);
    assert_int_equal(say(fixture, fd, SV("RCPT TO:<b@example.org>\r\n"), 1), 452);
    assert_int_equal(say(fixture, fd, SV("DATA\r\n"), 1), 354);
    assert_int_equal(say(fixture, fd, SV("x\r\n.\r\n"), 1), 250);
    close(fd);
}

/* An address of this machine that is not loopback; false if it has none. */
static bool outer_address(struct in_addr *ret)
{
    struct ifaddrs *all = NULL;
    bool found = false;
    if (getifaddrs(&all) < 0)
        return false;
    for (struct ifaddrs *one = all; one && !found; one = one->ifa_next) {
        struct sockaddr_in in;
        if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET)
            continue;
        memcpy(&in, one->ifa_addr, sizeof in);
        found = ntohl(in.sin_addr.s_addr) >> 24 != 127;
        *ret = in.sin_addr;
    }
    freeifaddrs(all);
    return found;
}

static void a_client_from_elsewhere_needs_a_rule_and_gets_no_further_than_it_says(void **state)
{
    struct fixture *fixture = *state;
    struct in_addr outer = {0};
    if (!outer_address(&outer))
        skip();
    listen_for(fixture, SV("0.0.0.0"));
    struct sockaddr_in in;
    memcpy(&in, &fixture->address.storage, sizeof in);
    in.sin_addr = outer;
    memcpy(&fixture->address.storage, &in, sizeof in);
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    assert_int_equal(say(fixture, fd, SV("EHLO me\r\nMAIL FROM:<>\r\n"), 2) / 100, 5);
    reload(fixture,
           make_config(fixture->root, "  rules: [{name: in, recipients: ['b@example.org'], accept: {}}]\n"));
    assert_int_equal(say(fixture, fd, SV("MAIL FROM:<>\r\nRCPT TO:<b@other.example>\r\n"), 2) / 100, 5);
    assert_int_equal(say(fixture, fd, SV("RCPT TO:<c@example.org>\r\n"), 1) / 100, 5);
    assert_int_equal(say(fixture, fd, SV("RCPT TO:<b@example.org>\r\n"), 1), 250);
    close(fd);
}

static void a_byte_now_and_then_does_not_hold_a_session(void **state)
{
    struct fixture *fixture = *state;
    reload(fixture, make_config(fixture->root, "  command_timeout: 100ms\n"));
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    assert_int_equal(say(fixture, fd, SV("EHLO me\r\n"), 1), 250);
    for (int i = 0; i < 12; i++) {
        send(fd, "N", 1, MSG_NOSIGNAL);
        turn(fixture, 10 * NANOS_PER_MS);
    }
    assert_int_equal(say(fixture, fd, SV(""), 1), 421);
    close(fd);
}

static void drained(void *arg)
{
    struct fixture *fixture = arg;
    fixture->drained++;
    loop_stop(fixture->loop);
}

static void draining_lets_an_open_transaction_end(void **state)
{
    struct fixture *fixture = *state;
    int busy = client(fixture), idle = client(fixture);
    assert_int_equal(say(fixture, idle, SV(""), 1), 220);
    assert_int_equal(say(fixture, busy, SV(""), 1), 220);
    assert_int_equal(say(fixture, busy, SV("EHLO me\r\n"), 1), 250);
    assert_int_equal(say(fixture, busy, SV(ENVELOPE "DATA\r\n"), 4), 354);
    gateway_drain(fixture->gateway, drained, fixture);
    assert_int_equal(say(fixture, idle, SV(""), 1), 421);
    assert_int_equal(fixture->drained, 0);
    assert_int_equal(say(fixture, busy, SV("x\r\n.\r\n"), 2), 421);
    for (int i = 0; i < 400 && !fixture->drained; i++)
        turn(fixture, 50 * NANOS_PER_MS);
    assert_int_equal(fixture->drained, 1);
    assert_int_equal(mails(fixture, "new", NULL), 1);
    close(busy);
    close(idle);
}

static void a_reload_changes_domains_and_keeps_open_messages(void **state)
{
    struct fixture *fixture = *state;
    int fd = client(fixture);
    assert_int_equal(say(fixture, fd, SV(""), 1), 220);
    assert_int_equal(say(fixture, fd, SV("EHLO me\r\n"), 1), 250);
    assert_int_equal(say(fixture, fd, SV(ENVELOPE "DATA\r\n"), 4), 354);
    struct config *other = make_config(fixture->root, "");
    other->relay.domains = (struct config_strings){.items = (const char *[]){"new.example"}, .count = 1};
    reload(fixture, other);
    assert_int_equal(say(fixture, fd, SV("x\r\n.\r\n"), 1), 250);
    assert_int_equal(say(fixture, fd, SV("MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\n"), 2) / 100, 5);
    assert_int_equal(say(fixture, fd, SV("RCPT TO:<b@new.example>\r\n"), 1), 250);
    close(fd);
    reload(fixture, make_config(fixture->root, "")); /* its domain is there again, and it goes on */
    assert_int_equal(mails_landed(fixture, 1, NULL), 1);
}

static void a_reload_closes_what_is_no_longer_listed(void **state)
{
    struct fixture *fixture = *state;
    reload(fixture, make_config(fixture->root, ""));
    close(client(fixture));
    struct config *other = make_config(fixture->root, "");
    other->relay.listeners[0].address = "127.0.0.1:2526";
    reload(fixture, other);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&fixture->address.storage, fixture->address.length), -1);
    close(fd);
}

static void a_reload_whose_routes_cannot_be_taken_is_refused_before_it_changes_anything(void **state)
{
    struct fixture *fixture = *state;
    struct err err = {.class = ERR_NONE};
    struct config *other = make_config(
        fixture->root, "  smarthosts:\n"
                       "    - {name: a, address: 192.0.2.1, security: tls, ca_file: /nonexistent/ca}\n"
                       "  routes: [{name: out, domains: [x.example], via: [a]}]\n");
    assert_int_equal(gateway_prepare(fixture->gateway, other, &err), -1);
    assert_non_null(strstr(err.cause, "smarthost a"));
    config_free(other);
    reload(fixture, make_config(fixture->root, ""));
    close(client(fixture));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_message_lands_with_its_trace_in_front),
        TEST(mail_for_others_is_refused),
        TEST(what_is_not_taken_leaves_no_file),
        TEST(a_message_past_the_limit_is_refused),
        TEST(a_client_too_many_is_asked_to_come_later),
        TEST(a_hundred_recipients_are_taken_and_the_next_is_put_off),
        TEST(a_client_from_elsewhere_needs_a_rule_and_gets_no_further_than_it_says),
        TEST(a_byte_now_and_then_does_not_hold_a_session),
        TEST(draining_lets_an_open_transaction_end),
        TEST(a_reload_changes_domains_and_keeps_open_messages),
        TEST(a_reload_closes_what_is_no_longer_listed),
        TEST(a_reload_whose_routes_cannot_be_taken_is_refused_before_it_changes_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
