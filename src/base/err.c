#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *err, enum err_class class, const char *advice, const char *fmt, ...)
{
    int system = class == ERR_SYSTEM || class == ERR_IO ? errno : 0;
    if (!err)
        return -1;
    *err = (struct err){.class = class, .system = system};
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->cause, sizeof err->cause, fmt, args);
    va_end(args);
    if (system && n >= 0 && (size_t)n < sizeof err->cause) {
        char why[128] = "";
        snprintf(err->cause + n, sizeof err->cause - (size_t)n, ": %s", strerror_r(system, why, sizeof why));
    }
    if (advice)
        snprintf(err->advice, sizeof err->advice, "%s", advice);
    return -1;
}

int err_prefix(struct err *err, const char *fmt, ...)
{
    if (!err)
        return -1;
    char cause[sizeof err->cause];
    memcpy(cause, err->cause, sizeof cause);
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(err->cause, sizeof err->cause, fmt, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof err->cause)
        snprintf(err->cause + n, sizeof err->cause - (size_t)n, ": %s", cause);
    return -1;
}

int err_exit_code(const struct err *err)
{
    switch (err->class) {
#define X(name, exit) \
    case ERR_##name:  \
        return exit;
        ERR_CLASSES(X)
#undef X
    }
    return 70;
}

const char *err_text(const struct err *err, char *text, size_t cap)
{
    snprintf(text, cap, "%s%s%s", err->cause, err->advice[0] ? "; " : "", err->advice);
    return text;
}
