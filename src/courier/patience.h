/* How long to wait for a gateway. Pure. */
#ifndef VEDETTE_COURIER_PATIENCE_H
#define VEDETTE_COURIER_PATIENCE_H

#include "base/timefmt.h"
#include "wire/smtp_client.h"

/* For a connection: 5 s while messages have another way, else 5 min. */
nanos patience_to_connect(bool another_up);

/* For the answer at that stage: configured if that is not 0; else 10 s while messages have another way, less
 * what it takes to have them there by then; else what RFC 5321 §4.5.3.2 asks for. */
nanos patience_for(enum smtp_stage stage, nanos configured, bool another_up);

#endif
