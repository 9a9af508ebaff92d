/* Looks into regular expressions (PCRE2's syntax) without running them. Pure. */
#ifndef VEDETTE_WATCH_SIGMA_REGEX_H
#define VEDETTE_WATCH_SIGMA_REGEX_H

#include "base/arena.h"

/* The longest text that stands, ASCII case aside, in everything that the expression matches; empty if none is
 * found. It errs in one direction only: what it does not understand it takes for no text. caseless: the
 * expression is matched without regard to case. The expression has been compiled, so it is well-formed. */
sv sigma_regex_literal(sv expression, bool caseless, struct arena *arena);

#endif
