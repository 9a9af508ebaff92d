/* Where secrets come from. A new provider is one file and one line in provider.c's table. */
#ifndef VEDETTE_SECRET_PROVIDER_H
#define VEDETTE_SECRET_PROVIDER_H

#include "secret/secret.h"

#include <sys/types.h>

struct provider_context {
    const char *secrets_directory;     /* secret:file/NAME; NULL: none */
    const char *credentials_directory; /* secret:systemd/NAME: $CREDENTIALS_DIRECTORY; NULL: none */
    uid_t keeper_uid;                  /* the keeper's own user, whose files root reads too; 0: none */
};

/* Fetches "PROVIDER/NAME". Names have no "/", no leading ".", 1 to 128 of [A-Za-z0-9._-]. A file must be a
 * regular file, mode 0400 or 0600 (0440 too for a systemd credential, whose group bits are an access list for
 * the service's user), owned by us, by the keeper's user or by root; one newline at its end is not part of
 * the secret. The error names the reference and what to do, never a content. */
int provider_fetch(const struct provider_context *context, sv reference, struct secret **ret,
                   struct err *err);

/* Says whether it could be fetched: the same rules and errors, but the content is not read, and who looks
 * need not be able to. A file of one newline passes all the same. */
int provider_look(const struct provider_context *context, sv reference, struct err *err);

#endif
