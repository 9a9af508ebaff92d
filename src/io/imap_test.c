/* What a look into an IMAP folder promises, against a scripted server on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "io/http.h"
#include "io/imap.h"
#include "io/stream.h"
#include "io/testing_certificates.h"
#include "io/testing_streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAILS = 3 };

static const struct {
    unsigned uid;
    const char *date, *content;
} mails[MAILS] = {
    {4, "20-Nov-2026 08:00:00 +0000", "Subject: old\r\n\r\nold\r\n"},
    {7, "24-Nov-2026 08:00:00 +0000", "Subject: new\r\n\r\n* 1 EXISTS\r\nA004 OK fooled\r\n+ go\r\n"},
    {9, "24-Nov-2026 09:00:00 +0100", "Subject: newer\r\n\r\nnewer\r\n"},
};

struct world {
    struct loop *loop;
    struct stream *server;
    struct tls_context *tls;
    struct loop_fd *accepting;
    int listener;
    bool immediate; /* TLS from the first byte */
    bool starttls, refuses, folderless, hangs;
    unsigned commands[8];
    char directory[64], ca[96], address[ADDRESS_TEXT_MAX];
    struct imap_request request;
    struct imap_result result;
    struct err err;
    bool ended, failed;
    char uids[64], content[512];
    nanos at;
};

__attribute__((format(printf, 2, 3))) static void say(struct world *w, const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    stream_write(w->server, sv_of(line));
}

static void answer_search(struct world *w, sv range)
{
    uint64_t from = 0;
    sv number = sv_split(&range, ':');
    sv_to_u64(number, &from);
    say(w, "* SEARCH");
    for (size_t i = 0; i < MAILS; i++)
        if (mails[i].uid >= from || i == MAILS - 1)
            say(w, " %u", mails[i].uid);
    say(w, "\r\n");
}

static void answer_fetch(struct world *w, sv what)
{
    char copy[256], numbers[128];
    sv_copy(numbers, sizeof numbers, sv_word(&what));
    sv_copy(copy, sizeof copy, what);
    for (size_t i = 0; i < MAILS; i++) {
        char uid[8];
        snprintf(uid, sizeof uid, "%u", mails[i].uid);
        if (!strstr(numbers, uid))
            continue;
        if (strstr(copy, "INTERNALDATE")) {
            say(w, "* %zu FETCH (UID %u INTERNALDATE \"%s\")\r\n", i + 1, mails[i].uid, mails[i].date);
            continue;
        }
        const char *partial = strstr(copy, "<0.");
        size_t n = strlen(mails[i].content), most = partial ? strtoul(partial + 3, NULL, 10) : n;
        n = n < most ? n : most;
        say(w, "* %zu FETCH (UID %u BODY[]<0> {%zu}\r\n%.*s)\r\n", i + 1, mails[i].uid, n, (int)n,
            mails[i].content);
    }
}

static void answer(struct world *w, sv line)
{
    sv rest = line, tag = sv_word(&rest), word = sv_word(&rest);
    char t[16];
    sv_copy(t, sizeof t, tag);
    if (w->hangs && !sv_ieq(word, SV("CAPABILITY")))
        return;
    if (sv_ieq(word, SV("CAPABILITY"))) {
        say(w, "* CAPABILITY IMAP4rev1%s%s\r\n%s OK done\r\n", w->starttls ? " STARTTLS" : "",
            !w->starttls || stream_tls_info(w->server) ? " AUTH=PLAIN SASL-IR" : " LOGINDISABLED", t);
    } else if (sv_ieq(word, SV("STARTTLS"))) {
        say(w, "%s OK go\r\n", t);
        stream_secure_server(w->server, w->tls);
    } else if (sv_ieq(word, SV("AUTHENTICATE")) || sv_ieq(word, SV("LOGIN"))) {
        w->commands[0]++;
        say(w, w->refuses ? "%s NO [AUTHENTICATIONFAILED] wrong\r\n" : "%s OK in\r\n", t);
        w->hangs = w->refuses;
    } else if (sv_ieq(word, SV("SELECT"))) {
        say(w, "* OK [UIDVALIDITY 17] valid\r\n");
        say(w, w->folderless ? "%s NO no such mailbox\r\n" : "%s OK selected\r\n", t);
        w->hangs = w->folderless;
    } else if (sv_ieq(word, SV("UID"))) {
        sv verb = sv_word(&rest);
        w->commands[1]++;
        if (sv_ieq(verb, SV("SEARCH"))) {
            sv_word(&rest);
            answer_search(w, sv_word(&rest));
        } else {
            answer_fetch(w, rest);
        }
        say(w, "%s OK done\r\n", t);
    } else {
        say(w, "%s BAD what\r\n", t);
    }
}

