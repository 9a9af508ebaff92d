/* Configurations from text, and what is wrong with them. Not part of the program. */
#ifndef VEDETTE_CONFIG_FIXTURE_H
#define VEDETTE_CONFIG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config/config.h"

#define GATEWAY "gateways: [{name: a, address: 192.0.2.25, security: starttls}]\n"
#define PEOPLE  "sender: v@example.org\nrecipients: [soc@example.org]\n"
#define MINIMUM GATEWAY PEOPLE

static struct config_errors errors;

static inline int set_up(void **state)
{
    (void)state;
    config_errors_init(&errors);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    config_errors_free(&errors);
    return 0;
}

static inline struct config *parse(const char *text)
{
    struct config_source source = {"/etc/vedette/vedette.yaml", sv_of(text)};
    return config_parse(&source, 1, "machine.example.org", &errors);
}

static inline struct config *parse_well(const char *text)
{
    struct config *config = parse(text);
    for (size_t i = 0; i < errors.count && i < CONFIG_ERRORS_MAX; i++)
        print_error("%s:%d:%d: %s; %s\n", errors.items[i].file, errors.items[i].line, errors.items[i].column,
                    errors.items[i].message, errors.items[i].advice);
    assert_non_null(config);
    return config;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
