#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/term.h"

#include <stdio.h>

enum { EXIT_NOT_TAKEN = 69 };
static const nanos PATIENCE = 360 * NANOS_PER_SECOND; /* the longest timeout of a way, and some more */

struct testing {
    bool json, failed;
};

static int on_way(void *arg, const json_t *answer)
{
    struct testing *testing = arg;
    bool done = json_is_true(json_object_get(answer, "done"));
    testing->failed |= !done;
    if (testing->json)
        report_line(answer);
    else
        printf("%s: %s\n", report_get(answer, "way"), report_get(answer, "said"));
    fflush(stdout);
    return 0;
}

int cmd_ways_test(int argc, char **argv)
{
    const char *path = NULL;
    struct testing testing = {0};
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a line", &testing.json},
    };
    int exit_code;
    if (!command_options("ways test", specs, 2, &argc, argv, &exit_code))
        return exit_code;
    struct config *config = load_or_complain(path, &exit_code);
    struct err err;
    if (!config)
        return exit_code;
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("ways-test"));
    json_object_set_new(request, "way", json_string(argc > 0 ? argv[0] : ""));
    int outcome = control_ask(config, "control", request, PATIENCE, on_way, &testing, &err);
    config_free(config);
    return outcome < 0 ? term_error(&err) : testing.failed ? EXIT_NOT_TAKEN : 0;
}
