#include "cmd/term.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const style_codes[] = {
    [TERM_PLAIN] = "",       [TERM_BOLD] = "\033[1m",   [TERM_DIM] = "\033[2m",
    [TERM_RED] = "\033[31m", [TERM_GREEN] = "\033[32m", [TERM_YELLOW] = "\033[33m",
};

static bool wants_colour(FILE *out)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fileno(out)) && !(no_color && *no_color) && !(term && strcmp(term, "dumb") == 0);
}

void term_print(FILE *out, enum term_style style, const char *fmt, ...)
{
    bool colour = style != TERM_PLAIN && wants_colour(out);
    if (colour)
        fputs(style_codes[style], out);
    va_list args;
    va_start(args, fmt);
    vfprintf(out, fmt, args);
    va_end(args);
    if (colour)
        fputs("\033[0m", out);
}

/* The bytes at p that must not reach a terminal: controls of ASCII and of Latin 1 (U+0080 to U+009F, which
 * some terminals obey), what turns the direction of text around, and what is no UTF-8. */
static size_t unfit(const unsigned char *p, size_t n, bool utf8)
{
    if (p[0] < 0x20 || p[0] == 0x7f || (p[0] >= 0x80 && !utf8))
        return 1;
    if (n >= 2 && p[0] == 0xc2 && p[1] < 0xa0)
        return 2;
    bool turns = n >= 3 && p[0] == 0xe2 &&
                 ((p[1] == 0x80 && ((p[2] >= 0xaa && p[2] <= 0xae) || p[2] == 0x8e || p[2] == 0x8f)) ||
                  (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
    return turns ? 3 : 0;
}

void term_text(FILE *out, sv s)
{
    bool utf8 = sv_utf8(s);
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        size_t bad = unfit(p + i, s.n - i, utf8);
        putc(bad ? '?' : p[i], out);
        i += bad ? bad : 1;
    }
}

int term_error(const struct err *err)
{
    term_print(stderr, TERM_RED, "vedette: ");
    term_text(stderr, sv_of(err->cause));
    putc('\n', stderr);
    if (err->advice[0])
        fprintf(stderr, "  %s\n", err->advice);
    return err_exit_code(err);
}

int term_end(int exit_code)
{
    struct err err;
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    if (poll(&out, 1, 0) == 1 && out.revents & POLLERR)
        return exit_code;
    err_set(&err, ERR_IO, "see to the room where it goes", "not all output could be written");
    return term_error(&err);
}
