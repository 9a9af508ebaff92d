#include "cmd/command.h"
#include "cmd/options.h"
#include "cmd/supervisor.h"
#include "cmd/term.h"

int cmd_run(int argc, char **argv)
{
    const char *path = NULL;
    const struct option_spec specs[] = {
        {"config", 'c', OPTION_TEXT, "FILE", "configuration (default: " LOAD_DEFAULT_PATH ")", &path},
    };
    int exit_code;
    if (!command_options("run", specs, 1, &argc, argv, &exit_code))
        return exit_code;
    struct load load;
    struct config_errors errors;
    struct err err;
    if (load_files(path, &load, &err) < 0)
        return term_error(&err);
    config_errors_init(&errors);
    struct config *config = load_parse(&load, &errors);
    if (!config)
        load_print_errors(&errors);
    config_errors_free(&errors);
    if (!config) {
        load_free(&load);
        return 78;
    }
    return supervisor_run(path, &load, config);
}
