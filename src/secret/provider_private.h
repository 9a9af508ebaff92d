/* What a provider is to provider.c. */
#ifndef VEDETTE_SECRET_PROVIDER_PRIVATE_H
#define VEDETTE_SECRET_PROVIDER_PRIVATE_H

#include "secret/provider.h"

enum { SECRET_NAME_BYTES_MAX = 128 };

/* name is well-formed. ret NULL: only looks, see provider_look. Errors start without the reference:
 * provider_fetch puts it in front. */
typedef int provider_fn(const struct provider_context *context, const char *name, struct secret **ret,
                        struct err *err);

provider_fn provider_file, provider_systemd;

/* Which owners and modes a file may have: root's and our own are always good. */
struct provider_rules {
    unsigned mode;
    uid_t owner;
};

/* Reads directory/name under the rules of provider_fetch. ret NULL: only looks. */
int provider_read_file(const char *directory, const char *name, const struct provider_rules *rules,
                       struct secret **ret, struct err *err);

#endif
