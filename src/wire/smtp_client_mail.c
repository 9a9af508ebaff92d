#include <assert.h>
#include <stdio.h>

#include "wire/smtp_address.h"
#include "wire/smtp_client_private.h"
#include "wire/smtp_xtext.h"

enum {
    ENVID_MAX = 100, /* RFC 3461 §4.4, encoded */
    ORCPT_MAX = 500, /* RFC 3461 §4.2 */
    ORCPT_TYPE_MAX = 40,
};

/* --- Is the envelope fit for this session? Nothing is sent before all of it is known to be. --- */

static int check_address(sv address, const char *role, bool *utf8, struct err *err)
{
    struct smtp_address parts;
    enum smtp_address_fault fault = smtp_address_parse(address, &parts);
    if (fault == SMTP_ADDRESS_NONE) {
        *utf8 |= parts.utf8;
        return 0;
    }
    /* The address itself goes into a log line. */
    bool tellable = sv_printable(address) && sv_utf8(address);
    return err_set(err, ERR_DATA, "correct the address", "the %s's address %.*s%s%s", role,
                   SV_ARG(tellable ? sv_first(address, 120) : SV_NONE), tellable && address.n ? " " : "",
                   smtp_address_fault_text(fault));
}

/* RFC 3461 §4.1: NEVER alone, or the others. */
static bool is_notify(sv list)
{
    if (list.n == 0 || sv_eq(list, SV("NEVER")))
        return true;
    while (list.p) {
        sv word = sv_split(&list, ',');
        if (!sv_eq(word, SV("SUCCESS")) && !sv_eq(word, SV("FAILURE")) && !sv_eq(word, SV("DELAY")))
            return false;
    }
    return true;
}

static int check_recipients(const struct smtp_envelope *envelope, bool *utf8, struct err *err)
{
    size_t least = envelope->ask_only ? 0 : 1;
    if (envelope->recipient_count < least || envelope->recipient_count > SMTP_RECIPIENTS_MAX)
        return err_set(err, ERR_LIMIT, "split the message", "a transaction takes 1 to %d recipients, not %zu",
                       SMTP_RECIPIENTS_MAX, envelope->recipient_count);
    for (size_t i = 0; i < envelope->recipient_count; i++) {
        const struct smtp_recipient *recipient = &envelope->recipients[i];
        if (check_address(recipient->address, "recipient", utf8, err) < 0)
            return -1;
        if (!is_notify(recipient->notify) || recipient->notify.n > 64)
            return err_set(err, ERR_DATA, "use NEVER, or SUCCESS, FAILURE and DELAY with commas",
                           "the recipient's wish for delivery reports is not well-formed");
        /* A newline hidden in xtext would come out at the other end. */
        if (!sv_printable(recipient->orcpt))
            return err_set(err, ERR_DATA, "correct it", "the original recipient has a control character");
    }
    return 0;
}

/* Refuses the envelope with that enhanced code. */
#define REFUSE(client, code, ...) ((client)->refusal = (code), err_set(__VA_ARGS__))

static int check_content(struct smtp_client *client, const struct smtp_envelope *envelope, bool *eight_bit,
                         struct err *err)
{
    struct smtp_data_facts facts;
    smtp_data_check(envelope->content, &facts);
    char text[80];
    if (facts.faults)
        return REFUSE(client, "5.6.0", err, ERR_DATA, "whoever composed the message must mend it (5.6.0)",
                      "the message's %s", smtp_data_fault_text(&facts, text, sizeof text));
    if (facts.eight_bit && !(client->offer.extensions & SMTP_EXT_8BITMIME))
        return REFUSE(client, "5.6.3", err, ERR_DATA,
                      "compose it with quoted-printable or base64, or use another gateway (5.6.3)",
                      "the message has bytes past ASCII and the gateway does not offer 8BITMIME");
    uint64_t limit = client->offer.size_limit;
    size_t bytes = envelope->front.n + envelope->content.n;
    if (limit && bytes > limit)
        return REFUSE(
            client, "5.3.4", err, ERR_LIMIT, "shorten the message or raise the gateway's limit (5.3.4)",
            "the message has %zu bytes and the gateway takes %llu", bytes, (unsigned long long)limit);
    *eight_bit = facts.eight_bit;
    return 0;
}

