/* What commands print for people: colours only on a terminal and never with NO_COLOR, bytes of others
 * escaped. */
#ifndef VEDETTE_CMD_TERM_H
#define VEDETTE_CMD_TERM_H

#include "base/err.h"
#include "base/sv.h"

#include <stdio.h>

enum term_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_RED, TERM_GREEN, TERM_YELLOW };

/* Prints printf-like text in a style if out is a terminal that wants it. */
__attribute__((format(printf, 3, 4))) void term_print(FILE *out, enum term_style style, const char *fmt, ...);

/* Prints s with "?" for what could steer the terminal or turn the text around. */
void term_text(FILE *out, sv s);

/* "vedette: cause; advice" on standard error; returns the sysexits code. */
int term_error(const struct err *err);

/* At the end of a command: exit_code, or another one and a word about it if not all that was printed could be
 * written. That the reader has had enough, as head(1) has, is no fault. */
int term_end(int exit_code);

#endif
