/* Looks into regular expressions (PCRE2's syntax) without running them. Pure. */
#ifndef VEDETTE_WATCH_SIGMA_REGEX_H
#define VEDETTE_WATCH_SIGMA_REGEX_H

#include "watch/text_set.h"

enum { SIGMA_REGEX_SETS_MAX = 4 };

/* Sets of texts, in lower case: of each, one stands, ASCII case aside, in everything that the expression
 * matches. The one with the longest texts first; of many, the best. Returns how many, 0 if none is found. It
 * errs in one direction only: what it does not understand it takes for no text. caseless: the expression is
 * matched without regard to case. The expression has been compiled, so it is well-formed. Texts are in
 * arena. */
size_t sigma_regex_sets(struct text_set ret[static SIGMA_REGEX_SETS_MAX], sv expression, bool caseless,
                        struct arena *arena);

#endif
