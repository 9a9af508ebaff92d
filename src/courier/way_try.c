#include "courier/way_try.h"

#include "courier/way_body.h"
#include "courier/web.h"
#include "io/stream.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A command may take as long as the parent gives it, and some more. */
static const nanos RUN_GRACE = 10 * NANOS_PER_SECOND;

struct way_try {
    struct way_try_setup setup;
    way_try_fn *fn;
    void *arg;
    struct buf body; /* generic */
    struct loop_timer *timer;
    struct web *web;
    struct stream *stream;
    struct tls_context *tls;
    bool running, written;
};

void way_try_cancel(struct way_try *try)
{
    if (!try)
        return;
    web_cancel(try->web);
    stream_close(try->stream);
    tls_context_free(try->tls);
    loop_timer_free(try->timer);
    buf_free(&try->body);
    free(try);
}

static void finish(struct way_try *try, bool done, const char *said)
{
    char line[WAY_SAID_MAX];
    way_try_fn *fn = try->fn;
    void *arg = try->arg;
    sv_copy(line, sizeof line, sv_of(said));
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = ' ';
    way_try_cancel(try);
    fn(arg, done, line);
}

static void fail(struct way_try *try, const struct err *err)
{
    char text[sizeof err->cause + sizeof err->advice + 4];
    finish(try, false, err_text(err, text, sizeof text));
}

/* --- Webhooks --- */

static void on_answer(void *arg, int status, sv answer, const struct err *err)
{
    struct way_try *try = arg;
    char said[WAY_SAID_MAX];
    try->web = NULL;
    if (err) {
        fail(try, err);
        return;
    }
    snprintf(said, sizeof said, "HTTP status %d%s%.*s", status, answer.n ? ": " : "",
             SV_ARG(sv_first(answer, WAY_SAID_MAX)));
    finish(try, status / 100 == 2, said);
}

static bool write_body(void *arg, sv key, struct buf *out)
{
    struct way_try *try = arg;
    struct err err;
    const struct config_way *way = try->setup.way;
    /* What cannot be put into its form is sent as it is: a notice is not lost for that. */
    if (way_body_webhook(way->template, buf_view(&try->body), key, out, &err) < 0) {
        buf_clear(out);
        buf_put(out, buf_view(&try->body));
    }
    return way->template != CONFIG_TEMPLATE_PAGERDUTY;
}

static void start_webhook(struct way_try *try)
{
    const struct config_way *way = try->setup.way;
    try->web = web_ask(&(struct web_setup){.loop = try->setup.loop,
                                           .http = try->setup.http,
                                           .keeper = try->setup.keeper,
                                           .url = way->webhook,
                                           .key = way->key,
                                           .address = way->address,
                                           .ca_file = way->ca_file,
                                           .resolvers = &try->setup.config->resolvers,
                                           .trust_anchor = try->setup.config->trust_anchor,
                                           .timeout = way->timeout,
                                           .body = write_body},
                       on_answer, try);
}

/* --- syslog --- */

/* Octet counting (RFC 6587 §3.4.1, RFC 5425 §4.3) on streams. */
static bool compose_syslog(struct way_try *try, bool framed, struct buf *out, struct err *err)
{
    struct buf message = BUF_INIT(WAY_BODY_BYTES_MAX);
    int done = way_body_syslog(try->setup.way->cef, buf_view(&try->body), &message, err);
    if (done == 0 && framed)
        buf_printf(out, "%zu ", buf_view(&message).n);
    if (done == 0)
        buf_put(out, buf_view(&message));
    buf_free(&message);
    return done == 0;
}

static void write_syslog(struct way_try *try)
{
    struct err err;
    struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX + 16);
    if (compose_syslog(try, true, &out, &err)) {
        stream_write(try->stream, buf_view(&out));
        try->written = true;
    }
    buf_free(&out);
    if (!try->written)
        fail(try, &err);
}

static void on_stream(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct way_try *try = arg;
    switch (event) {
    case STREAM_CONNECTED:
        if (try->tls) {
            char name[ADDRESS_TEXT_MAX];
            struct address peer;
            stream_peer(stream, &peer);
            stream_secure_client(stream, try->tls, address_ip_text(&peer, name));
        } else {
            write_syslog(try);
        }
        return;
    case STREAM_SECURED:
        write_syslog(try);
        return;
    case STREAM_DRAINED:
        if (try->written) {
            stream_finish(try->stream, NANOS_PER_SECOND);
            try->stream = NULL;
            finish(try, true, "written");
        }
        return;
    case STREAM_DATA:
        stream_consume(stream, stream_input(stream).n);
        return;
    case STREAM_EOF:
        finish(try, false, "the connection was closed before the message was written");
        return;
    case STREAM_FAILED:
        fail(try, err);
        return;
    case STREAM_TIMEOUT:
        return;
    }
}

