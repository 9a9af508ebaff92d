/* The typed, length-prefixed messages that the processes and the commands exchange. Pure framing. */
#ifndef VEDETTE_WIRE_CONTROL_H
#define VEDETTE_WIRE_CONTROL_H

#include "base/buf.h"

enum { CONTROL_BODY_BYTES_MAX = 16 * 1024 * 1024 };

/* name, number on the wire. Body in the comment, packed by wire/pack.h unless it says JSON. */
#define CONTROL_TYPES(X)                                                                                 \
    /* parent → child */                                                                               \
    X(START, 1)   /* count, then per configuration file: name, text. Sent once, first */                 \
    X(SOCKET, 2)  /* label; a listening or bound socket travels with it */                               \
    X(PEER, 3)    /* process name; one end of a fresh socket pair travels with it */                     \
    X(GO, 4)      /* empty: all sockets and peers are there */                                           \
    X(PREPARE, 5) /* like START: answer PREPARED or REFUSED, go on as before */                          \
    X(COMMIT, 6)  /* empty: use what was prepared */                                                     \
    X(ABORT, 7)   /* empty: forget what was prepared */                                                  \
    X(DRAIN, 8)   /* empty: take nothing new, finish what is held, then exit 0 */                        \
    /* child → parent */                                                                               \
    X(READY, 16)      /* empty: started and serving */                                                   \
    X(PREPARED, 17)   /* empty */                                                                        \
    X(REFUSED, 18)    /* text: why */                                                                    \
    X(ALIVE, 19)      /* empty: the loop turns (every second) */                                         \
    X(FINISHED, 20)   /* empty: standard input has ended and all of it is committed; drain everything */ \
    X(CORRELATES, 22) /* u32: whether a watch's rules have correlations; watch → courier, too */       \
    X(COMPILED, 23)   /* name, content: watch/database_cache.h; from a watch that is not READY yet */    \
    X(STALE, 21)      /* empty: a file that the configuration names has changed; reload */               \
    /* courier ↔ parent, which alone may start programs */                                             \
    X(RUN, 24) /* serial, name of a way out, the notice as JSON: its command, or the console */          \
    X(RAN, 25) /* serial, 1 if it was told (u32), text: how the command ended */                         \
    /* watch ↔ courier */                                                                              \
    X(FINDINGS, 32)  /* a batch: wire/batch.h */                                                         \
    X(COMMITTED, 33) /* serial (u64): these findings and their cursor are on disk */                     \
    X(CURSORS, 34)   /* count, then input, cursor; the courier's first word to a watch */                \
    /* courier ↔ correlate */                                                                          \
    X(CORRELATE, 36)   /* serial (u64), count, projections: wire/projection.h, each with its length */   \
    X(CORRELATED, 37)  /* what they gave: wire/correlated.h */                                           \
    X(STATE_GET, 38)   /* key: the state after it is wanted; empty: from the start */                    \
    X(STATE, 39)       /* u32: 1 if this is the last of it; then keys and values to the end */           \
    X(STATE_RESET, 40) /* empty: forget all, and ask for the state that is on disk */                    \
    /* courier, gateway ↔ keeper */                                                                    \
    X(SECRET_GET, 48)    /* serial, reference "PROVIDER/NAME" */                                         \
    X(SECRET, 49)        /* serial, the bytes; wipe after use */                                         \
    X(SECRET_FAILED, 50) /* serial, cause, advice */                                                     \
    /* gateway ↔ keeper, about the gateway's clients: secret/login.h */                                \
    X(LOGIN_BEGIN, 52)  /* serial, mechanism, binding, client IP, 1 if given (u32), response */          \
    X(LOGIN_SAY, 53)    /* serial, response */                                                           \
    X(LOGIN_DROP, 54)   /* serial */                                                                     \
    X(LOGIN_ANSWER, 55) /* serial, outcome (u32), challenge or account, why */                           \
    /* command ↔ any process, over its metrics socket */                                               \
    X(METRICS, 56)      /* empty, or "rules" */                                                          \
    X(METRICS_TEXT, 57) /* text: base/metrics.h; what rules cost, a JSON object a line */                \
    /* command ↔ courier, over the control socket */                                                   \
    X(REQUEST, 64)   /* JSON object: {"command": …} */                                                 \
    X(CONTENT, 67)   /* bytes of a mail that the REQUEST after it is about */                            \
    X(REPLY, 65)     /* JSON object: one of any number of answers */                                     \
    X(REPLY_END, 66) /* JSON object: {"exit": sysexits code, "error": text or absent}; the last one */

enum control_type {
#define X(name, number) CONTROL_##name = number,
    CONTROL_TYPES(X)
#undef X
};

const char *control_type_name(enum control_type type);

/* A frame is body length (u32), type (u32), body. */
enum { CONTROL_HEAD_BYTES = 8 };
void control_head(enum control_type type, sv body, char ret[static CONTROL_HEAD_BYTES]);

/* Appends a frame. 0, or -1 when it does not fit. */
int control_put(struct buf *out, enum control_type type, sv body);

enum control_event { CONTROL_NEED_DATA, CONTROL_FRAME, CONTROL_INVALID };

/* Looks at the front of in: a whole frame gives CONTROL_FRAME with its type, its body (borrowed from in) and
 * the bytes it takes. An unknown type or a length past the maximum is CONTROL_INVALID. */
enum control_event control_take(sv in, enum control_type *ret_type, sv *ret_body, size_t *ret_used);

#endif
