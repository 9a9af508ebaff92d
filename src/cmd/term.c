#include "cmd/term.h"

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

void term_text(FILE *out, sv s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        putc(c < 0x20 || c == 0x7f ? '?' : c, out);
    }
}

int term_error(const struct err *err)
{
    term_print(stderr, TERM_RED, "vedette: ");
    fprintf(stderr, "%s\n", err->cause);
    if (err->advice[0])
        fprintf(stderr, "  %s\n", err->advice);
    return err_exit_code(err);
}
