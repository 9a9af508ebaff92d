/* What one mail says, and its two forms. Private to alert/. */
#ifndef VEDETTE_ALERT_LETTER_H
#define VEDETTE_ALERT_LETTER_H

#include "base/buf.h"
#include "store/store.h"

/* Bounds of what an event may fill. */
enum {
    LETTER_TITLE_BYTES_MAX = 160,
    LETTER_NAME_BYTES_MAX = 80,
    LETTER_FACT_BYTES_MAX = 400,
    LETTER_VALUE_BYTES_MAX = 300,
    LETTER_FIELDS_MAX = 40,
    LETTER_PROSE_BYTES_MAX = 3000, /* each of description, response, false positives, references */
    LETTER_RAW_BYTES_MAX = 4000,
};

enum letter_fact {
    LETTER_WHO,
    LETTER_TARGET,
    LETTER_ACTION,
    LETTER_OUTCOME,
    LETTER_COMMAND,
    LETTER_FROM,
    LETTER_ON,
    LETTER_REASON,
    LETTER_FACTS
};

struct letter {
    const struct store_mail *mail;
    const struct finding *finding;
    const char *hostname;
    sv facts[LETTER_FACTS]; /* empty where the event does not say */
};

/* Picks the facts from the finding's fields. */
void letter_init(struct letter *letter, const struct store_mail *mail, const struct finding *finding,
                 const char *hostname);

const char *letter_fact_label(enum letter_fact fact);

/* "HIGH". */
void letter_put_severity(struct buf *out, const struct letter *letter);

/* "2026-11-24T08:15:30.123Z", the event's own time; where that of its arrival is another, what lies between
 * them: ", told 2 h later" or ", by a clock that is 3 h ahead". */
void letter_put_when(struct buf *out, const struct letter *letter);

/* "once", or "5 times, 3 more since the last mail". */
void letter_put_count(struct buf *out, const struct letter *letter);

/* "[HIGH] Title: user@host (alert 17)", clean but not yet encoded. */
void letter_put_subject(struct buf *out, const struct letter *letter);

/* Lines ended by LF, UTF-8. */
void letter_put_plain(struct buf *out, const struct letter *letter);
void letter_put_html(struct buf *out, const struct letter *letter);

#endif