static int check_envelope(struct smtp_client *client, const struct smtp_envelope *envelope, bool *utf8,
                          bool *eight_bit, struct err *err)
{
    *utf8 = envelope->utf8;
    client->refusal = "5.1.3";
    if (envelope->sender.n && check_address(envelope->sender, "sender", utf8, err) < 0)
        return -1;
    if (check_recipients(envelope, utf8, err) < 0)
        return -1;
    if (*utf8 && !(client->offer.extensions & SMTP_EXT_SMTPUTF8))
        return REFUSE(client, "5.6.7", err, ERR_DATA,
                      "use an address in ASCII, or a gateway that offers SMTPUTF8 (5.6.7)",
                      "%s has characters past ASCII and the gateway does not offer SMTPUTF8",
                      envelope->utf8 ? "the message" : "an address");
    if (envelope->requiretls && !(client->encrypted && client->offer.extensions & SMTP_EXT_REQUIRETLS))
        return REFUSE(client, "5.7.30", err, ERR_DATA,
                      "use a gateway that offers REQUIRETLS inside TLS (5.7.30)",
                      "the message may only go over TLS all the way, and the gateway does not promise that");
    if (!sv_printable(envelope->envid))
        return err_set(err, ERR_DATA, "correct it", "the envelope's identifier has a control character");
    return check_content(client, envelope, eight_bit, err);
}

/* --- Commands --- */

static bool offers(const struct smtp_client *client, enum smtp_extension extension)
{
    return client->offer.extensions & extension;
}

/* " NAME" and text in xtext (RFC 3461 §4), or nothing if it is empty, past ASCII or longer than most. The
 * parameters are optional, and half of one would be worse than none. */
static const char *xtext_parameter(const char *name, sv text, size_t most, char *out, size_t cap)
{
    size_t n = (size_t)snprintf(out, cap, " %s", name), start = n;
    bool fits = text.n > 0;
    for (size_t i = 0; i < text.n && fits; i++) {
        unsigned char c = (unsigned char)text.p[i];
        bool plain = c > 32 && c < 127 && c != '+' && c != '=';
        fits = c < 0x80 && n + 3 - start <= most && n + 4 <= cap;
        if (fits)
            n += (size_t)snprintf(out + n, cap - n, plain ? "%c" : "+%02X", c);
    }
    if (!fits)
        out[0] = '\0';
    return out;
}

static void say_mail(struct smtp_client *client)
{
    const struct transaction *transaction = &client->transaction;
    const struct smtp_envelope *envelope = &transaction->envelope;
    char size[40] = "", envid[ENVID_MAX + 16] = "";
    size_t bytes = envelope->ask_only ? envelope->ask_size : envelope->front.n + envelope->content.n;
    if (offers(client, SMTP_EXT_SIZE) && (bytes || !envelope->ask_only))
        snprintf(size, sizeof size, " SIZE=%zu", bytes);
    if (offers(client, SMTP_EXT_DSN))
        xtext_parameter("ENVID=", envelope->envid, ENVID_MAX, envid, sizeof envid);
    bool eight_bit = transaction->eight_bit || transaction->utf8;
    const char *ret = envelope->return_full ? " RET=FULL" : " RET=HDRS";
    smtp_client_command(client, SMTP_STAGE_MAIL, "MAIL FROM:<%.*s>%s%s%s%s%s%s", SV_ARG(envelope->sender),
                        size, eight_bit && offers(client, SMTP_EXT_8BITMIME) ? " BODY=8BITMIME" : "",
                        transaction->utf8 ? " SMTPUTF8" : "", envelope->requiretls ? " REQUIRETLS" : "",
                        offers(client, SMTP_EXT_DSN) ? ret : "", envid);
}

