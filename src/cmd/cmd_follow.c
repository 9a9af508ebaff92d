#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"

struct following {
    bool json;
    nanos first;
};

static int on_step(void *arg, const json_t *step)
{
    struct following *following = arg;
    if (following->json) {
        report_line(step);
        fflush(stdout);
    } else
        report_print_step(step, &following->first);
    return ferror(stdout);
}

int cmd_follow(int argc, char **argv)
{
    const char *path = NULL;
    struct following following = {0};
    int64_t id = 0, seconds = 0;
    bool next = false;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"next", 0, OPTION_FLAG, NULL, "the next alert that something happens to (the default)", &next},
        {"id", 0, OPTION_NUMBER, "N", "this alert", &id},
        {"timeout", 0, OPTION_NUMBER, "SECONDS", "give up after so long (default: never)", &seconds},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &following.json},
    };
    int exit_code;
    if (!command_options("follow", specs, 5, &argc, argv, &exit_code))
        return exit_code;
    struct err err;
    if (options_range("timeout", seconds, 0, CONTROL_SECONDS_MAX, &err) < 0)
        return term_error(&err);
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("follow"));
    json_object_set_new(request, "id", json_integer(id));
    int outcome =
        control_ask(config, "control", request, seconds * NANOS_PER_SECOND, on_step, &following, &err);
    config_free(config);
    return outcome < 0 ? term_error(&err) : 0;
}
