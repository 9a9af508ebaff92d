/* What the files of the check share. Private to this room. */
#ifndef VEDETTE_CONFIG_CHECK_PRIVATE_H
#define VEDETTE_CONFIG_CHECK_PRIVATE_H

#include "config/section.h"

struct check {
    const struct config *config;
    const struct config_instance *top;
    struct config_errors *errors;
};

/* An error at the place of key, the message beginning with it. */
void check_refuse(const struct check *check, const struct config_instance *instance, const char *key,
                  const char *advice, const char *message);

/* The key was given, and nothing was wrong with its value. */
bool check_has(const struct config_instance *instance, const char *key);

/* Two of one list may not have one name. */
void check_names(const struct check *check, const struct config_instance *first, const char *advice,
                 const char *message);

/* Values that their type allows and their meaning does not, as check.c's table has them. */
void check_bounds(const struct check *check, const struct config_instance *instance);

/* What the keys of CONFIG_PEER say together, of a gateway or a smarthost. */
void check_peer(const struct check *check, const struct config_instance *instance,
                enum smtp_security security);

/* check_relay.c: the relay section with its rules and accounts. */
void check_relay(const struct check *check);

/* check_relay_tls.c: its certificate and whatever needs one, and the mechanisms of AUTH. */
void check_relay_tls(const struct check *check, const struct config_instance *instance);

/* check_listeners.c: its addresses and what holds there. */
void check_listeners(const struct check *check, const struct config_instance *relay);

/* check_routes.c: its routes and smarthosts. */
void check_routes(const struct check *check, const struct config_instance *relay);

/* check_dkim.c: its keys for signatures. */
void check_dkim(const struct check *check, const struct config_instance *relay);

/* The words that an open relay needs. */
#define CHECK_OPEN_RELAY "yes, anybody may send through us"

#endif
