/* A whole session: each byte string is cut at 0xFF into turns; policy accepts, refuses or hangs up by what it
 * is asked. What was taken may never hold a line end that is not CRLF. */
#include "base/buf.h"
#include "wire/smtp_server.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_content(sv text, char *before)
{
    for (size_t i = 0; i < text.n; i++) {
        assert((text.p[i] == '\n') == (*before == '\r') || i == 0);
        assert(text.p[i] != 0);
        *before = text.p[i];
    }
}

static void answer(struct smtp_server *server, enum smtp_server_event event, char *before)
{
    switch (event) {
    case SMTP_SERVER_HELLO:
    case SMTP_SERVER_DATA:
        *before = 0;
        smtp_server_accept(server, NULL);
        break;
    case SMTP_SERVER_MAIL:
        assert(sv_printable(smtp_server_mail(server)->sender));
        smtp_server_accept(server, NULL);
        break;
    case SMTP_SERVER_RCPT:
        assert(sv_printable(smtp_server_recipient(server)->whole));
        if (smtp_server_recipient(server)->parts.local.n % 3 == 0)
            smtp_server_refuse(server, 450, "4.2.1", "Later");
        else if (smtp_server_recipient(server)->parts.local.n % 7 == 0)
            smtp_server_close(server, 421, "4.3.2", "No");
        else
            smtp_server_accept(server, NULL);
        break;
    case SMTP_SERVER_CONTENT:
        assert(smtp_server_content(server).n > 0);
        check_content(smtp_server_content(server), before);
        break;
    case SMTP_SERVER_END:
        assert(*before == 0 || *before == '\n');
        smtp_server_accept(server, "queued");
        break;
    case SMTP_SERVER_RESET:
    case SMTP_SERVER_NEED_IO:
    case SMTP_SERVER_CLOSED:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_server_options options = {
        .name = SV("gw.example.org"), .size_limit = 1000, .recipients_max = 4, .errors_max = 10};
    struct smtp_server *server = smtp_server_new(&options);
    sv rest = sv_make(data, size);
    char before = 0;
    smtp_server_greet(server);
    smtp_server_sent(server, smtp_server_output(server).n);
    while (rest.p) {
        sv turn = sv_split(&rest, '\xff');
        enum smtp_server_event event = SMTP_SERVER_NEED_IO;
        do {
            turn = sv_from(turn, smtp_server_feed(server, turn));
            while ((event = smtp_server_next(server)) != SMTP_SERVER_NEED_IO && event != SMTP_SERVER_CLOSED)
                answer(server, event, &before);
        } while (turn.n && event != SMTP_SERVER_CLOSED);
        smtp_server_sent(server, smtp_server_output(server).n);
    }
    smtp_server_free(server);
    return 0;
}
