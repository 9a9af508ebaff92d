/* Checks passwords on a thread of its own: against stored keys, which is meant to take long, or by PAM, which
 * takes as long as it likes. */
#ifndef VEDETTE_SECRET_CHECKER_H
#define VEDETTE_SECRET_CHECKER_H

#include "base/sv.h"
#include "io/loop.h"
#include "secret/pam_check.h"

struct checker;

enum { CHECKER_WHY_MAX = 160 };

/* why: PAM's words, unless the password fits. */
typedef void checker_fn(void *arg, enum pam_verdict verdict, const char *why);

/* At most so many wait. Ends the process if there can be no thread. */
struct checker *checker_new(struct loop *loop, size_t checks_max);

/* fn is not called any more. Waits for the check under way, but not for long: what PAM does not come back
 * from ends with the process. NULL is fine. */
void checker_free(struct checker *checker);

/* Copies key and password, wiped afterwards. fn comes from the loop, later, with FITS or REFUSED. False: too
 * many wait. */
bool checker_ask(struct checker *checker, sv key, sv password, checker_fn *fn, void *arg);

/* The same by PAM; copies the question. */
bool checker_ask_pam(struct checker *checker, const struct pam_question *question, checker_fn *fn, void *arg);

/* True if the check that fn would be called for with arg had not begun: then it never will. */
bool checker_drop(struct checker *checker, const void *arg);

#endif
