#include "cmd/command.h"
#include "cmd/options.h"
#include "cmd/supervisor.h"

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
    struct config *config = load_kept_or_complain(path, &load, &exit_code);
    return config ? supervisor_run(path, &load, config) : exit_code;
}