static void start_stream(struct way_try *try, enum config_scheme scheme, sv place)
{
    struct err err;
    struct address address;
    const struct tls_trust trust = {.ca_file = try->setup.way->ca_file};
    if (address_parse_pair(place, &address, &err) < 0 ||
        (scheme == CONFIG_SCHEME_TLS && tls_client_context(&trust, &try->tls, &err) < 0)) {
        fail(try, &err);
        return;
    }
    try->stream = stream_dial(try->setup.loop, &address, try->setup.way->timeout, on_stream, try);
}

/* Which is over at once: a full socket buffer of a local daemon is a failure to be tried again. */
static void send_local(struct way_try *try, const struct sockaddr *to, socklen_t n, int type, bool framed,
                       sv place)
{
    struct err err;
    struct buf out = BUF_INIT(WAY_BODY_BYTES_MAX + 16);
    if (!compose_syslog(try, framed, &out, &err)) {
        buf_free(&out);
        fail(try, &err);
        return;
    }
    sv bytes = buf_view(&out);
    int fd = socket(to->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool done =
        fd >= 0 && connect(fd, to, n) == 0 && send(fd, bytes.p, bytes.n, MSG_NOSIGNAL) == (ssize_t)bytes.n;
    if (!done)
        err_set(&err, ERR_IO, "see whether the syslog daemon runs and listens there", "send to %.*s",
                SV_ARG(place));
    if (fd >= 0)
        close(fd);
    buf_free(&out);
    if (done)
        finish(try, true, "sent");
    else
        fail(try, &err);
}

static void start_unix(struct way_try *try, sv path, int type)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    sv_copy(to.sun_path, sizeof to.sun_path, path);
    send_local(try, (const struct sockaddr *)&to, sizeof to, type, type == SOCK_STREAM, path);
}

static void start_udp(struct way_try *try, sv place)
{
    struct err err;
    struct address address;
    if (address_parse_pair(place, &address, &err) < 0)
        fail(try, &err);
    else
        send_local(try, (const struct sockaddr *)&address.storage, address.length, SOCK_DGRAM, false, place);
}

static void start_syslog(struct way_try *try)
{
    struct err err;
    enum config_scheme scheme;
    sv place;
    if (config_syslog_parse(sv_of(try->setup.way->syslog), &scheme, &place, &err) < 0) {
        fail(try, &err);
        return;
    }
    switch (scheme) {
    case CONFIG_SCHEME_UDP:
        start_udp(try, place);
        return;
    case CONFIG_SCHEME_TCP:
    case CONFIG_SCHEME_TLS:
        start_stream(try, scheme, place);
        return;
    case CONFIG_SCHEME_UNIX:
        start_unix(try, place, SOCK_DGRAM);
        return;
    case CONFIG_SCHEME_UNIX_STREAM:
        start_unix(try, place, SOCK_STREAM);
        return;
    }
}

/* --- Commands and the console --- */

static void start_run(struct way_try *try)
{
    try->running = try->setup.run && try->setup.run(try->setup.run_arg, try->setup.serial,
                                                    try->setup.way->name, buf_view(&try->body));
    if (!try->running)
        finish(try, false, "the parent process cannot be asked to run it");
    else
        loop_timer_set(try->timer, try->setup.way->timeout + RUN_GRACE);
}

void way_try_ran(struct way_try *try, bool done, sv said)
{
    char line[WAY_SAID_MAX];
    if (!try->running)
        return;
    sv_copy(line, sizeof line, said);
    finish(try, done, line);
}

static void on_timer(void *arg)
{
    struct way_try *try = arg;
    if (try->running)
        finish(try, false, "the parent process has not answered");
    else if (try->setup.way->webhook)
        start_webhook(try);
    else if (try->setup.way->syslog)
        start_syslog(try);
    else
        start_run(try);
}

struct way_try *way_try_start(const struct way_try_setup *setup, sv body, way_try_fn *fn, void *arg)
{
    struct way_try *try = calloc(1, sizeof *try);
    assert(try);
    *try = (struct way_try){.setup = *setup, .fn = fn, .arg = arg, .body = BUF_INIT(WAY_BODY_BYTES_MAX)};
    buf_put(&try->body, sv_first(body, WAY_BODY_BYTES_MAX));
    try->timer = loop_timer_new(setup->loop, on_timer, try);
    loop_timer_set(try->timer, 0);
    return try;
}
