#include "cmd/command.h"
#include "cmd/event_form.h"
#include "cmd/input_files.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"
#include "io/loop.h"
#include "wire/decode.h"

#include <stdlib.h>

enum { DECODE_ARENA_MAX = 1024 * 1024, NAME_COLUMNS_MIN = 20, NAME_COLUMNS_MAX = 44 };

struct decoding {
    struct event_form form;
    bool json;
    struct arena *arena;
};

static json_t *field_value(const struct event_field *field)
{
    switch (field->type) {
    case EVENT_NUMBER: {
        int64_t number;
        return sv_to_i64(field->value, &number) ? json_integer(number) : report_text(field->value);
    }
    case EVENT_BOOLEAN:
        return json_boolean(sv_eq(field->value, SV("true")));
    case EVENT_NULL:
        return json_null();
    case EVENT_STRING:
        break;
    }
    return report_text(field->value);
}

/* A name that comes several times is a list, as it was in the source. */
static void set_field(json_t *fields, const char *name, json_t *value)
{
    json_t *there = json_object_get(fields, name);
    if (!there)
        json_object_set_new(fields, name, value);
    else if (json_is_array(there))
        json_array_append_new(there, value);
    else {
        json_t *list = json_array();
        json_array_append(list, there);
        json_array_append_new(list, value);
        json_object_set_new(fields, name, list);
    }
}

static void print_json(struct decoding *decoding, const struct event *event)
{
    char time[40];
    json_t *json = json_object(), *fields = json_object();
    for (size_t i = 0; i < event->field_count; i++)
        set_field(fields, arena_cstr(decoding->arena, event->fields[i].name), field_value(&event->fields[i]));
    json_object_set_new(json, "time", json_string(time_rfc3339(event->time, time, sizeof time)));
    json_object_set_new(json, "format", json_string(event->format ? event->format : ""));
    json_object_set_new(json, "logsource", report_logsource(&event->source));
    json_object_set_new(json, "message", report_text(event->message));
    json_object_set_new(json, "fields", fields);
    report_line_new(json);
}

/* As wide as the longest name, within reason. */
static size_t name_columns(const struct event *event)
{
    size_t columns = NAME_COLUMNS_MIN;
    for (size_t i = 0; i < event->field_count; i++)
        if (event->fields[i].name.n > columns && event->fields[i].name.n <= NAME_COLUMNS_MAX)
            columns = event->fields[i].name.n;
    return columns;
}

static void print_text(const struct event *event)
{
    char time[40];
    term_print(stdout, TERM_BOLD, "%s", time_rfc3339(event->time, time, sizeof time));
    printf("  %s  logsource ", event->format ? event->format : "");
    const sv sources[] = {event->source.product, event->source.category, event->source.service};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        printf("%s", i ? "/" : "");
        term_text(stdout, sources[i]);
    }
    size_t columns = name_columns(event);
    puts(event->flags & EVENT_TIME_ASSUMED ? "  (time assumed)" : "");
    for (size_t i = 0; i < event->field_count; i++) {
        size_t width = event->fields[i].name.n;
        printf("  ");
        term_text(stdout, event->fields[i].name);
        if (event->fields[i].value.n)
            printf("%*s", width < columns ? (int)(columns - width) + 2 : 2, "");
        term_text(stdout, event->fields[i].value);
        putchar('\n');
    }
}

static int on_record(void *arg, const char *path, sv record)
{
    struct decoding *decoding = arg;
    struct event event;
    (void)path;
    arena_reset(decoding->arena);
    event_form_decode(&decoding->form, record, loop_now(), decoding->arena, &event);
    if (decoding->json)
        print_json(decoding, &event);
    else
        print_text(&event);
    return 0;
}

int cmd_events_decode(int argc, char **argv)
{
    struct decoding decoding = {0};
    const struct option_spec specs[] = {
        EVENT_FORM_OPTION(decoding.form),
        EVENT_ZONE_OPTION(decoding.form),
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &decoding.json},
    };
    int exit_code;
    struct err err;
    if (!command_options("events decode", specs, 3, &argc, argv, &exit_code))
        return exit_code;
    if (event_form_read(&decoding.form, &err) < 0)
        return term_error(&err);
    decoding.arena = arena_new(DECODE_ARENA_MAX);
    int outcome = input_records(argv, argc, on_record, &decoding, &err);
    arena_free(decoding.arena);
    event_form_end(&decoding.form);
    return outcome < 0 ? term_error(&err) : 0;
}