static void on_server(void *arg, struct stream *stream, enum stream_event event, const struct err *err)
{
    struct world *w = arg;
    (void)err;
    if (event == STREAM_SECURED && w->immediate)
        say(w, "* OK hello\r\n");
    if (event == STREAM_EOF || event == STREAM_FAILED) {
        stream_close(stream);
        w->server = NULL;
        return;
    }
    for (size_t end; w->server && (end = sv_find(stream_input(stream), SV("\r\n"))) != SV_NPOS;) {
        char line[600];
        size_t n = sv_copy(line, sizeof line, sv_first(stream_input(stream), end));
        stream_consume(stream, end + 2);
        answer(w, sv_make(line, n));
    }
}

static void on_connection(void *arg, int fd, int ready)
{
    struct world *w = arg;
    (void)ready;
    int accepted = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    stream_close(w->server);
    w->server = stream_accepted(w->loop, accepted, on_server, w);
    if (w->immediate)
        stream_secure_server(w->server, w->tls);
    else
        say(w, "* OK hello\r\n");
}

static void on_mail(void *arg, uint32_t uid, sv content, nanos at)
{
    struct world *w = arg;
    size_t n = strlen(w->uids);
    snprintf(w->uids + n, sizeof w->uids - n, "%u ", uid);
    sv_copy(w->content, sizeof w->content, content);
    w->at = at;
}

static void on_done(void *arg, const struct imap_result *result, const struct err *err)
{
    struct world *w = arg;
    w->result = *result;
    w->ended = true;
    w->failed = err;
    if (err)
        w->err = *err;
    loop_stop(w->loop);
}

static void too_long(void *arg)
{
    (void)arg;
    abort();
}

