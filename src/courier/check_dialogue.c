#include "courier/check_private.h"

#include "courier/mask.h"
#include "courier/session.h"

#include <stdio.h>

static const nanos SLOW_CONNECT = 100 * NANOS_PER_MS; /* from then on it is found out why */
static const nanos LONG_HANDSHAKE = 1 * NANOS_PER_SECOND;
static const nanos SLOW_BANNER = 5 * NANOS_PER_SECOND;
static const nanos QUIET_BANNER = 1 * NANOS_PER_SECOND; /* then it is asked whether it speaks TLS */

enum check_hop_id check_hop_of(enum smtp_stage stage)
{
    switch (stage) {
    case SMTP_STAGE_BANNER:
        return CHECK_BANNER;
    case SMTP_STAGE_EHLO:
        return CHECK_EHLO;
    case SMTP_STAGE_STARTTLS:
        return CHECK_STARTTLS;
    case SMTP_STAGE_TLS:
        return CHECK_TLS;
    case SMTP_STAGE_AUTH:
        return CHECK_AUTH;
    case SMTP_STAGE_MAIL:
        return CHECK_MAIL;
    case SMTP_STAGE_RCPT:
        return CHECK_RCPT;
    case SMTP_STAGE_DATA:
    case SMTP_STAGE_BODY:
    case SMTP_STAGE_DOT:
        return CHECK_DATA;
    case SMTP_STAGE_READY:
    case SMTP_STAGE_RSET:
    case SMTP_STAGE_QUIT:
    case SMTP_STAGE_CLOSED:
        break;
    }
    return CHECK_RCPT;
}

const char *check_words(const struct check *check, const struct smtp_answer *answer, char *text, size_t cap)
{
    session_answer_text(answer, text, cap);
    if (check->request.password)
        mask(text, secret_reveal(check->request.password));
    return text;
}

void check_refused(struct check *check, enum check_hop_id hop, enum smtp_stage stage,
                   const struct smtp_answer *answer, const char *who)
{
    char words[CHECK_NOTE_MAX / 2];
    struct cause_told told = cause_of_answer(stage, answer);
    check_find_at(check, hop, advice_of_refusal(hop, answer, told.cause), &told, "%s%s%s", who ? who : "",
                  who ? ": " : "", check_words(check, answer, words, sizeof words));
}

/* --- Greeting --- */

static void on_connected(void *arg, nanos took)
{
    struct check *check = arg;
    char source[ADDRESS_TEXT_MAX];
    bool tls = check->report.security == SMTP_SECURITY_TLS;
    check->dialogue.connected = true;
    check_reach_connected(check);
    if (!check->ended[CHECK_CONNECT]) {
        bool routed = check->reaching.routed;
        check_fact(check, CHECK_CONNECT, "connected to port %d in %.1f ms%s%s", check->report.port,
                   (double)took / (double)NANOS_PER_MS, routed ? " from " : "",
                   routed ? address_ip_text(&check->reaching.route.source, source) : "");
        if (took > LONG_HANDSHAKE)
            check_find(check, ADVICE_connect_slow, "the handshake took %.1f s",
                       (double)took / (double)NANOS_PER_SECOND);
        check_end(check, CHECK_CONNECT);
    }
    check_begin(check, tls ? CHECK_TLS : CHECK_BANNER);
    nanos quiet = check->stage_timeout / 2 < QUIET_BANNER ? check->stage_timeout / 2 : QUIET_BANNER;
    if (!tls)
        loop_timer_set(check->dialogue.patience, quiet);
}

static void on_patience(void *arg)
{
    struct check *check = arg;
    if (!check->dialogue.connected)
        check_reach_compare(check, check->connect_timeout - SLOW_CONNECT);
    else if (check->report.security != SMTP_SECURITY_TLS && talk_unanswered(check->dialogue.talk))
        check_probe_begin(check);
}

/* What follows "ESMTP" in the greeting, mostly. */
static void take_software(struct check *check, const struct smtp_answer *answer)
{
    sv rest = sv_of(answer->text), line = sv_split(&rest, '\n');
    sv name = sv_word(&line), word = sv_word(&line);
    (void)name;
    if (!sv_ieq(word, SV("ESMTP")) && !sv_ieq(word, SV("SMTP")))
        return;
    check->report.software = check_text(check, sv_trim(line));
}

static void on_banner(struct check *check, const struct smtp_answer *answer, nanos took)
{
    char words[200];
    loop_timer_cancel(check->dialogue.patience);
    check->dialogue.greeted = true;
    if (answer->code != 220)
        return; /* the dialogue ends with it */
    take_software(check, answer);
    check_fact(check, CHECK_BANNER, "%s", check_words(check, answer, words, sizeof words));
    if (took > SLOW_BANNER)
        check_find(check, ADVICE_banner_slow, "the greeting took %.1f s: a greet delay, or a tarpit",
                   (double)took / (double)NANOS_PER_SECOND);
    check_end(check, CHECK_BANNER);
    check_begin(check, CHECK_EHLO);
}

