/* Any bytes: a configuration or errors, never both, never neither. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_errors errors;
    config_errors_init(&errors);
    const struct config_source source = {"/etc/vedette/vedette.yaml", sv_make(data, size)};
    struct config *config = config_parse(&source, 1, "machine.example.org", &errors);
    if ((config != NULL) == (errors.count > 0))
        abort();
    config_free(config);
    config_errors_free(&errors);
    return 0;
}
