#include "courier/cause.h"

#include <stdio.h>

/* What servers write of a mail that they bring back, beside the words of cause.c. Those that others contain
 * or accompany come first. */
static const struct {
    const char *phrase;
    enum cause cause;
} PHRASES[] = {
    {"@@", CAUSE_UNKNOWN},
};

static struct cause_told of_words(sv text)
{
    for (size_t i = 0; i < sizeof PHRASES / sizeof *PHRASES; i++)
        if (cause_says(text, PHRASES[i].phrase))
            return cause_tell(PHRASES[i].cause, NULL);
    return cause_of_phrase(text);
}

struct cause_told cause_of_report(const struct dsn_recipient *recipient)
{
    struct cause_told told = of_words(sv_of(recipient->said));
    if (told.cause == CAUSE_UNKNOWN)
        told = of_words(sv_of(recipient->told));
    if (told.cause != CAUSE_UNKNOWN)
        return told;
    struct smtp_answer answer = {.code = recipient->code};
    memcpy(answer.enhanced, recipient->status, sizeof answer.enhanced);
    enum smtp_stage stage = recipient->stage < 0 ? SMTP_STAGE_CLOSED : (enum smtp_stage)recipient->stage;
    return cause_of_answer(stage, &answer);
}
