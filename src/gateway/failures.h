/* Tells a syslog receiver on this machine (a watch of ours, or another) of logins that were refused, one RFC
 * 5424 line to a datagram. Never waits: what the receiver cannot take is counted, and the log has it too. */
#ifndef VEDETTE_GATEWAY_FAILURES_H
#define VEDETTE_GATEWAY_FAILURES_H

#include "base/sv.h"
#include "base/timefmt.h"

struct failures;

enum { FAILURES_LINE_MAX = 1500 };

/* path: a unix datagram socket, opened anew whenever it has gone. Copies both. */
struct failures *failures_new(const char *path, const char *hostname);
void failures_free(struct failures *failures); /* NULL is fine */

struct failure {
    nanos now;
    sv client_ip, account, mechanism; /* account as it was claimed; may be empty */
    sv why;
};

/* Writes the line to text, its length as the return value: facility auth, severity warning, the facts as
 * structured data, escaped, and a sentence. */
size_t failures_format(const char *hostname, const struct failure *failure,
                       char text[static FAILURES_LINE_MAX]);

/* failures may be NULL. */
void failures_tell(struct failures *failures, const struct failure *failure);

#endif
