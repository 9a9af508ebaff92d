/* Checks passwords against stored keys on a thread of its own, since that is meant to take long. */
#ifndef VEDETTE_SECRET_CHECKER_H
#define VEDETTE_SECRET_CHECKER_H

#include "base/sv.h"
#include "io/loop.h"

struct checker;

typedef void checker_fn(void *arg, bool fits);

/* At most so many wait. Ends the process if there can be no thread. */
struct checker *checker_new(struct loop *loop, size_t checks_max);

/* Waits for the check under way; fn is not called any more. NULL is fine. */
void checker_free(struct checker *checker);

/* Copies key and password, wiped afterwards. fn comes from the loop, later. False: too many wait. */
bool checker_ask(struct checker *checker, sv key, sv password, checker_fn *fn, void *arg);

#endif
