/* Finds the name that a gateway gave a message in its answer to the final dot. Pure. */
#ifndef VEDETTE_COURIER_QUEUE_ID_H
#define VEDETTE_COURIER_QUEUE_ID_H

#include "base/sv.h"

/* Borrows from text; empty when no id is told. Knows the forms of Postfix ("queued as X"), Exim ("OK id=X"),
 * OpenSMTPD ("X Message accepted for delivery"), sendmail ("X Message accepted"), Exchange ("<id>
 * [InternalId=…] Queued mail"), and any "queue(d) … id X". */
sv queue_id_find(sv text);

#endif
