/* The queue runner: takes due messages from the store, most severe first, finds each a path, and writes down
 * what came of it. */
#ifndef VEDETTE_COURIER_QUEUE_H
#define VEDETTE_COURIER_QUEUE_H

#include "courier/jobs.h"
#include "courier/settings.h"
#include "courier/steps.h"
#include "io/tls.h"
#include "secret/keeper.h"

struct queue;
struct session_end;

struct queue_setup {
    struct loop *loop;
    struct jobs *jobs;
    struct keeper_client *keeper;
    struct steps *steps;
    /* A mail with that Message-ID has been handed over, and that is on disk. */
    void (*handed_over)(void *arg, sv message_id);
    /* A session with that gateway got ready (end NULL), or it counts as down because of that one. Must not
     * call back. NULL: nobody watches. */
    void (*seen)(void *arg, const char *gateway, const struct session_end *end);
    loop_fn *noticed; /* notices may have been committed; may be NULL */
    void *arg;
};

struct queue *queue_new(const struct queue_setup *setup);

/* Uses these settings from now on; contexts has one for each gateway (NULL with security: none), which are
 * kept. Paths to gateways that stay as they were go on; the others end what they have under way. */
void queue_settle(struct queue *queue, struct settings *settings, struct tls_context *const *contexts);

void queue_start(struct queue *queue);

/* There is new mail on disk. */
void queue_kick(struct queue *queue);

/* A job was submitted that may bring new mail; queue_kick follows once it is on disk. */
void queue_foresee(struct queue *queue);

/* Opens a session with that gateway if there is none, so that what is wrong with it is known before the next
 * message. */
void queue_look(struct queue *queue, const char *gateway);

/* Takes nothing new. idle is called once no session is left and every outcome is on its way to the disk. */
void queue_drain(struct queue *queue, loop_fn *idle, void *arg);

/* Why nothing can leave now: the trouble of the first path. NULL while a path is up. */
const char *queue_trouble(const struct queue *queue, const char **ret_gateway);

/* The same as it is said of a message; empty while a path is up. Borrowed until the loop's next turn. */
struct store_why queue_why(const struct queue *queue);

/* Whether that gateway is up; *ret_trouble is why it is not, else NULL. */
bool queue_is_up(const struct queue *queue, sv gateway, const char **ret_trouble);

void queue_free(struct queue *queue);

#endif
