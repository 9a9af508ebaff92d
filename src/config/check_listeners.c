/* Where the relay listens: what contradicts itself there, or would let nobody send. */
#include "config/check_private.h"

static bool has_certificate(const struct config_instance *relay)
{
    return config_given(relay, "certificate");
}

/* Whoever must show who he is can do so only inside TLS, and only if there is somebody to be. */
static void check_identity(const struct check *check, const struct config_instance *relay,
                           const struct config_instance *item, const char *key)
{
    const struct config_listener *listener = item->base;
    if (!has_certificate(relay))
        check_refuse(check, item, key, "add certificate: and key: to relay",
                     "logins are taken inside TLS only, and the relay has no certificate");
    else if (listener->security == CONFIG_LISTENING_NONE)
        check_refuse(check, item, key, "use security: starttls or tls, or drop it",
                     "logins are taken inside TLS only");
    else if (check->config->relay.account_count == 0 && !config_given(relay, "client_ca"))
        check_refuse(check, item, key, "add accounts: or client_ca: to relay", "there is nobody to log in");
}

static void check_listener(const struct check *check, const struct config_instance *relay,
                           const struct config_instance *item)
{
    const struct config_listener *listener = item->base;
    check_bounds(check, item);
    bool needs =
        listener->security == CONFIG_LISTENING_STARTTLS || listener->security == CONFIG_LISTENING_TLS;
    if (needs && !has_certificate(relay))
        check_refuse(check, item, "security", "add certificate: and key: to relay", "needs a certificate");
    else if (listener->submission)
        check_identity(check, relay, item, "submission");
    else if (listener->auth)
        check_identity(check, relay, item, "auth");
}

/* Two sockets cannot have one address; the first to be opened would win, and nobody could say with what. */
static void check_twice(const struct check *check, const struct config_instance *relay,
                        const struct config_instance *item)
{
    const struct config_listener *listener = item->base;
    const struct config_strings *more = &check->config->relay.listen_tls;
    bool twice = false;
    for (const struct config_instance *other = relay->children[CONFIG_RELAY_LISTEN]; other != item;
         other = other->next) {
        const char *address = ((const struct config_listener *)other->base)->address;
        twice = twice || (address && strcmp(address, listener->address) == 0);
    }
    for (size_t i = 0; i < more->count; i++)
        twice = twice || strcmp(more->items[i], listener->address) == 0;
    if (twice)
        check_refuse(check, item, "address", "keep one of the two", "is listed twice");
}

void check_listeners(const struct check *check, const struct config_instance *relay)
{
    const struct config_instance *first = relay->children[CONFIG_RELAY_LISTEN];
    struct config_place given = relay->child_keys[CONFIG_RELAY_LISTEN];
    bool tls_alone = config_given(relay, "listen_tls") && check->config->relay.listen_tls.count > 0;
    if (!first && given.line != 0 && !relay->faulty_children[CONFIG_RELAY_LISTEN])
        config_errors_add(check->errors, given.file, given.line, given.column,
                          "drop the relay section to switch it off", "listen: the list is empty");
    else if (given.line == 0 && !tls_alone)
        config_errors_add(check->errors, relay->own.file, relay->own.line, relay->own.column,
                          "add listen: and the addresses that clients come to",
                          "listen is missing in relay; it is a list of addresses with ports");
    if (check->config->relay.listener_count > CONFIG_LISTENERS_MAX)
        check_refuse(check, relay, "listen_tls", "leave some of them out",
                     "more than 64 addresses with those of listen");
    for (const struct config_instance *item = first; item; item = item->next) {
        check_listener(check, relay, item);
        if (((const struct config_listener *)item->base)->address)
            check_twice(check, relay, item);
    }
}
