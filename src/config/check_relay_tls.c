/* The relay's TLS and AUTH: what needs what. */
#include "config/check_private.h"

static bool is_known(const char *mechanism)
{
    static const char *const known[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(mechanism, known[i]) == 0)
            return true;
    return false;
}

/* Passwords travel inside TLS only, and TLS needs a certificate with its key. */
static void check_accounts_tls(const struct check *check, const struct config_instance *relay)
{
    for (const struct config_instance *item = relay->children[CONFIG_RELAY_ACCOUNTS]; item; item = item->next)
        if (config_given(item, "password")) {
            check_refuse(check, item, "password", "add certificate: and key: to relay",
                         "is asked for inside TLS only, and the relay has no certificate");
            return;
        }
}

void check_relay_tls(const struct check *check, const struct config_instance *instance)
{
    static const char *const needs[] = {"listen_tls", "client_ca"};
    const struct config_relay *relay = &check->config->relay;
    bool certificate = config_given(instance, "certificate"), key = config_given(instance, "key");
    if (certificate && !key)
        check_refuse(check, instance, "certificate", "add key: and the file of its private key",
                     "needs a key");
    if (key && !certificate)
        check_refuse(check, instance, "key", "add certificate: and its file", "needs a certificate");
    for (size_t i = 0; !certificate && i < sizeof needs / sizeof *needs; i++)
        if (config_given(instance, needs[i]))
            check_refuse(check, instance, needs[i], "add certificate: and key:", "needs a certificate");
    if (!certificate)
        check_accounts_tls(check, instance);
    for (size_t i = 0; i < relay->mechanisms.count; i++)
        if (!is_known(relay->mechanisms.items[i])) {
            check_refuse(check, instance, "mechanisms",
                         "use SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN or LOGIN",
                         "a mechanism that is not known");
            return;
        }
}
