/* Private to path*.c: a path, its slots, and what the files need of each other. */
#ifndef VEDETTE_COURIER_PATH_PRIVATE_H
#define VEDETTE_COURIER_PATH_PRIVATE_H

#include "courier/hops.h"
#include "courier/path.h"
#include "courier/session.h"

/* A session and what it works on. */
struct slot {
    struct slot *next;
    struct path *path;
    struct session *session;
    struct delivery *delivery; /* NULL: idle, or a probe */
    struct attempt *attempt;
    bool was_ready, sending, probe;
    bool given_up;         /* it is silent, and others are answered */
    bool scout;            /* asks for a silent gateway; given no delivery before it is ready */
    struct hops opening;   /* how the session came about, for whoever follows a delivery over it */
    size_t opening_untold; /* so many of its first hops the next delivery has not seen */
    nanos moved_at;        /* when it last took a step */
    size_t *map;           /* the envelope's recipients as indexes of messages */
    struct smtp_recipient *recipients;
    char sender[VERP_ADDRESS_MAX]; /* of the envelope, with its token */
    char envelope_id[24];
};

struct path {
    struct path_setup setup;
    const struct config_gateway *gateway; /* in the settings that it began with, as sessions read it */
    struct settings *current;
    struct slot *slots;
    bool down, draining, proven;
    int failures; /* tries in a row that did not get to a session */
    int breaks;   /* transactions in a row that broke */
    size_t crowd_limit;
    nanos crowded_until, probe_at;
    nanos answered_at; /* monotonic: when a session last got ready or a message its answer */
    struct loop_timer *probe_timer, *idle_timer, *silence_timer;
    char trouble[SESSION_SAID_MAX + 16];
    enum cause trouble_cause;
};

/* path.c */
bool path_another_up(const struct path *path);
bool slot_is_connecting(const struct slot *slot);
void slot_finish(struct slot *slot);    /* its delivery has its results */
void slot_give_back(struct slot *slot); /* its delivery was not tried */
void slot_unlink(struct slot *slot);
void slot_free(struct slot *slot);
void path_go_down(struct path *path, const struct session_end *end);
void path_go_up(struct path *path);
void path_set_idle_timer(struct path *path);
struct slot *path_open_slot(struct path *path, nanos connect_most);

/* path_session.c: what sessions say, and what is said to them. */
extern const struct session_handler path_session_handler; /* its arg is the slot */
void slot_start(struct slot *slot); /* sends what the slot was given; without luck it is idle again */

/* path_silence.c: sessions that the gateway no longer answers while it is the only way. */
void path_look_for_silence(struct path *path);                          /* as long as anything waits */
bool slot_is_forgotten(const struct slot *slot, enum smtp_stage stage); /* to be given up at this stage */

#endif
