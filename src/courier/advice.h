/* What can be wrong on the path, as a table: each row is one finding with its hop, how grave it is, its class
 * of cause and what to do. The check finds facts and names a row; the words are here. */
#ifndef VEDETTE_COURIER_ADVICE_H
#define VEDETTE_COURIER_ADVICE_H

#include "courier/advice_rows.h"
#include "courier/check.h"

enum advice {
    ADVICE_NONE,
#define X(row, hop, state, cause, text) ADVICE_##row,
    ADVICE_ROWS(X)
#undef X
        ADVICE_COUNT
};

struct advice_row {
    const char *name;
    enum check_hop_id hop; /* where it belongs; what TLS says is told at the hop of its handshake */
    enum check_state state;
    enum cause cause;
    const char *text; /* may have {port} and so on: ADVICE_PLACES */
};

const struct advice_row *advice_row(enum advice advice);

/* What stands in an advice's places. NULL is written as "?". */
#define ADVICE_PLACES(X) \
    X(address)           \
    X(port)              \
    X(other)             \
    X(security)          \
    X(name)              \
    X(fingerprint)       \
    X(url)               \
    X(sender)            \
    X(recipient)         \
    X(helo)

struct advice_values {
#define X(place) const char *place;
    ADVICE_PLACES(X)
#undef X
};

/* Writes text with its places filled; cut at cap. Returns to. */
const char *advice_fill(const char *text, const struct advice_values *values, char *to, size_t cap);

/* --- Which row: tables from what was found --- */

/* What a connection came to; others: a port besides this one that is open there, or 0. */
enum advice advice_of_reach(const struct reach_report *reach, bool other_open);

/* Why a hop of the dialogue has no answer. */
enum advice_silence {
    ADVICE_SILENT,    /* the time was up */
    ADVICE_CLOSED,    /* the peer closed or reset */
    ADVICE_MALFORMED, /* what came is no reply */
    ADVICE_SILENCE_COUNT
};
enum advice advice_of_silence(enum check_hop_id hop, enum advice_silence silence);

/* A refusal at that hop, whose words mean that cause. */
enum advice advice_of_refusal(enum check_hop_id hop, const struct smtp_answer *answer, enum cause cause);

enum advice advice_of_tls_failure(enum tls_failure failure);
enum advice advice_of_fault(enum tls_fault fault);

/* How a route is missing: the errno of route_to. */
enum advice advice_of_route(int system);

#endif
