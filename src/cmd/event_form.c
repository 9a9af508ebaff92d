#include "cmd/event_form.h"

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

void event_form_decode(const struct event_form *form, sv record, nanos now, struct arena *arena,
                       struct event *ret)
{
    decode(ret, record, form->format, now, 0, arena);
    if (form->source_text)
        ret->source = form->source;
}
