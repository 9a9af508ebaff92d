#include "cmd/event_form.h"

#include "io/zone_file.h"

int event_form_read(struct event_form *form, struct err *err)
{
    const char *format = form->format_text ? form->format_text : "auto";
    sv rest = sv_of(form->source_text);
    form->source.product = sv_split(&rest, '/');
    form->source.category = sv_split(&rest, '/');
    form->source.service = rest;
    if (!decode_format_parse(sv_of(format), &form->format))
        return err_set(err, ERR_USAGE, "auto, json, cef, leef, syslog or text", "there is no form \"%s\"",
                       format);
    form->zone = form->zone_text ? zone_open(sv_of(form->zone_text)) : zone_open_local();
    if (!form->zone)
        return err_set(err, ERR_USAGE, ZONE_ADVICE, "there is no time zone \"%s\"", form->zone_text);
    return 0;
}

void event_form_end(struct event_form *form)
{
    zone_close(form->zone);
    form->zone = NULL;
}

const struct logsource *event_form_source(const struct event_form *form)
{
    return form->source_text ? &form->source : NULL;
}

/* A time that is written without a zone is of the one that was named, or this machine's, as the daemon takes
 * it. */
void event_form_decode(const struct event_form *form, sv record, nanos now, struct arena *arena,
                       struct event *ret)
{
    decode(ret, record, form->format, now, form->zone, arena);
    if (form->source_text)
        ret->source = form->source;
}
