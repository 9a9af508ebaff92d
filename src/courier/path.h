/* One configured gateway: whether it is up, and the sessions with it that wait or work. */
#ifndef VEDETTE_COURIER_PATH_H
#define VEDETTE_COURIER_PATH_H

#include "courier/delivery.h"
#include "courier/steps.h"
#include "io/tls.h"
#include "secret/keeper.h"

struct path;
struct session_end;

/* None of these may call back into a path: they take note, and act later. */
struct path_owner {
    /* Whether messages would have another way while this one is tried: then patience is short. */
    bool (*another_up)(void *arg, const struct path *path);
    /* The attempt is over: its results are settled in the delivery, which is the owner's again. */
    void (*finished)(void *arg, struct path *path, struct delivery *delivery, struct attempt *attempt);
    /* The message was not touched and the attempt is undone: give it to any path. */
    void (*returned)(void *arg, struct path *path, struct delivery *delivery);
    /* It went up or down, or has more room than before. */
    void (*changed)(void *arg, struct path *path);
    /* A session got ready (end NULL), or the path counts as down because of that one. */
    void (*seen)(void *arg, const struct path *path, const struct session_end *end);
};

struct path_setup {
    struct loop *loop;
    struct keeper_client *keeper;
    struct steps *steps;
    struct settings *settings; /* kept */
    size_t gateway;            /* index into its gateways */
    struct tls_context *tls;   /* kept; NULL with security: none */
    uint32_t serial;           /* never 0, never given twice */
    const struct path_owner *owner;
    void *arg;
};

struct path *path_new(const struct path_setup *setup);

/* Frees what is under way without a word to the gateway; deliveries under way are freed too. NULL is fine. */
void path_free(struct path *path);

uint32_t path_serial(const struct path *path);
const char *path_name(const struct path *path);
const struct config_gateway *path_gateway(const struct path *path);

/* Up until it fails: nobody knows better before the first try. */
bool path_is_up(const struct path *path);

/* Why it is down: for people. Empty while it is up. */
const char *path_trouble(const struct path *path);
enum cause path_trouble_cause(const struct path *path);

/* How many deliveries path_give would take now, whether it is up or not. */
size_t path_room(const struct path *path);

/* All its sessions are at work and none has moved for a while. */
bool path_is_stalled(const struct path *path);

/* Takes over the delivery for one attempt with its wanted messages. There must be room. */
void path_give(struct path *path, struct delivery *delivery);

/* Opens one session, so that the first message finds it ready, or the trouble is known before. */
void path_warm(struct path *path);

/* The others have changed: looks again how patient to be, and when to try again. */
void path_reconsider(struct path *path);

/* Takes nothing new: transactions under way end, all else returns, sessions say QUIT. */
void path_drain(struct path *path);
bool path_is_empty(const struct path *path); /* no session is left */

/* Follows a reload that did not change this gateway. */
void path_resettle(struct path *path, struct settings *settings);

#endif
