#include "cmd/gateway_rules.h"

#include "cmd/load.h"
#include "cmd/term.h"

#include <unistd.h>

enum { EXIT_CONFIG = 78 };

const char *gateway_rules_path(const char *path)
{
    if (path)
        return path;
    return access(GATEWAY_DEFAULT_PATH, R_OK) == 0 ? GATEWAY_DEFAULT_PATH : LOAD_DEFAULT_PATH;
}

struct guard *gateway_rules_or_complain(const char *path, struct config **ret_config, int *ret_exit)
{
    struct config *config = load_or_complain(gateway_rules_path(path), ret_exit);
    if (!config)
        return NULL;
    struct config_errors errors;
    struct guard *guard = NULL;
    config_errors_init(&errors);
    if (config->relay.present)
        guard = guard_new(config, &errors);
    else
        config_errors_add(&errors, gateway_rules_path(path), 0, 0, "add the section relay: with its rules",
                          "this configuration has no gateway of its own");
    if (!guard) {
        load_print_errors(&errors);
        *ret_exit = EXIT_CONFIG;
    }
    config_errors_free(&errors);
    if (guard && ret_config)
        *ret_config = config;
    else
        config_free(config);
    return guard;
}
