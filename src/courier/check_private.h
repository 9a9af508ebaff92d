/* What the files of the path check share: the check itself, and how hops are told. Private to
 * courier/check*.c.
 *
 *   check.c              the hops: notes, order, verdict, beginning and end
 *   check_name.c         name, and what DNS knows beside it
 *   check_reach.c        route, echo, the ports
 *   check_dialogue.c     the one dialogue that matters, from connect to rcpt
 *   check_failure.c      how it ended, when it did not end well
 *   check_certificate.c  what a TLS handshake found
 *   check_guess.c        port and security, when they are not given
 *   check_probe.c        further looks: TLS where none was expected, TLS of long ago, strangers
 *   check_mail.c         what sender and recipients are answered
 *   check_landing.c      the test message, and where it lands
 *   check_talk.c         one SMTP dialogue: bytes, TLS, time and transcript */
#ifndef VEDETTE_COURIER_CHECK_PRIVATE_H
#define VEDETTE_COURIER_CHECK_PRIVATE_H

#include "courier/advice.h"
#include "courier/check_talk.h"
#include "courier/postbox.h"
#include "courier/token.h"
#include "io/dns.h"
#include "io/ping.h"
#include "io/route.h"

#include "base/arena.h"

enum {
    CHECK_TEXTS_BYTES_MAX = 1024 * 1024,
    CHECK_NOTE_MAX = 900,
    CHECK_PORTS = 3,
    CHECK_CANDIDATES_MAX = 8,
    CHECK_ASK_BYTES = 16 * 1024, /* what an alert may need: told as SIZE */
};

/* One resolver, asked for itself. */
struct check_resolver {
    struct check *check;
    char server[DNS_SERVER_TEXT_MAX];
    struct dns *dns;
    struct dns_query *queries[2]; /* A, AAAA */
    bool answered[2], failed;
    struct address found[2 * DNS_RECORDS_MAX];
    size_t found_count;
    uint32_t ttl;
    enum dns_security security;
    enum dns_status status[2];
    enum dns_failure failure;
    char why[DNS_WHY_MAX];
    char aliases[400]; /* the names that it leads over, in words */
};

struct check_naming {
    struct check_resolver resolvers[DNS_SERVERS_MAX];
    size_t count;
    struct dns *dns; /* for what is only nice to know */
    struct dns_query *reverse, *helo[2];
    bool helo_found, helo_failed, host_told;
    bool luxury_over;         /* nothing is asked any more that is only nice to know */
    struct loop_timer *grace; /* runs once the first resolver has answered */
};

struct check_reaching {
    struct ping *ping;
    bool pinged, big; /* big: with an echo that fills the path */
    struct ping_report ping_report;
    bool routed;
    struct ip_route route;
    struct loop_timer *grace; /* for the ports that would be liked better */
    struct check_reach_one {
        struct check *check;
        int port;
        struct reach *reach;
        bool done;
        struct reach_report report;
    } ports[CHECK_PORTS + 1]; /* the given port first, if it is none of the three */
    size_t count;
    bool comparing, failed; /* failed: the dialogue could not connect */
};

struct check_landing {
    struct postbox *postbox;
    struct loop_timer *limit;
    bool waiting;
    nanos sent_at;
    char message_id[320];
};

struct check_candidate {
    int port;
    enum smtp_security security;
};

struct check_dialogue {
    struct talk *talk;
    struct talk *probe;   /* TLS where none was expected */
    struct talk *antique; /* TLS of long ago */
    struct talk *relay;   /* a stranger */
    struct tls_context *looking;
    struct loop_timer *patience; /* when connecting or the greeting takes long */
    struct tls_context *antique_context;
    bool connected, greeted, secured, trusted;
    bool relay_asked, relay_over, relayed, speaks_tls;
    bool finishing;  /* the talk is over, the relay test may not be */
    bool auth_begun; /* AUTH was said */
    bool masked;     /* STARTTLS was overwritten on the way */
    bool asked, mail_failed, sent;
    const char *hello_refused; /* what EHLO was answered, when HELO came next */
    const char *closed_words;  /* it hung up without a word, and is asked for TLS */
    const char *rcpt_skipped;  /* why nobody is asked about */
    const char *tls_words, *over_reason;
    char probe_version[16];
    unsigned extensions; /* of the EHLO before TLS */
    char mechanism[32];
    char clear_mechanisms[256];
    size_t accepted, refused;
    enum tls_failure tls_failure;
    struct smtp_recipient recipients[CHECK_RECIPIENTS_MAX];
    struct smtp_recipient stranger;
    struct buf message; /* with send */
};

struct check {
    struct loop *loop;
    struct check_request request;
    const struct check_handler *handler;
    void *arg;
    struct arena *arena;
    struct check_report report;
    struct address address;
    nanos connect_timeout, stage_timeout;
    const char *tls_name, *helo;

