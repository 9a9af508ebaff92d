/* Now and then owes a mail for findings that the throttle held back (alert_tell_untold), so that the last of
 * a burst are told even if nothing like them comes again. */
#ifndef VEDETTE_COURIER_UNTOLD_H
#define VEDETTE_COURIER_UNTOLD_H

#include "courier/reception.h"

struct untold;

/* Looks for the first time one interval from now: a quarter of alerts.throttle, between one and thirty
 * seconds. */
struct untold *untold_new(struct loop *loop, const struct reception_setup *setup, struct settings *settings);
void untold_settle(struct untold *untold, struct settings *settings);

/* Jobs under way must have ended. NULL is fine. */
void untold_free(struct untold *untold);

#endif
