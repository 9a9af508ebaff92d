/* `vedette path reviewed`: somebody has looked at a gateway's settings, and at what the watches found of it.
 */
#include "cmd/command.h"
#include "cmd/control_client.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/term.h"

#include <stdio.h>

static const nanos PATIENCE = 30 * NANOS_PER_SECOND;

int cmd_path_reviewed(int argc, char **argv)
{
    const char *path = NULL;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
    };
    int exit_code;
    struct err err;
    if (!command_options("path reviewed", specs, 1, &argc, argv, &exit_code))
        return exit_code;
    if (argc != 1) {
        err_set(&err, ERR_USAGE, "vedette path reviewed GATEWAY", "one gateway has to be named");
        return term_error(&err);
    }
    struct config *config = load_or_complain(path, &exit_code);
    if (!config)
        return exit_code;
    json_t *request = json_object();
    json_object_set_new(request, "command", json_string("reviewed"));
    json_object_set_new(request, "gateway", json_string(argv[0]));
    int outcome = control_ask(config, "control", request, PATIENCE, NULL, NULL, &err);
    config_free(config);
    if (outcome < 0)
        return term_error(&err);
    printf("Gateway %s: what is found of it now is what is expected from now on.\n", argv[0]);
    return 0;
}
