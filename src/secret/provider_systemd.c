#include "secret/provider_private.h"

#include <stdio.h>

int provider_systemd(const struct provider_context *context, const char *name, struct secret **ret,
                     struct err *err)
{
    char advice[240];
    snprintf(advice, sizeof advice, "add LoadCredential=%s:/path/to/it to the service's unit", name);
    if (!context->credentials_directory)
        return err_set(err, ERR_CONFIG, advice, "systemd gave this service no credentials");
    const struct provider_rules rules = {.mode = 0440 | 0600, .owner = context->keeper_uid};
    if (provider_read_file(context->credentials_directory, name, &rules, ret, err) == 0)
        return 0;
    if (err && err->class == ERR_NO_INPUT)
        snprintf(err->advice, sizeof err->advice, "%s", advice);
    return -1;
}