/* --- EHLO --- */

static void list_extensions(unsigned extensions, char *text, size_t cap)
{
    static const struct {
        enum smtp_extension bit;
        const char *name;
    } names[] = {
        {SMTP_EXT_PIPELINING, "PIPELINING"},
        {SMTP_EXT_SIZE, "SIZE"},
        {SMTP_EXT_8BITMIME, "8BITMIME"},
        {SMTP_EXT_SMTPUTF8, "SMTPUTF8"},
        {SMTP_EXT_DSN, "DSN"},
        {SMTP_EXT_STARTTLS, "STARTTLS"},
        {SMTP_EXT_AUTH, "AUTH"},
        {SMTP_EXT_CHUNKING, "CHUNKING"},
        {SMTP_EXT_REQUIRETLS, "REQUIRETLS"},
        {SMTP_EXT_ENHANCEDSTATUSCODES, "ENHANCEDSTATUSCODES"},
    };
    size_t n = 0;
    sv_copy(text, cap, SV("no extensions"));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (extensions & names[i].bit)
            n += (size_t)snprintf(text + n, cap - n, "%s%s", n ? " " : "", names[i].name);
}

/* A line of X's, as long as STARTTLS: what inspecting firewalls leave of it. */
static bool is_overwritten(const struct smtp_answer *answer)
{
    sv rest = sv_of(answer->text);
    while (rest.p) {
        sv line = sv_trim(sv_split(&rest, '\n'));
        if (line.n >= 6 && line.n <= 12 && sv_starts(line, SV("XXXXX")))
            return true;
    }
    return false;
}

bool check_takes_tls_now(const struct check *check)
{
    return check->report.security == SMTP_SECURITY_STARTTLS && !check->dialogue.secured;
}

static void tell_offer(struct check *check)
{
    char text[200];
    struct check_report *report = &check->report;
    list_extensions(report->extensions, text, sizeof text);
    check_fact(check, CHECK_EHLO, "%s", text);
    if (report->size_limit)
        check_fact(check, CHECK_EHLO, "at most %llu bytes a message", (unsigned long long)report->size_limit);
    if (report->size_limit && report->size_limit < CHECK_ASK_BYTES)
        check_find(check, ADVICE_ehlo_small, "it takes messages of %llu bytes at most",
                   (unsigned long long)report->size_limit);
}

static void take_offer(struct check *check, const struct smtp_answer *answer)
{
    const struct smtp_client *client = talk_client(check->dialogue.talk);
    struct check_report *report = &check->report;
    report->extensions = smtp_client_extensions(client);
    report->size_limit = smtp_client_size_limit(client);
    report->mechanisms = check_text(check, smtp_client_mechanisms(client));
    if (!smtp_client_encrypted(client)) {
        check->dialogue.extensions = report->extensions;
        check->dialogue.masked = is_overwritten(answer);
        sv_copy(check->dialogue.clear_mechanisms, sizeof check->dialogue.clear_mechanisms,
                smtp_client_mechanisms(client));
    }
}

static void on_ehlo(struct check *check, const struct smtp_answer *answer)
{
    char words[300];
    if (answer->code / 100 == 5) { /* HELO may be next */
        check_words(check, answer, words, sizeof words);
        check->dialogue.hello_refused = check_text(check, sv_of(words));
        return;
    }
    if (answer->code != 250)
        return;
    take_offer(check, answer);
    if (check->dialogue.hello_refused)
        check_find(check, ADVICE_ehlo_old, "EHLO is refused (%s), HELO is not",
                   check->dialogue.hello_refused);
    if (check_takes_tls_now(check)) {
        check_begin(check, CHECK_STARTTLS);
        return; /* what it offers inside TLS counts */
    }
    tell_offer(check);
    check_end(check, CHECK_EHLO);
    check_end_of_security(check);
    check_begin(check, CHECK_AUTH);
}

/* --- TLS --- */

static bool on_secured(void *arg, const struct tls_info *info, const struct tls_report *tls, nanos took)
{
    struct check *check = arg;
    (void)info;
    (void)took;
    check->dialogue.secured = true;
    check->dialogue.trusted = check_certificate_tell(check, tls);
    check_end(check, CHECK_TLS);
    if (!check->dialogue.trusted)
        return false;
    check_end(check, CHECK_CERTIFICATE);
    if (check->report.security == SMTP_SECURITY_TLS)
        check_begin(check, CHECK_BANNER);
    return true;
}

