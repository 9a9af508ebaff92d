/* The relay's TLS and AUTH: what needs what. */
#include "config/check_private.h"
#include "io/http.h"

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
    for (const struct config_instance *item = relay->children[CONFIG_RELAY_ACCOUNTS]; item;
         item = item->next) {
        const char *key = config_given(item, "pam") ? "pam" : "password";
        if (config_given(item, key)) {
            check_refuse(check, item, key, "add certificate: and key: to relay",
                         "is asked for inside TLS only, and the relay has no certificate");
            return;
        }
    }
}

/* The keeper asks no resolver, so it must be told where the provider is; and tokens are as good as passwords.
 */
static void check_introspection(const struct check *check, const struct config_instance *relay)
{
    const char *url = check->config->relay.introspection;
    char host[HTTP_HOST_MAX];
    bool literal = false, secure = false;
    struct err err;
    if (!url || config_faulty(relay, "introspection"))
        return;
    if (http_host(url, host, &literal, &secure, &err) < 0)
        check_refuse(check, relay, "introspection", "write https://HOST/PATH", "is no http(s) URL");
    else if (!literal && !config_given(relay, "introspection_address"))
        check_refuse(check, relay, "introspection",
                     "add introspection_address: and the IP address of its host", "needs an address");
    else if (!secure && strcmp(host, "127.0.0.1") != 0 && strcmp(host, "::1") != 0)
        check_refuse(check, relay, "introspection", "use https://", "would send tokens in the clear");
    if (!config_given(relay, "introspection_secret"))
        check_refuse(check, relay, "introspection", "add introspection_secret: secret:PROVIDER/NAME",
                     "needs what the provider knows us by");
}

void check_relay_tls(const struct check *check, const struct config_instance *instance)
{
    static const char *const needs[] = {"listen_tls", "client_ca", "introspection"};
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
    check_introspection(check, instance);
    for (size_t i = 0; i < relay->mechanisms.count; i++)
        if (!is_known(relay->mechanisms.items[i])) {
            check_refuse(check, instance, "mechanisms",
                         "use SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN or LOGIN",
                         "a mechanism that is not known");
            return;
        }
}
