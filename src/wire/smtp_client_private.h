/* What the files of the SMTP client share: smtp_client.c (session), smtp_client_auth.c, smtp_client_mail.c
 * (transactions), smtp_client_ehlo.c (what the gateway offers), smtp_answer.c. */
#ifndef VEDETTE_WIRE_SMTP_CLIENT_PRIVATE_H
#define VEDETTE_WIRE_SMTP_CLIENT_PRIVATE_H

#include "base/buf.h"
#include "wire/sasl.h"
#include "wire/smtp_client.h"
#include "wire/smtp_data.h"
#include "wire/smtp_reply.h"

enum {
    CLIENT_IN_MAX = 256 * 1024,
    CLIENT_OUT_MAX = 256 * 1024, /* a group for SMTP_RECIPIENTS_MAX recipients has its place */
    CLIENT_PIECE_BYTES = 64 * 1024,
    CLIENT_EVENTS_MAX = 8, /* one reply gives at most ANSWER, RECIPIENT, SENT and READY or FAILED */
    CLIENT_EXPECTED_MAX = SMTP_RECIPIENTS_MAX + 2,
    CLIENT_COMMAND_LINE_MAX = 512, /* RFC 5321 §4.5.3.1.4, with CRLF */
};

/* What EHLO's reply told. */
struct smtp_offer {
    unsigned extensions;
    uint64_t size_limit;
    size_t mechanisms_length;
    char mechanisms[512], peer_name[256];
};

/* One line of a reply to EHLO, `index` from 0. */
void smtp_offer_line(struct smtp_offer *offer, size_t index, sv text);

/* Adds a line of a reply to the answer's text, harmless for a terminal and a log; line 1 clears it first.
 * with_enhanced: RFC 2034's codes may stand in front. */
void smtp_answer_line(struct smtp_answer *answer, int code, size_t line, sv text, bool with_enhanced);

/* "535 5.7.8 no" on one line of at most cap bytes, for a cause. Returns text. */
const char *smtp_answer_quote(const struct smtp_answer *answer, char *text, size_t cap);

/* A reply that is owed to us. It may come once `due` bytes of the session were sent, not before. */
struct expected {
    enum smtp_stage stage;
    uint64_t due;
};

struct queued_event {
    enum smtp_client_event event;
    enum smtp_stage stage;
};

struct transaction {
    struct smtp_envelope envelope; /* its views are the caller's until SENT */
    struct smtp_data_writer writer;
    bool utf8, eight_bit;
    bool sender_accepted, decided;
    bool lone_dot;                      /* DATA was let through although nobody is to get the message */
    size_t answered, accepted;          /* recipients */
    uint8_t whose[SMTP_RECIPIENTS_MAX]; /* of the accepted ones, as the answers after the dot come (LMTP) */
    size_t settled;                     /* such answers so far */
    struct smtp_answer verdict;
    enum smtp_stage verdict_stage;
};

struct smtp_client {
    struct smtp_client_options options;
    char helo[256];
    enum smtp_stage stage, shown_stage;
    bool encrypted, without_tls, helo_tried, eof, failed, failure_answered, quit_wanted, uncertain;
    struct err failure;
    const char *refusal; /* of the last envelope */

    struct buf in, out;
    uint64_t queued_bytes, sent_bytes;
    struct smtp_reply reader;
    struct expected expected[CLIENT_EXPECTED_MAX];
    size_t expected_count, expected_at;

    struct queued_event events[CLIENT_EVENTS_MAX];
    size_t event_count, event_at;
    struct smtp_answer answer;
    const struct smtp_answer *shown_answer;
    size_t shown_recipient;

    struct smtp_offer offer;
    struct sasl *sasl;
    bool initial_owed, cancelled;
    struct transaction transaction;
};

void smtp_client_push(struct smtp_client *client, enum smtp_client_event event, enum smtp_stage stage);

/* Queues one line (CRLF is added) and notes the reply that is owed for it. */
void smtp_client_say(struct smtp_client *client, enum smtp_stage stage, sv line);
__attribute__((format(printf, 3, 4))) void smtp_client_command(struct smtp_client *client,
                                                               enum smtp_stage stage, const char *fmt, ...);
void smtp_client_expect(struct smtp_client *client, enum smtp_stage stage);

/* Ends the session; only the first reason stays. */
__attribute__((format(printf, 4, 5))) void smtp_client_fail(struct smtp_client *client, enum err_class class,
                                                            const char *advice, const char *fmt, ...);

void smtp_client_fail_with(struct smtp_client *client, const struct err *err);

/* The same, because of the reply just read: "what: 554 no". */
void smtp_client_fail_answered(struct smtp_client *client, const char *advice, const char *what);

/* A reply of a kind that its command does not have. */
void smtp_client_fail_unexpected(struct smtp_client *client, const char *command);

void smtp_client_enter_ready(struct smtp_client *client);

/* The reply to AUTH and to each of its responses; last_line is the challenge. */
void smtp_client_on_auth(struct smtp_client *client, sv last_line);
void smtp_client_drop_sasl(struct smtp_client *client);

/* The reply to MAIL, RCPT, DATA and the dot. */
void smtp_client_on_mail(struct smtp_client *client);
void smtp_client_on_rcpt(struct smtp_client *client);
void smtp_client_on_data(struct smtp_client *client);
void smtp_client_on_dot(struct smtp_client *client);

/* Makes the next piece of the content, if one is due and all before it was sent. */
void smtp_client_fill_content(struct smtp_client *client);

#endif
