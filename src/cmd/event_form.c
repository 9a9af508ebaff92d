#include "cmd/event_form.h"

#include <time.h>

int event_form_read(struct event_form *form, struct err *err)
{
    const char *format = form->format_text ? form->format_text : "auto";
    sv rest = sv_of(form->source_text);
    form->source.product = sv_split(&rest, '/');
    form->source.category = sv_split(&rest, '/');
    form->source.service = rest;
    if (decode_format_parse(sv_of(format), &form->format))
        return 0;
    return err_set(err, ERR_USAGE, "auto, json, cef, leef, syslog or text", "there is no form \"%s\"",
                   format);
}

const struct logsource *event_form_source(const struct event_form *form)
{
    return form->source_text ? &form->source : NULL;
}

/* Seconds east of UTC on this machine at that moment, summer time included. */
static int local_offset(nanos at)
{
    time_t seconds = (time_t)(at / NANOS_PER_SECOND);
    struct tm local;
    return localtime_r(&seconds, &local) ? (int)local.tm_gmtoff : 0;
}

/* A time that is written without a zone is this machine's, as the daemon takes it. What comes from a file may
 * be of another season than the moment it is read at: then it is decoded once more. */
void event_form_decode(const struct event_form *form, sv record, nanos now, struct arena *arena,
                       struct event *ret)
{
    int offset = local_offset(now);
    decode(ret, record, form->format, now, offset, arena);
    int then = ret->flags & EVENT_TIME_ASSUMED ? local_offset(ret->time) : offset;
    if (then != offset)
        decode(ret, record, form->format, now, then, arena);
    if (form->source_text)
        ret->source = form->source;
}
