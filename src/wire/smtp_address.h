/* Checks the mailbox of an envelope (RFC 5321 §4.1.2, UTF-8 as in RFC 6531). Pure. */
#ifndef VEDETTE_WIRE_SMTP_ADDRESS_H
#define VEDETTE_WIRE_SMTP_ADDRESS_H

#include "wire/idn.h"

/* RFC 5321 §4.5.3.1, in octets. A path is the mailbox with its two angle brackets. */
enum { SMTP_LOCAL_PART_MAX = 64, SMTP_DOMAIN_MAX = 255, SMTP_PATH_MAX = 256, SMTP_LABEL_MAX = 63 };

enum { SMTP_ADDRESS_ASCII_MAX = SMTP_LOCAL_PART_MAX + 1 + IDN_TEXT_MAX };

#define SMTP_ADDRESS_FAULTS(X)                                                       \
    X(NONE, "is well-formed")                                                        \
    X(EMPTY, "is empty")                                                             \
    X(LONG, "is longer than RFC 5321 allows")                                        \
    X(CONTROL, "has a control character")                                            \
    X(BRACKET, "has an angle bracket")                                               \
    X(ROUTE, "is a source route")                                                    \
    X(LOCAL_PART, "has a local part that is neither a dot-atom nor a quoted string") \
    X(NO_DOMAIN, "has no domain")                                                    \
    X(DOMAIN, "has a domain that is not well-formed")                                \
    X(LITERAL, "has an address literal that is not well-formed")                     \
    X(UTF8, "is not well-formed UTF-8")                                              \
    X(IDN, "has a domain beyond ASCII that IDNA does not allow (RFC 5891)")

enum smtp_address_fault {
#define X(name, text) SMTP_ADDRESS_##name,
    SMTP_ADDRESS_FAULTS(X)
#undef X
};

/* Completes the sentence "the address …". */
const char *smtp_address_fault_text(enum smtp_address_fault fault);

/* The parts borrow from what was parsed. */
struct smtp_address {
    sv local;     /* as written, a quoted string with its quotes */
    sv domain;    /* as written, an address literal with its brackets */
    bool quoted;  /* the local part is a quoted string */
    bool literal; /* the domain is [192.0.2.1], [IPv6:2001:db8::1] */
    bool utf8;    /* has bytes past ASCII: needs SMTPUTF8 at every hop */
};

/* s is a mailbox without angle brackets. CR, LF, NUL, every other control byte and angle brackets are refused
 * everywhere, within quotes too: no system that we know of has such a mailbox, and attacks are made of them.
 * So are "u@v@w" and "@gw:u@v". "postmaster" alone gives NO_DOMAIN. *ret (may be NULL) is set only on NONE.
 */
enum smtp_address_fault smtp_address_parse(sv s, struct smtp_address *ret);

/* The mailbox with its domain in A-labels, so that every way to write it is one and the same: the mailbox
 * itself where that is in ASCII or there is none, else in text, with a NUL behind it. */
sv smtp_address_ascii(sv mailbox, char text[static SMTP_ADDRESS_ASCII_MAX]);

/* A domain name or, in brackets, an address literal: what may stand after "@" and after EHLO. */
enum smtp_address_fault smtp_domain_check(sv s);

#endif
