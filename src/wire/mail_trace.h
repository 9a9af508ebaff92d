/* Reads where a mail that has landed came by: its Received fields, what its receiver found of SPF, DKIM and
 * DMARC, whether somebody took it for junk, and whether its text is still the one that we sent. Pure.
 * Whatever comes in, a bounded struct comes out; its texts are printable ASCII. */
#ifndef VEDETTE_WIRE_MAIL_TRACE_H
#define VEDETTE_WIRE_MAIL_TRACE_H

#include "base/buf.h"
#include "base/timefmt.h"

enum {
    MAIL_TRACE_HEAD_MAX = 256 * 1024, /* bytes of header that are looked at */
    MAIL_TRACE_HOPS_MAX = 32,
    MAIL_TRACE_NAME_MAX = 128,
    MAIL_TRACE_WORD_MAX = 24,
    MAIL_TRACE_PARTS_MAX = 8, /* of a body that are marked; one with more is marked as having too many */
    MAIL_TRACE_MARK_MAX = 512,
    MAIL_TRACE_ADDRESS_MAX = 320,
};

/* Whether the way from one server to the next was secured (RFC 3848, and what Exchange and others write). */
enum mail_trace_tls { MAIL_TRACE_TLS_UNKNOWN, MAIL_TRACE_TLS_NO, MAIL_TRACE_TLS_YES };

struct mail_trace_hop {
    char from[MAIL_TRACE_NAME_MAX], by[MAIL_TRACE_NAME_MAX]; /* as the field names them; may be empty */
    char with[MAIL_TRACE_WORD_MAX];                          /* "ESMTPS" …, in capitals; may be empty */
    enum mail_trace_tls tls;
    nanos at; /* 0: no date, or one that cannot be read */
};

enum mail_trace_body {
    MAIL_TRACE_BODY_UNMARKED, /* no mark of ours */
    MAIL_TRACE_BODY_UNCHANGED,
    MAIL_TRACE_BODY_CHANGED,
};

struct mail_trace {
    struct mail_trace_hop hops[MAIL_TRACE_HOPS_MAX]; /* in the order of the way: the first server first */
    size_t hop_count;                                /* those nearest to the mailbox, if there were more */
    size_t hops_left_out;
    char authserv[MAIL_TRACE_NAME_MAX]; /* who says so */
    char spf[MAIL_TRACE_WORD_MAX], dkim[MAIL_TRACE_WORD_MAX],
        dmarc[MAIL_TRACE_WORD_MAX]; /* "pass" …; empty: not told */
    bool called_junk; /* by X-Spam-Flag, X-Spam-Status, Exchange's spam confidence level of 5 and more … */
    enum mail_trace_body body;
    char changed[MAIL_TRACE_MARK_MAX];      /* "text/html": which parts, with BODY_CHANGED */
    char recipient[MAIL_TRACE_ADDRESS_MAX]; /* X-Original-To, Delivered-To or Envelope-To; may be empty */
};

void mail_trace_read(sv mail, struct mail_trace *ret);

/* What the field X-Vedette-Body of a mail of ours says of its body: a digest of each part, over its text in
 * UTF-8 and with white space folded, so that another transfer encoding or another line length changes
 * nothing, and a footer or a rewritten link does. */
#define MAIL_TRACE_BODY_FIELD "X-Vedette-Body"
void mail_trace_mark(sv mail, char ret[static MAIL_TRACE_MARK_MAX]);

/* Appends the field for a mail of that body (with its Content-Type), folded. −1 when out is full. */
int mail_trace_put_mark(struct buf *out, sv body);

/* Where a mail was seen, and the trace (NULL: none, as for a report of delivery), as the JSON object that
 * doc/json.md calls evidence. −1 when out is full. */
struct mail_trace_landing {
    const char *by; /* "imap", "maildir", "dsn", "operator" */
    sv folder;      /* or empty */
    bool junk;      /* that folder is the one for junk */
    nanos sent, at; /* when it was queued (0: not known) and when it came into the mailbox */
};
int mail_trace_json(const struct mail_trace *trace, const struct mail_trace_landing *landing,
                    struct buf *out);

#endif