static void say_rcpt(struct smtp_client *client, size_t index)
{
    const struct smtp_recipient *recipient = &client->transaction.envelope.recipients[index];
    char orcpt[ORCPT_MAX + 32] = "", name[ORCPT_TYPE_MAX + 16];
    bool dsn = offers(client, SMTP_EXT_DSN);
    sv type = recipient->orcpt_type.n ? recipient->orcpt_type : SV("rfc822");
    snprintf(name, sizeof name, "ORCPT=%.*s;", SV_ARG(type));
    if (dsn && type.n <= ORCPT_TYPE_MAX && smtp_atom_valid(type))
        xtext_parameter(name, recipient->orcpt, ORCPT_MAX, orcpt, sizeof orcpt);
    smtp_client_command(client, SMTP_STAGE_RCPT, "RCPT TO:<%.*s>%s%.*s%s", SV_ARG(recipient->address),
                        dsn && recipient->notify.n ? " NOTIFY=" : "",
                        SV_ARG(dsn ? recipient->notify : SV_NONE), orcpt);
}

static void say_data(struct smtp_client *client)
{
    smtp_client_command(client, SMTP_STAGE_DATA, "DATA");
}

int smtp_client_send(struct smtp_client *client, const struct smtp_envelope *envelope, struct err *err)
{
    if (client->failed)
        return err_set(err, client->failure.class, client->failure.advice, "%s", client->failure.cause);
    if (client->stage != SMTP_STAGE_READY)
        return err_set(err, ERR_TEMPORARY, NULL, "the session is not ready for a message");
    assert(!envelope->ask_only || envelope->content.n == 0);
    bool utf8 = false, eight_bit = false;
    if (check_envelope(client, envelope, &utf8, &eight_bit, err) < 0)
        return -1;
    client->transaction = (struct transaction){.envelope = *envelope, .utf8 = utf8, .eight_bit = eight_bit};
    say_mail(client);
    /* Who only asks wants to know which question stays without an answer. */
    if (offers(client, SMTP_EXT_PIPELINING) && !envelope->ask_only) {
        for (size_t i = 0; i < envelope->recipient_count; i++)
            say_rcpt(client, i);
        say_data(client);
    }
    return 0;
}

/* --- Replies --- */

static void decide(struct smtp_client *client)
{
    client->transaction.verdict = client->answer;
    client->transaction.verdict_stage = client->stage;
    client->transaction.decided = true;
}

static void end_transaction(struct smtp_client *client)
{
    bool accepted = client->transaction.verdict.code / 100 == 2 && !client->transaction.envelope.ask_only;
    client->transaction.envelope = (struct smtp_envelope){0};
    smtp_client_push(client, SMTP_CLIENT_SENT, client->transaction.verdict_stage);
    if (accepted)
        smtp_client_enter_ready(client);
    else
        smtp_client_command(client, SMTP_STAGE_RSET, "RSET");
}

/* Without PIPELINING each answer brings the next command; with it all were said at once. */
static bool is_group(const struct smtp_client *client)
{
    return client->expected_at < client->expected_count;
}

static bool is_final(int code)
{
    return code / 100 == 2 || code >= 400;
}

void smtp_client_on_mail(struct smtp_client *client)
{
    struct transaction *transaction = &client->transaction;
    if (!is_final(client->answer.code)) {
        smtp_client_fail_unexpected(client, "MAIL");
        return;
    }
    transaction->sender_accepted = client->answer.code / 100 == 2;
    if (!transaction->sender_accepted)
        decide(client);
    if (is_group(client))
        return;
    if (transaction->sender_accepted && transaction->envelope.recipient_count > 0) {
        say_rcpt(client, 0);
    } else {
        if (!transaction->decided)
            decide(client);
        end_transaction(client);
    }
}