    enum check_hop_id order[CHECK_HOP_COUNT];
    size_t told;
    bool begun[CHECK_HOP_COUNT], ended[CHECK_HOP_COUNT];
    nanos since[CHECK_HOP_COUNT];
    const char *recipient; /* of the note that is being told */

    struct loop_timer *turn;   /* begins, and ends */
    struct loop_timer *luxury; /* what is nice to know may be waited for until then */
    struct loop_timer *step;   /* the next attempt, outside of the last one's callbacks */
    bool started, all_told, luxury_over, dialogue_over;
    bool unpinned; /* the address comes of the name */

    struct check_naming naming;
    struct check_reaching reaching;
    struct check_dialogue dialogue;
    struct check_landing landing;
    struct check_candidate candidates[CHECK_CANDIDATES_MAX];
    size_t candidate_count, candidate;
    bool guessing;
};

/* --- check.c --- */

/* The clock of a hop; a hop that has ended stays as it was told. */
void check_begin(struct check *check, enum check_hop_id hop);
void check_end(struct check *check, enum check_hop_id hop);

__attribute__((format(printf, 3, 4))) void check_fact(struct check *check, enum check_hop_id hop,
                                                      const char *fmt, ...);
/* A finding. told: the cause and advice that a server's own words call for; NULL: those of the row. hop:
 * where it is told, when it is not the row's own. */
__attribute__((format(printf, 3, 4))) void check_find(struct check *check, enum advice advice,
                                                      const char *fmt, ...);
__attribute__((format(printf, 5, 6))) void check_find_at(struct check *check, enum check_hop_id hop,
                                                         enum advice advice, const struct cause_told *told,
                                                         const char *fmt, ...);

/* Ends every hop of the dialogue that has not ended: as it is if it has notes, else as skipped, for that
 * reason. */
void check_dialogue_is_over(struct check *check, const char *reason);
void check_skip(struct check *check, enum check_hop_id hop, const char *reason);
void check_set_security(struct check *check, enum smtp_security security);
const char *check_text(struct check *check, sv text);
bool check_failed(const struct check *check, enum check_hop_id hop);

/* --- The parts --- */
void check_name_begin(struct check *check);
void check_name_luxury_over(struct check *check);
void check_name_stop(struct check *check);
/* Where it goes, when only a name was given. */
void check_take_address(struct check *check, const struct address *address);

void check_reach_begin(struct check *check);
void check_reach_compare(struct check *check, nanos timeout); /* tries the ports, unless that is under way */
void check_reach_luxury_over(struct check *check);
void check_reach_stop(struct check *check);
int check_reach_other(const struct check *check); /* an open port besides the given one, or 0 */
bool check_reach_big_lost(const struct check *check);
void check_reach_dial_failed(struct check *check); /* ends connect, once it is known how it fails */
void check_reach_connected(struct check *check);

void check_dialogue_stop(struct check *check);
void check_dialogue_dial(struct check *check);
void check_dialogue_ended(void *arg, const struct talk_end *end);
bool check_takes_tls_now(const struct check *check); /* STARTTLS is what comes next */

enum check_hop_id check_hop_of(enum smtp_stage stage);
/* The gateway's words, secrets masked. Returns text. */
const char *check_words(const struct check *check, const struct smtp_answer *answer, char *text, size_t cap);
void check_refused(struct check *check, enum check_hop_id hop, enum smtp_stage stage,
                   const struct smtp_answer *answer, const char *who);
/* All of the dialogue is told but what strangers are answered. */
void check_dialogue_finish(struct check *check, const char *reason);

/* Another attempt is made in place of this one: what was not told yet is forgotten. */
void check_dialogue_again(struct check *check);
void check_end_of_security(struct check *check);
void check_talk_setup(struct check *check, struct talk_setup *setup);

/* Plans what to try. */
void check_guess_begin(struct check *check);
void check_guess_ports(struct check *check); /* the ports are known */
/* After a dialogue failed at that hop: true when another candidate is to be tried instead. */
bool check_guess_next(struct check *check, enum check_hop_id hop);

/* True when mail may go there. Tells the session and the certificate. */
bool check_certificate_tell(struct check *check, const struct tls_report *tls);

/* The handshake failed: looks whether the server is of long ago, then ends the dialogue. */
void check_antique_begin(struct check *check, const char *words);
void check_probe_begin(struct check *check); /* does it speak TLS? Then the greeting is not waited for */

void check_mail_ready(struct check *check);
void check_mail_recipient(struct check *check, size_t index, const struct smtp_answer *answer);
void check_mail_sent(struct check *check, const struct smtp_answer *answer, enum smtp_stage stage);
void check_relay_begin(struct check *check);
void check_relay_tell(struct check *check);

void check_send_begin(struct check *check);
void check_landing_stop(struct check *check);
void check_send_told(struct check *check, const struct smtp_answer *answer, enum smtp_stage stage);

#endif
