/* Whole sessions. The first byte says what the server is like, the second where segments are cut; then turns,
 * ended by 0xFF: what the client says until it waits. Policy accepts, challenges, refuses or hangs up by what
 * it is asked; TLS is switched on where it is wanted. The same session is held once with each turn in one
 * piece and once in small segments: both must give the same replies and the same messages, and nothing that
 * was taken may hold a line end that is not CRLF. */
#include "base/buf.h"
#include "wire/smtp_server.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TRANSCRIPT_MAX = 1 << 24 };

struct world {
    struct smtp_server *server;
    struct buf replies, taken;
    size_t whole; /* bytes of taken that are whole messages */
    char before;
    bool in_exchange, in_message, wants_tls, over;
};

static void take_content(struct world *world, sv text)
{
    assert(world->in_message && text.n > 0);
    for (size_t i = 0; i < text.n; i++) {
        assert(text.p[i] != 0 && (text.p[i] == '\n') == (world->before == '\r'));
        world->before = text.p[i];
    }
    int failed = buf_put(&world->taken, text);
    assert(!failed);
}

static void answer_auth(struct world *world)
{
    const struct smtp_server_auth *auth = smtp_server_auth(world->server);
    assert(auth->first == !world->in_exchange && smtp_server_encrypted(world->server));
    world->in_exchange = true;
    if (!auth->given) {
        smtp_server_challenge(world->server, SV("Username:"));
    } else if (auth->response.n % 3 == 1) {
        smtp_server_challenge(world->server, sv_first(auth->response, 32));
    } else {
        world->in_exchange = false;
        if (auth->response.n % 3)
            smtp_server_refuse(world->server, 535, "5.7.8", "Wrong name or password");
        else
            smtp_server_accept(world->server, NULL);
    }
}

static void answer_rcpt(struct smtp_server *server)
{
    const struct smtp_server_recipient *recipient = smtp_server_recipient(server);
    assert(sv_printable(recipient->whole) && sv_printable(recipient->orcpt));
    if (recipient->parts.local.n % 3 == 0)
        smtp_server_refuse(server, 450, "4.2.1", "Later");
    else if (recipient->parts.local.n % 7 == 0)
        smtp_server_close(server, 421, "4.3.2", "No");
    else
        smtp_server_accept(server, NULL);
}

static void answer_mail(struct smtp_server *server)
{
    const struct smtp_server_mail *mail = smtp_server_mail(server);
    assert(sv_printable(mail->sender) && sv_printable(mail->envid) && sv_printable(mail->auth));
    assert(!mail->requiretls || smtp_server_encrypted(server));
    smtp_server_accept(server, NULL);
}

static void begin_message(struct world *world)
{
    assert(!world->in_message);
    world->before = 0;
    if (smtp_server_mail(world->server)->size == 7) {
        smtp_server_refuse(world->server, 452, "4.3.1", "No room");
    } else {
        world->in_message = true;
        smtp_server_accept(world->server, NULL);
    }
}

static void answer(struct world *world, enum smtp_server_event event)
{
    switch (event) {
    case SMTP_SERVER_HELLO:
        smtp_server_accept(world->server, NULL);
        break;
    case SMTP_SERVER_WANT_TLS:
        world->wants_tls = true;
        break;
    case SMTP_SERVER_AUTH:
        answer_auth(world);
        break;
    case SMTP_SERVER_AUTH_OVER:
        assert(world->in_exchange);
        world->in_exchange = false;
        break;
    case SMTP_SERVER_MAIL:
        answer_mail(world->server);
        break;
    case SMTP_SERVER_RCPT:
        answer_rcpt(world->server);
        break;
    case SMTP_SERVER_DATA:
        begin_message(world);
        break;
    case SMTP_SERVER_CONTENT:
        take_content(world, smtp_server_content(world->server));
        break;
    case SMTP_SERVER_END:
        assert(world->in_message && (world->before == 0 || world->before == '\n'));
        world->in_message = false;
        buf_put(&world->taken, SV("\xff"));
        world->whole = buf_view(&world->taken).n;
        smtp_server_accept(world->server, "queued");
        break;
    case SMTP_SERVER_RESET:
        world->in_message = false;
        world->taken.end = world->taken.start + world->whole;
        break;
    case SMTP_SERVER_CLOSED:
        world->over = true;
        break;
    case SMTP_SERVER_NEED_IO:
        break;
    }
}

static void send_replies(struct world *world)
{
    sv output = smtp_server_output(world->server);
    buf_put(&world->replies, output);
    smtp_server_sent(world->server, output.n);
}

static void feed(struct world *world, sv bytes)
{
    while (bytes.n && !world->over) {
        size_t used = smtp_server_feed(world->server, bytes);
        bytes = sv_from(bytes, used);
        enum smtp_server_event event = SMTP_SERVER_NEED_IO;
        do {
            event = smtp_server_next(world->server);
            answer(world, event);
        } while (event != SMTP_SERVER_NEED_IO && event != SMTP_SERVER_CLOSED);
        if (!used)
            send_replies(world); /* it reads on when they are gone */
    }
}

static void hold(struct world *world, unsigned with, sv turns, size_t step)
{
    *world = (struct world){.replies = BUF_INIT(TRANSCRIPT_MAX), .taken = BUF_INIT(TRANSCRIPT_MAX)};
    struct smtp_server_options options = {.name = SV("gw.example.org"),
                                          .size_limit = 3000,
                                          .recipients_max = 4,
                                          .errors_max = with & 16 ? 10 : 100000,
                                          .starttls = with & 1,
                                          .secured = with & 2};
    world->server = smtp_server_new(&options);
    if (with & 4)
        smtp_server_offer_auth(world->server, SV("SCRAM-SHA-256 PLAIN LOGIN"));
    if (with & 8)
        smtp_server_forgive_bare_lf(world->server, true);
    smtp_server_greet(world->server);
    send_replies(world);
    while (turns.p && !world->over) {
        sv turn = sv_split(&turns, '\xff');
        if (world->wants_tls)
            smtp_server_secured(world->server);
        world->wants_tls = false;
        for (; turn.n && !world->over; turn = sv_from(turn, step))
            feed(world, sv_first(turn, step));
        send_replies(world);
        smtp_server_rest(world->server);
    }
    smtp_server_eof(world->server);
    for (enum smtp_server_event event; (event = smtp_server_next(world->server)) != SMTP_SERVER_CLOSED;)
        answer(world, event);
    assert(!world->in_exchange && !world->in_message);
    send_replies(world);
    smtp_server_free(world->server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct world whole, cut;
    sv turns = sv_make(data + 2, size - 2);
    hold(&whole, data[0], turns, SIZE_MAX);
    hold(&cut, data[0], turns, 1 + data[1] % 40);
    /* Where few errors end it, one who also speaks too early may hear of either first. */
    assert(data[0] & 16 || sv_eq(buf_view(&whole.replies), buf_view(&cut.replies)));
    assert(sv_eq(buf_view(&whole.taken), buf_view(&cut.taken)));
    buf_free(&whole.replies);
    buf_free(&whole.taken);
    buf_free(&cut.replies);
    buf_free(&cut.taken);
    return 0;
}
