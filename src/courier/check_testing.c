#include "courier/check_testing.h"

#include "io/testing_certificates.h"
#include "io/testing_dns.h"
#include "io/testing_streams.h"

#include <assert.h>
#include <ftw.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { SESSIONS_MAX = 16, PATH_BYTES = 128 };

struct gateway;

struct session {
    struct gateway *gateway;
    struct stream *stream;
    bool secured, data;
};

struct gateway {
    const struct check_scene *scene;
    struct loop *loop;
    int listener, port;
    struct loop_fd *readable;
    struct session sessions[SESSIONS_MAX];
    size_t session_count;
    struct tls_context *tls;
    struct buf mail;
};

/* What all scenes share, and what the last one showed. */
static struct stage {
    char folder[40], ca[PATH_BYTES], maildir[PATH_BYTES];
    char pins[CHECK_CERTS][80];
    struct tls_context *contexts[CHECK_CERTS];
    struct testing_certificate certs[CHECK_CERTS];
    struct buf transcript, heard;
    nanos took, cpu;
    enum check_hop_id hops[CHECK_HOP_COUNT];
    size_t hop_count, abandon_after;
    struct check_report report;
    bool done;
    struct loop *loop;
    struct gateway gateway;
    struct secret *password;
    struct check *check;
    struct testing_dns *dns[2];
    const char *resolvers[2];
    size_t resolver_count;
} stage;

static void say(struct session *session, const char *text)
{
    stream_write(session->stream, sv_of(text));
    stream_write(session->stream, SV("\r\n"));
}

static void drop(struct session *session)
{
    stream_close(session->stream);
    session->stream = NULL;
}

/* The script's answer, or the ordinary one. */
static void answer(struct session *session, const char *scripted, const char *ordinary)
{
    if (scripted && strcmp(scripted, "!") == 0)
        drop(session);
    else if (!scripted || *scripted)
        say(session, scripted ? scripted : ordinary);
}

static void greet(struct session *session)
{
    const char *banner = session->gateway->scene->banner;
    bool tls = banner && strcmp(banner, "tls") == 0;
    if (tls && !session->secured) {
        stream_secure_server(session->stream, session->gateway->tls);
        session->secured = true;
        return;
    }
    answer(session, tls ? NULL : banner, "220 mx.example.org ESMTP Example");
}

static void offer(struct session *session)
{
    char text[600];
    const struct check_scene *scene = session->gateway->scene;
    bool starttls = session->gateway->tls && !session->secured;
    snprintf(text, sizeof text, "250-mx.example.org\r\n%s%s250 SIZE 1000000",
             scene->offer ? scene->offer : "", starttls ? "250-STARTTLS\r\n" : "");
    answer(session, scene->ehlo, text);
}

/* As a gateway with a Maildir would deliver it. */
static void deliver(struct gateway *gateway)
{
    char path[PATH_BYTES + 40];
    snprintf(path, sizeof path, "%s%s/new/1.test", stage.maildir, gateway->scene->junk ? "/.Junk" : "");
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fwrite(buf_view(&gateway->mail).p, 1, buf_view(&gateway->mail).n, file);
    fclose(file);
}

static void on_line(struct session *session, sv line)
{
    struct gateway *gateway = session->gateway;
    const struct check_scene *scene = gateway->scene;
    if (session->data) {
        if (!sv_eq(line, SV("."))) {
            buf_put(&gateway->mail, line);
            buf_put(&gateway->mail, SV("\r\n"));
            return;
        }
        session->data = false;
        if (scene->landing && !scene->dot)
            deliver(gateway);
        answer(session, scene->dot, "250 2.0.0 Ok: queued as 4711");
        return;
    }
    buf_put(&stage.heard, line);
    buf_put(&stage.heard, SV("\n"));
    if (sv_istarts(line, SV("EHLO"))) {
        offer(session);
    } else if (sv_istarts(line, SV("HELO"))) {
        say(session, "250 mx.example.org");
    } else if (sv_istarts(line, SV("STARTTLS"))) {
        answer(session, scene->starttls, "220 go");
        if (!scene->starttls && session->stream) {
            stream_secure_server(session->stream, gateway->tls);
            session->secured = true;
        }
    } else if (sv_istarts(line, SV("AUTH"))) {
        answer(session, scene->auth, "235 2.7.0 ok");
    } else if (sv_istarts(line, SV("MAIL"))) {
        answer(session, scene->mail, "250 2.1.0 ok");
    } else if (sv_istarts(line, SV("RCPT"))) {
        bool stranger = sv_find(line, SV("example.net")) != SV_NPOS;
        answer(session, stranger ? "554 5.7.1 relay access denied" : scene->rcpt, "250 2.1.5 ok");
    } else if (sv_istarts(line, SV("DATA"))) {
        session->data = true;
        say(session, "354 go");
    } else {
        say(session, sv_istarts(line, SV("QUIT")) ? "221 bye" : "250 ok");
    }
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct session *session = arg;
    (void)err;
    if (event == STREAM_EOF || event == STREAM_FAILED)
        drop(session);
    else if (event == STREAM_SECURED && session->gateway->scene->banner &&
             strcmp(session->gateway->scene->banner, "tls") == 0)
        greet(session);
    while (event == STREAM_DATA && session->stream) {
        char line[2048];
        sv in = stream_input(stream);
        size_t end = sv_find(in, SV("\r\n"));
        if (end == SV_NPOS)
            return;
        sv_copy(line, sizeof line, sv_first(in, end));
        stream_consume(stream, end + 2);
        on_line(session, sv_of(line));
    }
}

