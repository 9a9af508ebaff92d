/* A courier between two gateways that misbehave on purpose, in a folder of its own. Not part of the program.
 */
#ifndef VEDETTE_COURIER_TESTING_WORLD_H
#define VEDETTE_COURIER_TESTING_WORLD_H

#include "courier/courier.h"
#include "courier/testing_peer.h"

enum { STEPS_MAX = 20000 };

struct world {
    struct loop *loop;
    struct loop_timer *limit;
    char directory[64];
    struct config *config;
    struct courier *courier;
    struct keeper_client *keeper;
    struct peer first, second;
    bool patient; /* leaves stage_timeout at its default */

    struct courier_step steps[STEPS_MAX];
    size_t step_count;
    const char *until_step; /* stops the loop … */
    int until_count;        /* … after so many more */

    int64_t alert_id, mail_id;
    bool submitted, drained;
};

/* Peers that listen, and no courier yet. Each fails the test when something does not work. */
struct world *world_open(void);
void world_close(struct world *w);

/* A configuration with one gateway or both; more: further sections, NULL for a short retry. */
struct config *world_configure(const struct world *w, int gateways, const char *more);
struct config *world_parse(const char *text);

/* Starts a courier on the world's store; world_with does both. */
void world_start(struct world *w, int gateways, const char *more);
void world_stop(struct world *w);
struct world *world_with(int gateways);

/* A listener for courier_subscribe that fills the world's steps. */
void world_step(void *arg, const struct courier_step *step);

/* How often the step was told so far. */
int world_count(const struct world *w, const char *name);

/* The mail that the last such step was about. */
int64_t world_last_mail(const struct world *w, const char *name);

/* Turns the loop until the step was told so many times altogether. Fails after 60 s. */
void world_wait(struct world *w, const char *step, int count);
/* The same, until one was told with these words in its text. */
void world_wait_for_words(struct world *w, const char *words);
void world_turn(struct world *w, nanos length);

/* Queues a raw mail <id@example.org> to the configured recipients and waits until it is on disk. */
void world_submit(struct world *w, const char *id, const char *only_gateway);

struct listed {
    int count;
    struct store_message message;
    char reply[512], gateway[64], cause[64];
    int64_t id;
    bool done;
    struct loop *loop;
};

/* The message as the store has it now. */
struct listed world_message(struct world *w, int64_t id);

#endif
