/* The client's side of SASL (RFC 4422) as SMTP AUTH carries it (RFC 4954): GNU SASL for the mechanisms that
 * it has, our own OAUTHBEARER (RFC 7628) and XOAUTH2. Secrets are wiped when the exchange is closed. */
#ifndef VEDETTE_WIRE_SASL_H
#define VEDETTE_WIRE_SASL_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/smtp_client.h"

enum { SASL_LINE_MAX = 12288 /* a challenge or response in base64, RFC 4954 §4 */ };

struct sasl;

/* Chooses the mechanism among those offered (words with spaces between) and begins. -1 if none will do: the
 * cause then lists what was offered. What would show the secret to a listener is refused unless encrypted.
 * Credentials are copied. */
int sasl_open(const struct smtp_credentials *credentials, sv offered, bool encrypted, struct sasl **ret,
              struct err *err);

/* Its registered name. */
const char *sasl_mechanism(const struct sasl *sasl);

/* True if the client speaks first: *initial then is the first response, in base64; borrowed until close. */
bool sasl_initial(const struct sasl *sasl, sv *ret_initial);

/* Answers one challenge (base64, without CRLF) by appending the response in base64, which may be empty. -1 if
 * the challenge is not valid or came too many, or the server did not prove itself: cancel with "*". */
int sasl_step(struct sasl *sasl, sv challenge, struct buf *out, struct err *err);

/* True once success may be believed: all was said, and where the mechanism has the server prove that it knows
 * the secret too (SCRAM), it did. */
bool sasl_done(const struct sasl *sasl);

/* What the server said in an OAuth error challenge, made printable; empty without one. */
const char *sasl_server_error(const struct sasl *sasl);

/* Overwrites with "*" the secret, and whatever was sent in base64, where it stands in text: a server may
 * repeat what it was sent. */
void sasl_mask(const struct sasl *sasl, char *text);

void sasl_close(struct sasl *sasl); /* NULL is fine */

#endif
