/* `vedette gateway`: our gateway on its own. */
#include "cmd/command.h"
#include "cmd/gateway_rules.h"
#include "cmd/load.h"
#include "cmd/options.h"
#include "cmd/supervisor.h"
#include "cmd/term.h"

enum { EXIT_CONFIG = 78 };

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
    struct config_errors errors;
    if (load_files(path, &load, &err) < 0)
        return term_error(&err);
    config_errors_init(&errors);
    struct config *config = load_parse(&load, &errors);
    if (config && !config_relay_alone(config))
        config_errors_add(
            &errors, load.sources[0].name, 0, 0,
            "`vedette run` starts the gateway together with all else; `vedette gateway` wants a "
            "configuration with a relay and no gateways and inputs",
            "this configuration is for `vedette run`");
    bool ok = errors.count == 0;
    if (!ok)
        load_print_errors(&errors);
    config_errors_free(&errors);
    if (ok)
        return supervisor_run(path, &load, config);
    config_free(config);
    load_free(&load);
    return EXIT_CONFIG;
}
