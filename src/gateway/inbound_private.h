/* What the files of an inbound session share: bytes and time (inbound.c), the transaction (inbound_mail.c),
 * its content (inbound_content.c), AUTH (inbound_auth.c). */
#ifndef VEDETTE_GATEWAY_INBOUND_PRIVATE_H
#define VEDETTE_GATEWAY_INBOUND_PRIVATE_H

#include "gateway/head.h"
#include "gateway/inbound.h"
#include "wire/smtp_server.h"

enum {
    INBOUND_BATCHES_MAX = 8,                 /* verdicts that differ within one message */
    INBOUND_ENVELOPE_BYTES_MAX = 256 * 1024, /* what one transaction may keep of it */
};

/* One accepted recipient, and what is to become of the message to it. */
struct inbound_recipient {
    sv address; /* as it came */
    sv target;  /* whom it is delivered to instead; empty: as it came */
    sv orcpt;   /* decoded */
    unsigned notify;
    enum guard_action action;   /* LATER until it is final */
    enum guard_action foreseen; /* what action will be, from the header on */
    struct guard_options options;
    const char *rule;
    size_t batch;
};

/* Recipients who get the same bytes on the same way. */
struct inbound_batch {
    struct inbound *session;
    struct intake_message *message; /* NULL once its outcome is known */
    size_t first;                   /* the recipient that stands for all */
    char id[INTAKE_ID_MAX];         /* the client is told the first batch's */
    bool committed;
};

struct inbound_mail {
    struct arena *arena;
    struct guard *guard; /* held: a reload changes nothing for this message */
    sv sender, envid;
    struct smtp_server_mail said;         /* without its views */
    struct inbound_recipient *recipients; /* SMTP_RECIPIENTS_MAX of them */
    size_t count;
    struct head head;
    bool head_done;
    struct inbound_batch batches[INBOUND_BATCHES_MAX];
    size_t batch_count, waiting;
    int code; /* of a refusal that waits for the content's end; 0: none */
    char enhanced[8];
    char text[GUARD_TEXT_MAX];
};

struct inbound {
    struct inbound_links links;
    struct inbound_house *house;
    inbound_ended_fn *fn;
    void *arg;
    struct stream *stream; /* NULL once the session is over */
    struct smtp_server *server;
    struct address peer;
    char client_ip[ADDRESS_TEXT_MAX];
    char listener[ADDRESS_TEXT_MAX + 8];
    uint64_t progress; /* of commands and content, as the deadline sees it */
    bool implicit_tls, shaking_hands;
    bool waiting; /* for the disk or for the keeper, so it is not the client who is slow */

    char *account;  /* NULL: not authenticated */
    uint64_t login; /* the exchange under way, 0: none */
    unsigned login_failures;

    struct inbound_mail *mail; /* NULL outside a transaction */
};

/* Says it, and logs it at the stage. */
void inbound_refuse(struct inbound *session, const char *stage, int code, const char *enhanced,
                    const char *text);

/* Feeds, answers and sends until somebody else has to do something. False when the session is over, and gone.
 */
bool inbound_pump(struct inbound *session);

/* All that is known of the client, in a question at a stage. */
void inbound_ask(const struct inbound *session, enum guard_stage stage, struct guard_question *ret);

/* Asks the guard, and notes what it decided for those who watch. */
void inbound_decide(const struct inbound *session, const struct guard *guard,
                    const struct guard_question *question, struct guard_verdict *ret);

/* What stands for us in the trace and in the header. */
sv inbound_name(const struct inbound *session);

/* inbound_mail.c: the answers to events. */
void inbound_answer_mail(struct inbound *session);
void inbound_answer_rcpt(struct inbound *session);
void inbound_forget_mail(struct inbound *session);

/* inbound_content.c */
void inbound_answer_data(struct inbound *session);
void inbound_answer_content(struct inbound *session);
void inbound_answer_end(struct inbound *session);
void inbound_forget_content(struct inbound_mail *mail);

/* inbound_auth.c */
void inbound_offer_auth(struct inbound *session);
void inbound_answer_auth(struct inbound *session);
void inbound_forget_auth(struct inbound *session);

#endif
