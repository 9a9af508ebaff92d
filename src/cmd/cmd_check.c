#include "cmd/command.h"
#include "cmd/options.h"
#include "cmd/proofread.h"
#include "cmd/report.h"
#include "cmd/term.h"

#include <stdlib.h>

static json_t *error_json(const struct config_error *error)
{
    json_t *json = json_object();
    json_object_set_new(json, "file", error->file ? report_text(sv_of(error->file)) : json_null());
    json_object_set_new(json, "line", json_integer(error->line));
    json_object_set_new(json, "column", json_integer(error->column));
    json_object_set_new(json, "message", report_text(sv_of(error->message)));
    json_object_set_new(json, "advice", report_text(sv_of(error->advice)));
    return json;
}

static void print_json(const struct proofread *check)
{
    json_t *json = json_object(), *errors = json_array(), *warnings = json_array();
    size_t shown = check->errors.count < CONFIG_ERRORS_MAX ? check->errors.count : CONFIG_ERRORS_MAX;
    for (size_t i = 0; i < shown; i++)
        json_array_append_new(errors, error_json(&check->errors.items[i]));
    for (size_t i = 0; i < check->warning_count; i++)
        json_array_append_new(warnings, report_text(check->warnings[i]));
    json_object_set_new(json, "ok", json_boolean(check->errors.count == 0));
    json_object_set_new(json, "errors", errors);
    json_object_set_new(json, "warnings", warnings);
    report_line_new(json);
}

static void print_text(const struct proofread *check)
{
    load_print_errors(&check->errors);
    for (size_t i = 0; i < check->warning_count; i++) {
        term_print(stdout, TERM_YELLOW, "note: ");
        term_text(stdout, check->warnings[i]);
        putchar('\n');
    }
    if (check->errors.count == 0) {
        term_print(stdout, TERM_GREEN, "ok");
        printf(": %zu gateways, %zu inputs, %zu rules", check->gateways, check->inputs, check->rules);
        if (check->guard_rails)
            printf(", %zu guard rails", check->guard_rails);
        putchar('\n');
    } else
        printf("%zu error%s\n", check->errors.count, check->errors.count == 1 ? "" : "s");
}

int cmd_check(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object: {\"ok\", \"errors\", \"warnings\"}", &json},
    };
    int exit_code;
    if (!command_options("check", specs, 2, &argc, argv, &exit_code))
        return exit_code;
    struct proofread check;
    proofread_run(&check, path);
    if (json)
        print_json(&check);
    else
        print_text(&check);
    exit_code = check.errors.count ? check.exit_code : 0;
    proofread_free(&check);
    return exit_code;
}
