/* The relay's keys for DKIM. */
#include "config/check_private.h"

/* A name of RFC 5322 §3.6.8 that can stand in a list of names with colons and semicolons around it. */
static bool is_field_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (*c <= ' ' || *c > '~' || *c == ':' || *c == ';')
            return false;
    return name[0] != '\0' && strlen(name) <= 64;
}

static void check_headers(const struct check *check, const struct config_instance *instance)
{
    const struct config_dkim *dkim = instance->base;
    if (dkim->headers.count > CONFIG_DKIM_HEADERS_MAX)
        check_refuse(check, instance, "headers", "name those that people see", "are more than 32");
    for (size_t i = 0; i < dkim->headers.count; i++)
        if (!is_field_name(dkim->headers.items[i])) {
            check_refuse(check, instance, "headers", "write names alone: From, Subject",
                         "one of them is no name of a header field");
            break;
        }
}

void check_dkim(const struct check *check, const struct config_instance *relay)
{
    const struct config_instance *first = relay->children[CONFIG_RELAY_DKIM];
    for (const struct config_instance *item = first; item; item = item->next) {
        const struct config_dkim *dkim = item->base;
        check_headers(check, item);
        for (const struct config_instance *other = first; other != item; other = other->next) {
            const struct config_dkim *before = other->base;
            if (dkim->domain && dkim->selector && before->domain && before->selector &&
                sv_ieq(sv_of(dkim->domain), sv_of(before->domain)) &&
                sv_ieq(sv_of(dkim->selector), sv_of(before->selector))) {
                check_refuse(check, item, "selector", "give each key of a domain its own",
                             "another key of the domain has it");
                break;
            }
        }
    }
}
