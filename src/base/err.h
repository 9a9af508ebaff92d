/* Errors that read as a sentence to a person: what happened, where, and what to do about it. */
#ifndef VEDETTE_BASE_ERR_H
#define VEDETTE_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* name, sysexits(3) code a command ends with */
#define ERR_CLASSES(X)                                                          \
    X(NONE, 0)         /* no error */                                           \
    X(USAGE, 64)       /* the command line is wrong: EX_USAGE */                \
    X(DATA, 65)        /* input does not have its form: EX_DATAERR */           \
    X(NO_INPUT, 66)    /* an input file is missing or unreadable: EX_NOINPUT */ \
    X(UNAVAILABLE, 69) /* a service did not do it: EX_UNAVAILABLE */            \
    X(INTERNAL, 70)    /* our own mistake: EX_SOFTWARE */                       \
    X(SYSTEM, 71)      /* the operating system said no: EX_OSERR */             \
    X(IO, 74)          /* reading or writing failed: EX_IOERR */                \
    X(TEMPORARY, 75)   /* may go through later: EX_TEMPFAIL */                  \
    X(PROTOCOL, 76)    /* a peer broke its protocol: EX_PROTOCOL */             \
    X(PERMISSION, 77)  /* not allowed: EX_NOPERM */                             \
    X(CONFIG, 78)      /* the configuration is wrong: EX_CONFIG */              \
    X(LIMIT, 65)       /* a documented bound was reached: EX_DATAERR */

enum err_class {
#define X(name, exit) ERR_##name,
    ERR_CLASSES(X)
#undef X
};

struct err {
    enum err_class class;
    int system;       /* errno at the time, 0 if it has no part in this */
    char cause[400];  /* one sentence without a full stop */
    char advice[240]; /* what to do; may be empty */
};

/* Fills *err (err may be NULL) and returns -1, so that `return err_set(...)` reads well. errno is taken when
 * the class is SYSTEM or IO, and its text is added to the cause. advice is a literal or NULL. */
__attribute__((format(printf, 4, 5))) int err_set(struct err *err, enum err_class class, const char *advice,
                                                  const char *fmt, ...);

/* Puts "what: " in front of the cause already in *err. Returns -1. */
__attribute__((format(printf, 2, 3))) int err_prefix(struct err *err, const char *fmt, ...);

/* The sysexits(3) code for err's class. */
int err_exit_code(const struct err *err);

/* Writes "cause; advice" into text (cap bytes), NUL-terminated, and returns text. */
const char *err_text(const struct err *err, char *text, size_t cap);

#endif
