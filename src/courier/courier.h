/* The courier: takes findings, keeps the queue, hands messages to gateways, and knows where each one is. */
#ifndef VEDETTE_COURIER_COURIER_H
#define VEDETTE_COURIER_COURIER_H

#include "config/config.h"
#include "io/channel.h"
#include "secret/keeper.h"
#include "store/thread.h"

struct courier;

/* Takes over the store. config must outlive the courier or its replacement by courier_reload. */
int courier_new(struct loop *loop, const struct config *config, struct store *store,
                struct keeper_client *keeper, struct courier **ret, struct err *err);

/* Reads CA files and the like now, so that a bad one refuses the reload; 0: ready for courier_reload. */
int courier_prepare(struct courier *courier, const struct config *config, struct err *err);
void courier_reload(struct courier *courier, const struct config *config);

/* A watch's channel: sends it CURSORS; its messages go to courier_watch_message. Several watches are told
 * apart by their number, which the successor of one that ended has from it. While the channel of an earlier
 * watch of that number is there CURSORS wait, for it may hold batches that nobody has read yet: so
 * courier_watch_gone is for a channel that was read to its end. */
void courier_watch(struct courier *courier, struct channel *channel, unsigned number);
void courier_watch_message(struct courier *courier, struct channel *channel, enum control_type type, sv body);
void courier_watch_gone(struct courier *courier, struct channel *channel);

/* The correlator's channel, or NULL when it is gone: what projections of the watches give is asked of it. */
void courier_correlator(struct courier *courier, struct channel *channel);
void courier_correlator_message(struct courier *courier, enum control_type type, sv body);

/* Starts delivering. */
void courier_start(struct courier *courier);

/* One mail that came back to bounces.address: see courier/bounces.h. */
void courier_take_report(struct courier *courier, sv mail);

/* Lets sessions end their transaction and says QUIT; done is called when nothing is under way. The queue
 * stays. */
void courier_drain(struct courier *courier, loop_fn *done, void *arg);

/* --- For the control socket (cmd/): every answer comes on the loop's thread. --- */

/* What happened to one alert or mail, step by step, for `vedette test` and `vedette follow`. */
struct courier_step {
    nanos at;
    int64_t alert_id, mail_id, message_id; /* 0 where it has no part in it */
    const char *step;    /* received matched committed suppressed queued connect banner … dot deferred
                            handed-over    refused expired landed
                            bounced delayed delivered relayed expanded; a hop's name for steps of the dialogue */
    const char *gateway; /* or NULL */
    const char *cause;   /* why it failed: cause_name's word, or NULL */
    nanos took;          /* 0 where it has no length */
    char text[512];      /* for people: the server's words, the rule's title … */
};
typedef void courier_step_fn(void *arg, const struct courier_step *step);

/* Every step of everything from now on, until courier_unsubscribe with the same arg. */
void courier_subscribe(struct courier *courier, courier_step_fn *fn, void *arg);
void courier_unsubscribe(struct courier *courier, void *arg);

/* Queues a raw mail or a finding as an alert of its own. done gets the ids once it is on disk. */
struct courier_submission {
    sv sender;            /* envelope; empty: configured */
    const sv *recipients; /* count 0: configured */
    size_t recipient_count;
    bool to_configured;            /* to the configured ones, too */
    sv content;                    /* raw mail with CRLF lines, Message-ID and Date present; or empty … */
    const struct finding *finding; /* … with a finding */
    sv only_gateway;
    bool test;
    sv token; /* with test: what its reader may confirm it by; empty: nothing */
};
typedef void courier_submitted_fn(void *arg, int64_t alert_id, int64_t mail_id, const struct err *err);
void courier_submit(struct courier *courier, const struct courier_submission *submission,
                    courier_submitted_fn *done, void *arg);

/* The word of somebody who has read the test message with this token: it has landed. done: how many messages
 * that was, or what is wrong with the token. */
typedef void courier_confirmed_fn(void *arg, size_t messages, const struct err *err);
void courier_confirm(struct courier *courier, sv token, courier_confirmed_fn *done, void *arg);

/* Runs a reading job on the store's thread, for lists. */
void courier_read(struct courier *courier, store_job_fn *job, store_done_fn *done, void *arg);

/* The configured gateways by their order: NULL past the last. And whether one is up; *ret_trouble is why it
 * is not, else NULL. */
const char *courier_gateway(const struct courier *courier, size_t index);
bool courier_is_up(const struct courier *courier, sv gateway, const char **ret_trouble);

/* Why nothing can leave now, as it is said of a message; empty while a gateway is up. Borrowed until the
 * loop's next turn. */
struct store_why courier_why(const struct courier *courier);

/* Names of the configured gateways, for checking --gateway. */
bool courier_has_gateway(const struct courier *courier, sv name);

/* "PROVIDER/NAME" of this gateway's password; NULL: no such gateway, or it has none. */
const char *courier_password_of(const struct courier *courier, sv gateway);

/* Somebody has looked at that gateway's settings, and at what the watches found of it: see courier/vigil.h.
 * It must be configured. done gets NULL once it is on disk. */
typedef void courier_reviewed_fn(void *arg, const struct err *err);
void courier_reviewed(struct courier *courier, sv gateway, courier_reviewed_fn *done, void *arg);

/* Whether what this gateway takes is waited for in a Maildir. */
bool courier_awaits_landing(const struct courier *courier, sv gateway);

/* Other ways out. run asks the parent process for what only it can do: run the command of a way, or write to
 * the console; false: it cannot be asked. courier_ran brings its answer. */
typedef bool courier_run_fn(void *arg, uint64_t serial, const char *way, sv body);
void courier_set_runner(struct courier *courier, courier_run_fn *run, void *arg);
void courier_ran(struct courier *courier, uint64_t serial, bool done, sv said);

/* Sends a test notice over one way, or over all with name empty: fn once for each, then done. −1: there is no
 * such way, or another test runs. */
typedef void courier_way_tested_fn(void *arg, const char *way, bool done, const char *said);
int courier_test_ways(struct courier *courier, sv name, courier_way_tested_fn *fn, loop_fn *done, void *arg,
                      struct err *err);
void courier_test_ways_forget(struct courier *courier, void *arg);

void courier_free(struct courier *courier);

#endif
