/* Reads delivery reports: RFC 3464 and 6533, and the forms that servers wrote before and beside them. Pure.
 * Whatever comes in, a bounded struct comes out; text in it is printable (control bytes become spaces). */
#ifndef VEDETTE_WIRE_DSN_H
#define VEDETTE_WIRE_DSN_H

#include "base/sv.h"

enum {
    DSN_MAIL_BYTES_MAX = 1024 * 1024, /* what is looked at of one mail; the rest is left out */
    DSN_RECIPIENTS_MAX = 32,
    DSN_ADDRESSES_MAX = 16,
    DSN_ADDRESS_MAX = 320,
    DSN_HOST_MAX = 256,
    DSN_TEXT_MAX = 1024,
    DSN_DEPTH_MAX = 16, /* parts within parts; deeper ones are passed over */
};

/* Action of RFC 3464 §2.3.3. Vacation notes, answers and receipts of reading are not reports. */
enum dsn_kind { DSN_NOT_A_REPORT, DSN_EXPANDED, DSN_RELAYED, DSN_DELIVERED, DSN_DELAYED, DSN_FAILED };

const char *dsn_kind_name(enum dsn_kind kind); /* "failed" … */

struct dsn_recipient {
    enum dsn_kind kind;
    char final_recipient[DSN_ADDRESS_MAX];    /* without its type; empty if the report does not say */
    char original_recipient[DSN_ADDRESS_MAX]; /* ORCPT as we gave it, or empty */
    char remote_mta[DSN_HOST_MAX];
    char said[DSN_TEXT_MAX]; /* the remote server's own words, or the reporter's */
    char told[DSN_TEXT_MAX]; /* what the report says of this recipient in its text for people */
    int status[3];           /* RFC 3463; 0.0.0 where none was found */
    int code;                /* SMTP reply; 0: none */
    int stage;               /* enum smtp_stage of the command that was refused; −1: not told */
};

struct dsn {
    enum dsn_kind kind;    /* the gravest of the recipients' */
    bool conforming;       /* it has a message/delivery-status part */
    bool auto_submitted;   /* Auto-Submitted other than "no" */
    bool null_return_path; /* Return-Path: <> */
    char reporting_mta[DSN_HOST_MAX];
    char envelope_id[DSN_ADDRESS_MAX];                  /* ENVID as we gave it, or empty */
    char message_id[DSN_ADDRESS_MAX];                   /* of the mail that came back, "<…>", or empty */
    char addresses[DSN_ADDRESSES_MAX][DSN_ADDRESS_MAX]; /* whom the report was sent to: fields that may hold
                                                           our token, outermost header only */
    size_t address_count;
    struct dsn_recipient recipients[DSN_RECIPIENTS_MAX];
    size_t recipient_count; /* ≥ 1 for every report; further recipients are left out */
};

/* Returns ret->kind. */
enum dsn_kind dsn_read(sv mail, struct dsn *ret);

#endif