static void look(struct world *w)
{
    static const struct imap_handler HANDLER = {on_mail, on_done};
    struct loop_timer *timer = loop_timer_new(w->loop, too_long, NULL);
    loop_timer_set(timer, 60 * NANOS_PER_SECOND);
    w->ended = w->failed = false;
    w->uids[0] = w->content[0] = '\0';
    w->err = (struct err){0};
    imap_look(w->loop, &w->request, &HANDLER, w);
    assert_false(w->ended);
    loop_run(w->loop);
    assert_true(w->ended);
    assert_int_equal(w->failed, w->result.end != IMAP_DONE);
    loop_timer_free(timer);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct address address;
    char pem[96], key[96];
    assert_non_null(w);
    w->loop = loop_new();
    w->listener = listen_on_loopback(&address, 8);
    w->accepting = loop_fd_new(w->loop, w->listener, on_connection, w);
    loop_fd_want(w->accepting, LOOP_READ);
    address_text(&address, w->address);
    snprintf(w->directory, sizeof w->directory, "/tmp/vedette-imap-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    snprintf(w->ca, sizeof w->ca, "%s/ca.pem", w->directory);
    snprintf(pem, sizeof pem, "%s/imap.pem", w->directory);
    snprintf(key, sizeof key, "%s/imap.key", w->directory);
    struct testing_certificate ca = testing_certificate_make("CA", NULL, NULL, 1, 10);
    struct testing_certificate own = testing_certificate_make("imap", "DNS:imap.example.org", &ca, 0, 10);
    testing_certificate_write(w->ca, &ca, NULL);
    testing_certificate_write(pem, &own, NULL);
    testing_certificate_write_key(key, &own);
    testing_certificate_free(&own);
    testing_certificate_free(&ca);
    assert_int_equal(tls_server_context(pem, key, NULL, &w->tls, &w->err), 0);
    unlink(pem);
    unlink(key);
    w->request = (struct imap_request){.address = w->address,
                                       .security = SMTP_SECURITY_NONE,
                                       .username = "anna",
                                       .secret = SV("correct-horse"),
                                       .folder = "INBOX",
                                       .timeout = 30 * NANOS_PER_SECOND};
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    stream_close(w->server);
    loop_fd_free(w->accepting);
    close(w->listener);
    tls_context_free(w->tls);
    loop_free(w->loop);
    unlink(w->ca);
    rmdir(w->directory);
    free(w);
    return 0;
}

static void every_mail_comes_once_oldest_first_and_whole(void **state)
{
    struct world *w = *state;
    look(w);
    assert_int_equal(w->result.end, IMAP_DONE);
    assert_string_equal(w->uids, "4 7 9 ");
    assert_string_equal(w->content, mails[2].content);
    assert_int_equal(w->at / NANOS_PER_SECOND, time_from_civil(2026, 11, 24, 8, 0, 0));
    assert_int_equal(w->result.highest_uid, 9);
    assert_int_equal(w->result.uid_validity, 17);
    assert_int_equal(w->commands[0], 1);
    w->request.after_uid = 9;
    w->request.uid_validity = 17;
    look(w);
    assert_string_equal(w->uids, "");
    assert_int_equal(w->result.highest_uid, 9);
}

static void a_mail_that_looks_like_protocol_is_a_mail(void **state)
{
    struct world *w = *state;
    w->request.after_uid = 4;
    w->request.max_mails = 2;
    look(w);
    assert_string_equal(w->uids, "7 9 ");
    w->uids[0] = '\0';
    w->request.bytes_max = 12;
    look(w);
    assert_string_equal(w->content, "Subject: new");
}

static void another_validity_makes_all_mails_new(void **state)
{
    struct world *w = *state;
    w->request.after_uid = 9;
    w->request.uid_validity = 16;
    look(w);
    assert_string_equal(w->uids, "4 7 9 ");
}

static void mails_from_before_are_passed_over(void **state)
{
    struct world *w = *state;
    w->request.since = time_from_civil(2026, 11, 24, 7, 0, 0) * NANOS_PER_SECOND;
    look(w);
    assert_string_equal(w->uids, "7 9 ");
}

static void starttls_and_tls_want_the_right_certificate(void **state)
{
    struct world *w = *state;
    static const struct {
        enum smtp_security security;
        bool starttls, ca;
        const char *name;
        enum imap_end end;
    } cases[] = {
        {SMTP_SECURITY_STARTTLS, true, true, "imap.example.org", IMAP_DONE},
        {SMTP_SECURITY_STARTTLS, true, true, "other.example.org", IMAP_UNTRUSTED},
        {SMTP_SECURITY_STARTTLS, true, false, "imap.example.org", IMAP_UNTRUSTED},
        {SMTP_SECURITY_STARTTLS, true, true, NULL, IMAP_UNTRUSTED}, /* it does not bear the address */
        {SMTP_SECURITY_STARTTLS, false, true, "imap.example.org", IMAP_NO_TLS},
        {SMTP_SECURITY_TLS, false, true, "imap.example.org", IMAP_DONE},
        {SMTP_SECURITY_TLS, false, true, "other.example.org", IMAP_UNTRUSTED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        w->request.security = cases[i].security;
        w->immediate = cases[i].security == SMTP_SECURITY_TLS;
        w->starttls = cases[i].starttls;
        w->request.ca_file = cases[i].ca ? w->ca : NULL;
        w->request.verify_name = cases[i].name;
        w->commands[0] = 0;
        look(w);
        if (w->result.end != cases[i].end)
            fail_msg("case %zu ended with %d: %s", i, w->result.end, w->err.cause);
        assert_int_equal(w->commands[0], cases[i].end == IMAP_DONE); /* else no secret was sent */
    }
}

static void each_failure_has_its_name_and_nobody_waits_for_a_goodbye(void **state)
{
    struct world *w = *state;
    nanos before = loop_monotonic();
    w->refuses = true;
    look(w);
    assert_int_equal(w->result.end, IMAP_LOGIN_REFUSED);
    assert_non_null(strstr(w->err.cause, "[AUTHENTICATIONFAILED] wrong"));
    w->refuses = w->hangs = false;
    w->folderless = true;
    look(w);
    assert_int_equal(w->result.end, IMAP_NO_FOLDER);
    assert_non_null(strstr(w->err.cause, "no such mailbox"));
    assert_true(loop_monotonic() - before < 20 * NANOS_PER_SECOND);
    w->request.timeout = NANOS_PER_SECOND / 4;
    w->folderless = false;
    w->hangs = true;
    look(w);
    assert_int_equal(w->result.end, IMAP_UNREACHABLE);
    loop_fd_want(w->accepting, 0);
    close(w->listener);
    w->listener = -1;
    look(w);
    assert_int_equal(w->result.end, IMAP_UNREACHABLE);
}

static void a_request_that_would_give_the_secret_away_is_refused(void **state)
{
    struct world *w = *state;
    w->request.address = "192.0.2.30:143";
    look(w);
    assert_int_equal(w->result.end, IMAP_OURS);
    w->request.address = w->address;
    w->request.username = "anna\r\nA1 LOGOUT";
    look(w);
    assert_int_equal(w->result.end, IMAP_OURS);
}

static void cancel_here(void *arg, uint32_t uid, sv content, nanos at)
{
    (void)uid, (void)content, (void)at;
    struct imap_look **own = arg;
    imap_look_cancel(*own);
    *own = NULL;
}

static void never(void *arg, const struct imap_result *result, const struct err *err)
{
    (void)arg, (void)result, (void)err;
    abort();
}

static void a_look_may_be_cancelled_at_any_time(void **state)
{
    struct world *w = *state;
    static const struct imap_handler HANDLER = {cancel_here, never};
    struct imap_look *own = imap_look(w->loop, &w->request, &HANDLER, &own);
    imap_look_cancel(own);
    own = imap_look(w->loop, &w->request, &HANDLER, &own);
    loop_turn_for(w->loop, NANOS_PER_SECOND / 2);
    assert_null(own);
    own = imap_look(w->loop, &w->request, &HANDLER, &own);
    for (int i = 0; own && i < 20; i++)
        loop_turn_for(w->loop, NANOS_PER_MS / 2);
    imap_look_cancel(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_mail_comes_once_oldest_first_and_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mail_that_looks_like_protocol_is_a_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_validity_makes_all_mails_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mails_from_before_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(starttls_and_tls_want_the_right_certificate, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_failure_has_its_name_and_nobody_waits_for_a_goodbye, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_would_give_the_secret_away_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_look_may_be_cancelled_at_any_time, set_up, tear_down),
    };
    http_global_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
