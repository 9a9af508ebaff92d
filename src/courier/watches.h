/* What a look at a gateway means: compared with what was known before, it is well or it is trouble. Inside a
 * store job; reads only, and says what is to be kept in mind. */
#ifndef VEDETTE_COURIER_WATCHES_H
#define VEDETTE_COURIER_WATCHES_H

#include "courier/look.h"
#include "courier/trouble.h"
#include "store/store.h"

enum { WATCHES_TEXT_MAX = 1600, WATCHES_ADVICE_MAX = 640, WATCHES_FACTS_MAX = 12, WATCHES_VALUE_MAX = 800 };

/* One kind of trouble is there, or is not. */
struct watches_verdict {
    enum trouble_kind kind;
    bool wrong, again;
    enum severity severity; /* SEVERITY_INFORMATIONAL: the kind's own */
    enum cause cause;
    char text[WATCHES_TEXT_MAX], advice[WATCHES_ADVICE_MAX];
};

/* To be written once the verdicts are on disk: what is told twice after a crash does less harm than what is
 * not told. */
struct watches_fact {
    const char *name; /* a literal */
    char value[WATCHES_VALUE_MAX];
};

struct watches {
    struct watches_verdict verdicts[TROUBLE_KIND_COUNT];
    size_t verdict_count;
    struct watches_fact facts[WATCHES_FACTS_MAX];
    size_t fact_count;
    bool unsure; /* the name did not resolve, and it is to be asked again before that is told */
};

/* unsure: it was unsure the last time, too. */
int watches_judge(struct store *store, const struct config *config, const struct config_gateway *gateway,
                  const struct look_found *found, bool unsure, nanos now, struct watches *ret,
                  struct err *err);

/* From now on what is found is what is expected, and the settings have been looked at. */
int watches_reviewed(struct store *store, const char *gateway, nanos now, struct err *err);

/* Writes ret's facts. */
int watches_keep(struct store *store, const char *gateway, const struct watches *watches, nanos now,
                 struct err *err);

#endif
