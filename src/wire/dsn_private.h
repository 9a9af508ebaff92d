/* Private to dsn*.c. */
#ifndef VEDETTE_WIRE_DSN_PRIVATE_H
#define VEDETTE_WIRE_DSN_PRIVATE_H

#include "wire/dsn.h"

/* dsn_scan.c: what stands in a text. */

/* Copies text with runs of white space and control bytes as one space; cut at cap. */
void dsn_copy(char *dst, size_t cap, sv text);

/* The address in a field's value or a line: without type, angle brackets and quotes. Empty if there is none.
 */
sv dsn_address(sv value);

/* The first SMTP reply in text: *ret_code, and where it begins; SV_NPOS without one. */
size_t dsn_find_reply(sv text, int *ret_code);

/* The first enhanced status code (4.x.y or 5.x.y) that is not x.0.0; false without one. */
bool dsn_find_status(sv text, int ret[static 3]);

/* The command that was refused, or −1. */
int dsn_find_stage(sv text);

/* Fills in what said and told have and the fields do not. */
void dsn_complete(struct dsn_recipient *recipient);

/* dsn_status.c: the fields of message/delivery-status (RFC 3464 §2). Adds recipients. */
void dsn_read_status(sv fields, struct dsn *dsn);

/* A new recipient, zeroed but for its stage; NULL past the maximum. */
struct dsn_recipient *dsn_add(struct dsn *dsn);

/* dsn_text.c: the text for people. */

/* The text up to where the returned mail begins. */
sv dsn_text_report(sv text);

/* What the text by itself says it is. */
enum dsn_kind dsn_text_kind(sv text);
bool dsn_subject_is_report(sv subject);
bool dsn_subject_is_answer(sv subject);
bool dsn_sender_is_daemon(sv from);

/* Recipients in the text. failed: the addresses that a header named, comma-separated, or empty. With
 * recipients there already, only their told is filled in. */
void dsn_read_text(sv text, sv failed, enum dsn_kind kind, struct dsn *dsn);

/* dsn_json.c: notifications of Amazon SES. False if it is none. */
bool dsn_read_json(sv text, struct dsn *dsn);

#endif