static void on_connection(void *arg, int listener, int ready)
{
    struct gateway *gateway = arg;
    (void)ready;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    assert_true(gateway->session_count < SESSIONS_MAX);
    struct session *session = &gateway->sessions[gateway->session_count++];
    *session = (struct session){.gateway = gateway};
    session->stream = stream_accepted(gateway->loop, fd, on_stream, session);
    if (gateway->scene->once) {
        loop_fd_want(gateway->readable, 0);
        shutdown(gateway->listener, SHUT_RDWR);
    }
    greet(session);
}

static void gateway_open(struct gateway *gateway)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    gateway->mail = BUF_INIT(64 * 1024);
    gateway->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(gateway->listener, (struct sockaddr *)&address, length), 0);
    if (!gateway->scene->absent)
        assert_int_equal(listen(gateway->listener, 16), 0);
    assert_int_equal(getsockname(gateway->listener, (struct sockaddr *)&address, &length), 0);
    gateway->port = ntohs(address.sin_port);
    gateway->readable = loop_fd_new(gateway->loop, gateway->listener, on_connection, gateway);
    loop_fd_want(gateway->readable, gateway->scene->absent ? 0 : LOOP_READ);
}

static void gateway_close(struct gateway *gateway)
{
    for (size_t i = 0; i < gateway->session_count; i++)
        stream_close(gateway->sessions[i].stream);
    loop_fd_free(gateway->readable);
    close(gateway->listener);
    buf_free(&gateway->mail);
}

/* --- The check --- */

static void on_hop(void *arg, const struct check_hop *hop)
{
    (void)arg;
    assert_true(stage.hop_count < CHECK_HOP_COUNT);
    stage.hops[stage.hop_count++] = hop->id;
    if (stage.hop_count == stage.abandon_after)
        loop_stop(stage.loop);
}

static void on_transcript(void *arg, char who, sv line)
{
    (void)arg;
    (void)buf_printf(&stage.transcript, "%c: %.*s\n", who, SV_ARG(line));
}

static void on_done(void *arg, const struct check_report *report)
{
    (void)arg;
    stage.report = *report;
    stage.done = true;
    loop_stop(stage.loop);
}

static void on_late(void *arg)
{
    (void)arg;
    loop_stop(stage.loop);
}

static bool is_silence(const char *answer)
{
    return answer && !*answer;
}

/* Silence is waited for no longer than need be; an answer as long as a busy machine may take. */
static nanos patience_of(const struct check_scene *scene)
{
    bool silent = is_silence(scene->banner) || is_silence(scene->ehlo) || is_silence(scene->starttls) ||
                  is_silence(scene->auth) || is_silence(scene->mail) || is_silence(scene->rcpt) ||
                  is_silence(scene->dot) || (scene->starttls && strcmp(scene->starttls, "220 go") == 0);
    for (size_t i = 0; i < 2; i++)
        silent = silent || scene->dns[i] == TESTING_DNS_SILENT + 1;
    return silent ? 500 * NANOS_PER_MS : 10 * NANOS_PER_SECOND;
}

static void request_of(const struct check_scene *scene, int port, const struct secret *password,
                       struct check_request *request)
{
    static const char *recipients[1];
    recipients[0] = scene->recipient ? scene->recipient : "soc@example.org";
    *request = (struct check_request){
        .gateway = {.address = scene->unpinned ? NULL : "127.0.0.1",
                    .port = port,
                    .security = scene->security,
                    .verify_name = "mx.example.org",
                    .helo = "vedette.example.org",
                    .ca_file = scene->ca_file ? "/nonexistent/ca.pem" : stage.ca,
                    .username = scene->username ? "svc" : NULL},
        .security_given = !scene->guess,
        .password = scene->username && !scene->no_password ? password : NULL,
        .resolvers = stage.resolvers,
        .resolver_count = stage.resolver_count,
        .sender = scene->sender ? scene->sender : "vedette@example.org",
        .recipients = recipients,
        .recipient_count = scene->no_recipient ? 0 : 1,
        .ask_recipients = true,
        .ask_relay = true,
        .send = scene->send,
        .timeout = patience_of(scene),
        .landing_timeout = (scene->verdict == CHECK_FAIL ? 1 : 20) * NANOS_PER_SECOND,
    };
    if (scene->pinned)
        request->gateway.pin = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    if (scene->pins_itself)
        request->gateway.pin = stage.pins[scene->certificate];
    request->gateway.host = scene->host;
    if (scene->landing)
        request->gateway.landing.maildir = stage.maildir;
    request->gateway.landing.junk = "Junk";
    request->gateway.landing.folder = "INBOX";
}

