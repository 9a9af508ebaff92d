/* Asks PAM whether a password is an account's. It takes as long as PAM's modules do, so it is called on a
 * thread of its own; and always on the same one, since modules need not be made for several. */
#ifndef VEDETTE_SECRET_PAM_CHECK_H
#define VEDETTE_SECRET_PAM_CHECK_H

#include "base/sv.h"

struct pam_question {
    const char *service;   /* the name of its file */
    const char *directory; /* where that file is; NULL: where the system has them */
    const char *user, *client_ip;
    sv password;
};

enum pam_verdict {
    PAM_VERDICT_FITS,    /* it is the account's, and the account may be used now */
    PAM_VERDICT_REFUSED, /* it is not, or may not */
    PAM_VERDICT_UNKNOWN, /* nobody can tell: PAM or what it asks is broken or away */
};

/* Into why, for the log: PAM's words unless it fits. */
enum pam_verdict pam_check(const struct pam_question *question, char *why, size_t cap);

#endif
