/* A configuration of our gateway from text, for tests. Include after cmocka.h. */
#ifndef VEDETTE_GATEWAY_CONFIG_FIXTURE_H
#define VEDETTE_GATEWAY_CONFIG_FIXTURE_H

#include "config/config.h"

/* Fails the test where the text is wrong. */
static inline struct config *config_of_text(const char *text)
{
    struct config_errors errors;
    struct config_source source = {"/vedette.yaml", sv_of(text)};
    config_errors_init(&errors);
    struct config *config = config_parse(&source, 1, "gw.example.org", &errors);
    if (!config)
        fail_msg("%s", errors.items[0].message);
    config_errors_free(&errors);
    return config;
}

#endif