static void tell_whole_report(const struct check_scene *scene)
{
    print_error("%s:\n", scene->name);
    for (size_t i = 0; i < stage.hop_count; i++) {
        const struct check_hop *hop = &stage.report.hops[stage.hops[i]];
        print_error("  %s %s: %s\n", check_hop_name(hop->id), check_state_name(hop->state), hop->found);
    }
}

static enum advice row_named(const char *name)
{
    for (int i = 0; i < ADVICE_COUNT; i++)
        if (strcmp(advice_row((enum advice)i)->name, name) == 0)
            return (enum advice)i;
    return ADVICE_NONE;
}

static enum advice hold_against(const struct check_scene *scene)
{
    const struct check_note *why = stage.report.decisive;
    enum advice row = why ? row_named(why->row) : ADVICE_NONE;
    bool right =
        stage.hop_count == CHECK_HOP_COUNT && stage.report.verdict == scene->verdict && row == scene->row;
    if (right && why)
        right = *why->advice && why->has_cause &&
                (!scene->says || sv_find(sv_of(why->text), sv_of(scene->says)) != SV_NPOS) &&
                stage.report.hops[scene->hop].state == scene->verdict;
    if (!right) {
        tell_whole_report(scene);
        fail_msg("%s: %s, %s", scene->name, check_state_name(stage.report.verdict), advice_row(row)->name);
    }
    return row;
}

static void empty_maildir(void)
{
    static const char *const places[] = {"/new/1.test", "/.Junk/new/1.test"};
    char path[PATH_BYTES + 40];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s", stage.maildir, places[i]);
        unlink(path);
    }
}

static void open_resolvers(const struct check_scene *scene)
{
    stage.resolver_count = 1;
    stage.resolvers[0] = "127.0.0.1:9";
    for (size_t i = 0; i < 2 && scene->dns[i]; i++) {
        stage.dns[i] = testing_dns_new((enum testing_dns_manner)(scene->dns[i] - 1));
        stage.resolvers[i] = testing_dns_where(stage.dns[i]);
        stage.resolver_count = i + 1;
    }
}

static void close_resolvers(void)
{
    for (size_t i = 0; i < 2; i++) {
        if (stage.dns[i])
            testing_dns_free(stage.dns[i]);
        stage.dns[i] = NULL;
    }
}

static nanos processor_time(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return used.tv_sec * NANOS_PER_SECOND + used.tv_nsec;
}

/* One check from its beginning until it is done or enough was seen. */
static void run(const struct check_scene *scene, size_t abandon_after)
{
    static const struct check_handler handler = {on_hop, on_transcript, on_done};
    struct err err;
    struct check_request request;
    stage.password = secret_new(SV("Sesame-open-9"));
    stage.gateway =
        (struct gateway){.scene = scene, .loop = loop_new(), .tls = stage.contexts[scene->certificate]};
    stage.loop = stage.gateway.loop;
    buf_clear(&stage.transcript);
    buf_clear(&stage.heard);
    stage.hop_count = 0;
    stage.abandon_after = abandon_after;
    stage.done = false;
    empty_maildir();
    open_resolvers(scene);
    gateway_open(&stage.gateway);
    request_of(scene, stage.gateway.port, stage.password, &request);
    nanos start = loop_monotonic(), cpu = processor_time();
    if (check_new(stage.loop, &request, &handler, NULL, &stage.check, &err) < 0)
        fail_msg("%s: %s", scene->name, err.cause);
    assert_int_equal(stage.hop_count, 0);
    struct loop_timer *limit = loop_timer_new(stage.loop, on_late, NULL);
    loop_timer_set(limit, 60 * NANOS_PER_SECOND);
    loop_run(stage.loop);
    stage.took = loop_monotonic() - start;
    stage.cpu = processor_time() - cpu;
    loop_timer_free(limit);
}

static void clear(void)
{
    check_free(stage.check);
    gateway_close(&stage.gateway);
    loop_turn_for(stage.loop,
                  20 * NANOS_PER_MS); /* streams that were to finish see that the gateway has closed */
    close_resolvers();
    secret_free(stage.password);
    loop_free(stage.loop);
}