void smtp_client_on_rcpt(struct smtp_client *client)
{
    struct transaction *transaction = &client->transaction;
    int code = client->answer.code;
    if (!is_final(code)) {
        smtp_client_fail_unexpected(client, "RCPT");
        return;
    }
    bool accepted = code / 100 == 2;
    size_t recipient = transaction->answered++;
    if (accepted)
        transaction->whose[transaction->accepted++] = (uint8_t)recipient;
    if (transaction->sender_accepted) {
        client->shown_recipient = recipient;
        smtp_client_push(client, SMTP_CLIENT_RECIPIENT, SMTP_STAGE_RCPT);
        /* If nobody is left, a refusal that may pass speaks for all: then a retry is worth it. */
        bool may_pass = transaction->verdict.code >= 500 && code / 100 == 4;
        if (!accepted && (!transaction->decided || may_pass))
            decide(client);
    }
    if (is_group(client))
        return;
    bool asked = transaction->envelope.ask_only;
    if (recipient + 1 < transaction->envelope.recipient_count) {
        say_rcpt(client, recipient + 1);
    } else if (transaction->accepted > 0 && !asked) {
        say_data(client);
    } else {
        if (!transaction->decided)
            decide(client);
        end_transaction(client);
    }
}

static void begin_body(struct smtp_client *client)
{
    if (client->options.lmtp)
        client->transaction.decided =
            false; /* what was refused before has its answer; those after the dot decide */
    client->stage = SMTP_STAGE_BODY;
    smtp_data_writer_open(&client->transaction.writer, client->transaction.envelope.content);
    smtp_data_writer_front(&client->transaction.writer, client->transaction.envelope.front);
}

void smtp_client_on_data(struct smtp_client *client)
{
    struct transaction *transaction = &client->transaction;
    bool wanted = transaction->sender_accepted && transaction->accepted > 0;
    if (client->answer.code == 354 && wanted) {
        begin_body(client);
    } else if (client->answer.code == 354) {
        /* Let through in a group although nobody is to get it: an empty message ends it (RFC 2920 §3.1). */
        transaction->lone_dot = true;
        smtp_client_command(client, SMTP_STAGE_DOT, ".");
    } else if (client->answer.code >= 400) {
        if (wanted)
            decide(client);
        end_transaction(client);
    } else {
        smtp_client_fail_unexpected(client, "DATA");
    }
}

/* RFC 2033 §4.2: one answer for each recipient that was accepted. One success speaks for all, since the
 * others have their own. */
static void on_dot_of_one(struct smtp_client *client)
{
    struct transaction *transaction = &client->transaction;
    client->shown_recipient = transaction->whose[transaction->settled++];
    smtp_client_push(client, SMTP_CLIENT_RECIPIENT, SMTP_STAGE_DOT);
    if (!transaction->decided || transaction->verdict.code / 100 != 2)
        decide(client);
    if (transaction->settled == transaction->accepted)
        end_transaction(client);
}

void smtp_client_on_dot(struct smtp_client *client)
{
    if (!is_final(client->answer.code)) {
        smtp_client_fail_unexpected(client, "the message");
        return;
    }
    if (client->options.lmtp && !client->transaction.lone_dot) {
        on_dot_of_one(client);
        return;
    }
    if (!client->transaction.lone_dot)
        decide(client);
    end_transaction(client);
}

void smtp_client_fill_content(struct smtp_client *client)
{
    struct smtp_data_writer *writer = &client->transaction.writer;
    if (client->stage != SMTP_STAGE_BODY || buf_view(&client->out).n > 0 || smtp_data_writer_done(writer))
        return;
    char *to = buf_reserve(&client->out, CLIENT_PIECE_BYTES);
    assert(to);
    size_t n = smtp_data_write(writer, to, CLIENT_PIECE_BYTES);
    buf_added(&client->out, n);
    client->queued_bytes += n;
    if (!smtp_data_writer_done(writer))
        return;
    for (size_t i = client->options.lmtp ? client->transaction.accepted : 1; i > 0; i--)
        smtp_client_expect(client, SMTP_STAGE_DOT);
}
