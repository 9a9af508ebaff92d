/* Follows one alert through the courier's steps, to the end of all its messages. */
#ifndef VEDETTE_CMD_FOLLOWER_H
#define VEDETTE_CMD_FOLLOWER_H

#include "courier/courier.h"

struct follower;

/* Each step of the alert, in order; then, once, with step NULL: all its messages have ended. err NULL: every
 * one is handed over, or landed where the gateway's landing is watched. */
typedef void follower_fn(void *arg, const struct courier_step *step, const struct err *err);

enum { FOLLOWER_ANY_NEXT = 0, FOLLOWER_LATER = -1 };

/* alert_id: FOLLOWER_ANY_NEXT for the next alert that something happens to; FOLLOWER_LATER: steps are kept
 * until follower_pick says which; or an alert's id: then the first steps say where each of its messages
 * stands, and if all have ended that is the end (ERR_NO_INPUT: there is no such alert). */
struct follower *follower_new(struct courier *courier, int64_t alert_id, follower_fn *fn, void *arg);
void follower_pick(struct follower *follower, int64_t alert_id, int64_t mail_id);
/* Not from within fn. NULL is fine. */
void follower_free(struct follower *follower);

#endif