/* In the clear: what is to be said of that. */
void check_end_of_security(struct check *check)
{
    if (check->report.security != SMTP_SECURITY_NONE) {
        if (check->report.security == SMTP_SECURITY_TLS)
            check_skip(check, CHECK_STARTTLS, "TLS from the first byte");
        return;
    }
    if (!address_is_loopback(&check->address) && check->report.extensions & SMTP_EXT_STARTTLS)
        check_find(check, ADVICE_clear_needlessly, "mail goes in the clear, although STARTTLS is offered");
    else if (!address_is_loopback(&check->address))
        check_find(check, ADVICE_clear_text, "mail goes in the clear");
    check_skip(check, CHECK_STARTTLS, "security is none");
    check_skip(check, CHECK_TLS, "security is none");
    check_skip(check, CHECK_CERTIFICATE, "security is none");
}

static void on_starttls(struct check *check, const struct smtp_answer *answer)
{
    char words[200];
    check_fact(check, CHECK_STARTTLS, "%s", check_words(check, answer, words, sizeof words));
    check_begin(check, CHECK_TLS);
}

static bool on_answer(void *arg, enum smtp_stage stage, const struct smtp_answer *answer, nanos took)
{
    struct check *check = arg;
    if (stage == SMTP_STAGE_BANNER)
        on_banner(check, answer, took);
    else if (stage == SMTP_STAGE_EHLO)
        on_ehlo(check, answer);
    else if (stage == SMTP_STAGE_STARTTLS && answer->code == 220)
        on_starttls(check, answer);
    return true;
}

static void on_ready(void *arg)
{
    check_mail_ready(arg);
}

static void on_recipient(void *arg, size_t index, const struct smtp_answer *answer)
{
    check_mail_recipient(arg, index, answer);
}

static void on_sent(void *arg, const struct smtp_answer *answer, enum smtp_stage stage)
{
    check_mail_sent(arg, answer, stage);
}

static void on_line(void *arg, char who, sv line)
{
    struct check *check = arg;
    if (who == 'C' && sv_istarts(line, SV("AUTH "))) {
        sv rest = sv_from(line, 5);
        check->dialogue.auth_begun = true;
        sv_copy(check->dialogue.mechanism, sizeof check->dialogue.mechanism, sv_word(&rest));
    }
    if (check->handler->line)
        check->handler->line(check->arg, who, line);
}

/* --- Dialling --- */

static bool make_context(struct check *check)
{
    const struct config_gateway *gateway = &check->request.gateway;
    const struct tls_trust trust = {gateway->ca_file, gateway->ca_directory, gateway->pin};
    struct err err;
    if (check->dialogue.looking || tls_looking_context(&trust, &check->dialogue.looking, &err) == 0)
        return true;
    check_find(check, ADVICE_cert_unreadable_trust, "%s", err.cause);
    check_dialogue_is_over(check, "not reached");
    return false;
}

void check_talk_setup(struct check *check, struct talk_setup *setup)
{
    *setup = (struct talk_setup){
        .loop = check->loop,
        .to = &check->address,
        .security = check->report.security,
        .tls = check->dialogue.looking,
        .tls_name = check->tls_name,
        .helo = check->helo,
        .connect_timeout = check->connect_timeout,
        .stage_timeout = check->stage_timeout,
    };
}

void check_dialogue_dial(struct check *check)
{
    static const struct talk_handler handler = {on_connected, on_secured, on_answer, on_ready,
                                                on_recipient, on_sent,    on_line,   check_dialogue_ended};
    struct check_dialogue *dialogue = &check->dialogue;
    struct talk_setup setup;
    if (!dialogue->patience)
        dialogue->patience = loop_timer_new(check->loop, on_patience, check);
    if (!make_context(check))
        return;
    talk_free(dialogue->talk);
    dialogue->connected = dialogue->greeted = dialogue->secured = false;
    dialogue->hello_refused = NULL;
    check_talk_setup(check, &setup);
    const struct config_gateway *gateway = &check->request.gateway;
    if (gateway->username && check->request.password && check->report.security != SMTP_SECURITY_NONE) {
        setup.secret = check->request.password;
        setup.username = gateway->username;
        setup.mechanism = gateway->auth;
    }
    loop_timer_set(dialogue->patience, SLOW_CONNECT);
    dialogue->talk = talk_new(&setup, &handler, check);
}

void check_dialogue_stop(struct check *check)
{
    struct check_dialogue *dialogue = &check->dialogue;
    talk_free(dialogue->talk);
    talk_free(dialogue->probe);
    talk_free(dialogue->antique);
    talk_free(dialogue->relay);
    dialogue->talk = dialogue->probe = dialogue->antique = dialogue->relay = NULL;
    tls_context_free(dialogue->looking);
    tls_context_free(dialogue->antique_context);
    dialogue->looking = dialogue->antique_context = NULL;
    loop_timer_free(dialogue->patience);
    dialogue->patience = NULL;
    buf_free(&dialogue->message);
}
