/* Maildir delivery: written to tmp piece by piece as it comes, fsync, rename into new, fsync of that folder.
 * After maildir_publish the message is on disk; before it, nobody sees it. */
#ifndef VEDETTE_GATEWAY_MAILDIR_H
#define VEDETTE_GATEWAY_MAILDIR_H

#include "base/err.h"
#include "base/sv.h"
#include "base/timefmt.h"

struct maildir;
struct maildir_delivery;

/* Makes the folder with tmp, new and cur if need be (mail is for its owner alone, or for the group too if the
 * folder is there and has the set-group-ID bit), and clears tmp of what a crash left there long ago. */
int maildir_open(const char *path, nanos now, struct maildir **ret, struct err *err);
void maildir_free(struct maildir *maildir); /* NULL is fine; deliveries under way may still end */

/* A new file in tmp under a name that no other delivery gets: time, id, and this machine's name. id is
 * letters and digits, and the caller sees to it that it does not come twice. A full disk or quota gives
 * ERR_TEMPORARY here and below. */
int maildir_begin(struct maildir *maildir, sv id, sv hostname, nanos now, struct maildir_delivery **ret,
                  struct err *err);

/* CRLF becomes the system's LF, as Maildir readers expect it. The first failure is kept: later pieces are
 * thrown away, and maildir_publish reports it. */
void maildir_put(struct maildir_delivery *delivery, sv bytes);

/* Both end the delivery, which is freed. −1 leaves nothing behind. */
int maildir_publish(struct maildir_delivery *delivery, struct err *err);
void maildir_abandon(struct maildir_delivery *delivery); /* NULL is fine */

#endif
