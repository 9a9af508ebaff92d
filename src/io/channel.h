/* Typed messages (wire/control.h) over a connected unix socket, descriptors included. */
#ifndef VEDETTE_IO_CHANNEL_H
#define VEDETTE_IO_CHANNEL_H

#include "base/err.h"
#include "io/loop.h"
#include "wire/control.h"

#include <sys/types.h>

struct channel;

/* One message. body is borrowed until the call returns; fd is -1, or a descriptor that now is the callee's.
 * The callee may free the channel. */
typedef void channel_message_fn(void *arg, struct channel *channel, enum control_type type, sv body, int fd);

/* The peer is gone, or broke the protocol (err then says how; otherwise NULL). Free the channel. */
typedef void channel_closed_fn(void *arg, struct channel *channel, const struct err *err);

/* All that was queued has gone to the kernel. May send more; may not free the channel. */
typedef void channel_drained_fn(void *arg);

/* Takes over fd. */
struct channel *channel_new(struct loop *loop, int fd, channel_message_fn *on_message,
                            channel_closed_fn *on_closed, void *arg);

/* More than this left unread by the peer closes the channel with ERR_LIMIT. */
enum { CHANNEL_PENDING_MAX = 64 * 1024 * 1024 };

/* Queues a message; with fd ≥ 0 it travels along and our copy is closed. Bodies over CONTROL_BODY_BYTES_MAX
 * are our mistake. What the peer does not read stays in memory: look at channel_pending. */
void channel_send(struct channel *channel, enum control_type type, sv body, int fd);
size_t channel_pending(const struct channel *channel); /* bytes not yet taken by the kernel */

/* Who is told when the channel has run dry, for whom has much to send and keeps it elsewhere. NULL: nobody.
 */
void channel_on_drained(struct channel *channel, channel_drained_fn *fn, void *arg);

/* Blocks until all is sent or the peer is gone: for commands and for the last words of a process. */
int channel_flush(struct channel *channel, struct err *err);

/* Who is at the other end, as the kernel has it; (uid_t)-1 if it does not say. */
uid_t channel_peer_user(const struct channel *channel);

/* Stops and resumes reading: back-pressure. */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);

void channel_free(struct channel *channel); /* closes; NULL is fine */

/* Two ends, close-on-exec, non-blocking. */
int channel_pair(int ret_fds[2], struct err *err);

#endif
