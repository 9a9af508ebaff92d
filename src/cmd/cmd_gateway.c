/* `vedette gateway`: our gateway on its own. */
#include "cmd/command.h"
#include "cmd/gateway_rules.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/supervisor.h"
#include "cmd/term.h"

int cmd_gateway(int argc, char **argv)
{
    const char *path = GATEWAY_DEFAULT_PATH;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " GATEWAY_DEFAULT_PATH ")", &path},
    };
    int exit_code;
    struct err err;
    if (!command_options("gateway", specs, 1, &argc, argv, &exit_code))
        return exit_code;
    if (argc > 0) {
        err_set(&err, ERR_USAGE, "`vedette help` lists the commands", "gateway has no command \"%s\"",
                argv[0]);
        return term_error(&err);
    }
    struct load load;
    struct config *config = load_kept_or_complain(path, &load, &exit_code);
    if (!config)
        return exit_code;
    if (config_relay_alone(config))
        return supervisor_run(path, &load, config);
    err_set(&err, ERR_CONFIG,
            "`vedette run` starts the gateway together with all else; `vedette gateway` wants a "
            "configuration with a relay and no gateways and inputs",
            "%s: this configuration is for `vedette run`", load.sources[0].name);
    config_free(config);
    load_free(&load);
    return term_error(&err);
}