enum advice check_scene_run(const struct check_scene *scene)
{
    run(scene, 0);
    if (!stage.done)
        tell_whole_report(scene);
    assert_true(stage.done);
    enum advice row = hold_against(scene);
    clear();
    return row;
}

void check_scene_abandon(const struct check_scene *scene, size_t hops)
{
    run(scene, hops);
    clear();
}

const struct check_scene *check_scene_named(const char *name)
{
    for (size_t i = 0; i < check_scene_count; i++)
        if (strcmp(check_scenes[i].name, name) == 0)
            return &check_scenes[i];
    fail_msg("no scene is called %s", name);
    return NULL;
}

bool check_scene_told(enum advice row)
{
    for (size_t i = 0; i < CHECK_HOP_COUNT; i++)
        for (size_t j = 0; j < stage.report.hops[i].note_count; j++) {
            const char *name = stage.report.hops[i].notes[j].row; /* of the table, not of the check */
            if (name && strcmp(name, advice_row(row)->name) == 0)
                return true;
        }
    return false;
}

enum check_hop_id check_scene_hop(size_t index)
{
    assert_true(index < stage.hop_count);
    return stage.hops[index];
}

const struct check_report *check_scene_report(void)
{
    return &stage.report;
}

static const char *text_of(struct buf *buf)
{
    buf_put_char(buf, '\0');
    return buf_view(buf).p;
}

const char *check_scene_transcript(void)
{
    return text_of(&stage.transcript);
}

const char *check_scene_heard(void)
{
    return text_of(&stage.heard);
}

nanos check_scene_took(void)
{
    return stage.took;
}

nanos check_scene_cpu(void)
{
    return stage.cpu;
}

/* --- Before and after --- */

static void make_pin(int which)
{
    unsigned char digest[32];
    unsigned n = 0;
    assert_int_equal(X509_digest(stage.certs[which].cert, EVP_sha256(), digest, &n), 1);
    char *to = stage.pins[which] + snprintf(stage.pins[which], 8, "sha256:");
    for (unsigned i = 0; i < n; i++)
        to += snprintf(to, 3, "%02x", digest[i]);
}

static void make_context(int which, const struct testing_certificate *issuer, const char *names, int days)
{
    char cert[PATH_BYTES], key[PATH_BYTES];
    struct err err;
    snprintf(cert, sizeof cert, "%s/%d.pem", stage.folder, which);
    snprintf(key, sizeof key, "%s/%d.key", stage.folder, which);
    stage.certs[which] = testing_certificate_make("gateway", names, issuer, 0, days);
    testing_certificate_write(cert, &stage.certs[which], NULL);
    make_pin(which);
    testing_certificate_write_key(key, &stage.certs[which]);
    assert_int_equal(tls_server_context(cert, key, NULL, &stage.contexts[which], &err), 0);
}

static void make_folders(void)
{
    static const char *const folders[] = {"",       "/new",       "/cur",       "/tmp",
                                          "/.Junk", "/.Junk/new", "/.Junk/cur", "/.Junk/tmp"};
    char path[PATH_BYTES + 40];
    snprintf(stage.maildir, sizeof stage.maildir, "%s/mail", stage.folder);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        snprintf(path, sizeof path, "%s%s", stage.maildir, folders[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
}

int check_scenes_open(void **state)
{
    (void)state;
    stage.transcript = BUF_INIT(256 * 1024);
    stage.heard = BUF_INIT(256 * 1024);
    sv_copy(stage.folder, sizeof stage.folder, SV("/tmp/vedette-check-XXXXXX"));
    assert_non_null(mkdtemp(stage.folder));
    snprintf(stage.ca, sizeof stage.ca, "%s/ca.pem", stage.folder);
    stage.certs[0] = testing_certificate_make("Example Root", NULL, NULL, 1, 100);
    testing_certificate_write(stage.ca, &stage.certs[0], NULL);
    make_context(CHECK_CERT_GOOD, &stage.certs[0], "DNS:mx.example.org", 90);
    make_context(CHECK_CERT_SOON, &stage.certs[0], "DNS:mx.example.org", 5);
    make_context(CHECK_CERT_EXPIRED, &stage.certs[0], "DNS:mx.example.org", -3);
    make_context(CHECK_CERT_SELF, NULL, "DNS:mx.example.org", 90);
    make_context(CHECK_CERT_OTHER, &stage.certs[0], "DNS:mail.example.net", 90);
    make_folders();
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *place)
{
    (void)st;
    (void)type;
    (void)place;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(stage.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int check_scenes_close(void **state)
{
    (void)state;
    remove_folder();
    for (size_t i = 0; i < CHECK_CERTS; i++) {
        tls_context_free(stage.contexts[i]);
        testing_certificate_free(&stage.certs[i]);
    }
    buf_free(&stage.transcript);
    buf_free(&stage.heard);
    stage = (struct stage){0};
    return 0;
}
