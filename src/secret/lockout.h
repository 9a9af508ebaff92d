/* Who has to wait after wrong passwords. What is counted is a network together with an account, so that
 * whoever guesses somebody's password locks out nobody but guessers of that name from his own network. Names
 * that are no account share one count per network. Pure: time arrives as an argument. */
#ifndef VEDETTE_SECRET_LOCKOUT_H
#define VEDETTE_SECRET_LOCKOUT_H

#include "base/sv.h"
#include "base/timefmt.h"

struct lockout;

enum {
    LOCKOUT_ENTRIES_MAX = 4096, /* the one that was quiet longest makes room */
    LOCKOUT_FREE = 5, /* wrong passwords before there is a delay: 1 s, then twice as long each time … */
};

#define LOCKOUT_DELAY_MAX \
    (15 * 60 * NANOS_PER_SECOND) /* … up to this; and after so long without one it is forgotten */

struct lockout *lockout_new(void);
void lockout_free(struct lockout *lockout); /* NULL is fine */

/* How long from now until this account may be tried from this client's network (IPv4 /24, IPv6 /48); 0: now.
 */
nanos lockout_wait(struct lockout *lockout, sv client_ip, sv account, nanos now);

/* A wrong password; a right one, which forgets. account is empty for a name that is none. */
void lockout_failed(struct lockout *lockout, sv client_ip, sv account, nanos now);
void lockout_passed(struct lockout *lockout, sv client_ip, sv account);

#endif
