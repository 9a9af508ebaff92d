/* What a sender is told of a message that did not arrive, is late, or arrived and was to be reported:
 * delivery status notifications (RFC 3461, 3464), which go through the queue like any other message. Never
 * about one of themselves: what has no sender goes to the postmaster, or nowhere. */
#ifndef VEDETTE_GATEWAY_NOTIFICATION_H
#define VEDETTE_GATEWAY_NOTIFICATION_H

#include "gateway/relay_private.h"

/* After a run, before it is cleared: reports what failed, and successes that were to be reported. Recipients
 * that failed are finished once that is on disk. */
void notify_run(struct letter *letter, const struct run *run);

/* The same for recipients that no route takes. */
void notify_failure(struct letter *letter, const struct envelope *envelope, sv content,
                    const struct recipient_set *failed, const char *status, sv why);

/* The relay ends: reports that did not reach the disk are made again after the next start. */
void notices_forget(struct relay *relay);

/* If the letter is late and its sender does not know. Asked after each try and from time to time. */
void notify_delay(struct letter *letter);

#endif
