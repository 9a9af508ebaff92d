#include "secret/keeper.h"

#include "base/cstr.h"
#include "wire/pack.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = SECRET_BYTES_MAX + 4096 };

struct credential {
    char name[KEEPER_CREDENTIAL_NAME_MAX + 1]; /* "systemd/NAME" */
    struct secret *secret;
};

struct keeper {
    char *secrets_directory, *credentials_directory; /* NULL: none */
    uid_t uid;
    /* systemd gives them to the user that it started, who is not the one that we become. */
    struct credential credentials[KEEPER_CREDENTIALS_MAX];
    size_t credential_count;
};

/* What cannot be read now is asked for again, and explained, when it is needed. */
static void read_credentials(struct keeper *keeper, const struct provider_context *context)
{
    DIR *folder = context->credentials_directory ? opendir(context->credentials_directory) : NULL;
    struct dirent *entry;
    while (folder && keeper->credential_count < KEEPER_CREDENTIALS_MAX && (entry = readdir(folder))) {
        struct credential *credential = &keeper->credentials[keeper->credential_count];
        int n = snprintf(credential->name, sizeof credential->name, "systemd/%s", entry->d_name);
        if (n > 0 && (size_t)n < sizeof credential->name &&
            provider_fetch(context, sv_of(credential->name), &credential->secret, NULL) == 0)
            keeper->credential_count++;
    }
    if (folder)
        closedir(folder);
}

static const struct secret *find_credential(const struct keeper *keeper, sv reference)
{
    for (size_t i = 0; i < keeper->credential_count; i++)
        if (sv_eq(reference, sv_of(keeper->credentials[i].name)))
            return keeper->credentials[i].secret;
    return NULL;
}

static void set_context(struct keeper *keeper, const struct provider_context *context)
{
    free(keeper->secrets_directory);
    free(keeper->credentials_directory);
    keeper->secrets_directory = cstr_copy(context->secrets_directory);
    keeper->credentials_directory = cstr_copy(context->credentials_directory);
    keeper->uid = context->keeper_uid;
}

struct keeper *keeper_new(const struct provider_context *context)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    assert(keeper);
    set_context(keeper, context);
    read_credentials(keeper, context);
    return keeper;
}

void keeper_reload(struct keeper *keeper, const struct provider_context *context)
{
    set_context(keeper, context);
}

void keeper_free(struct keeper *keeper)
{
    if (!keeper)
        return;
    for (size_t i = 0; i < keeper->credential_count; i++)
        secret_free(keeper->credentials[i].secret);
    free(keeper->secrets_directory);
    free(keeper->credentials_directory);
    free(keeper);
}

int keeper_fetch(struct keeper *keeper, const char *reference, struct secret **ret, struct err *err)
{
    const struct secret *known = find_credential(keeper, sv_of(reference));
    struct provider_context context = {.secrets_directory = keeper->secrets_directory,
                                       .credentials_directory = keeper->credentials_directory,
                                       .keeper_uid = keeper->uid};
    if (!known)
        return provider_fetch(&context, sv_of(reference), ret, err);
    *ret = secret_new(secret_reveal(known));
    return 0;
}

void keeper_answer(struct keeper *keeper, struct channel *channel, sv body)
{
    struct unpack request = UNPACK_FROM(body);
    uint64_t serial = unpack_u64(&request);
    sv reference = unpack_sv(&request);
    if (!unpack_done(&request))
        return;
    struct provider_context context = {.secrets_directory = keeper->secrets_directory,
                                       .credentials_directory = keeper->credentials_directory,
                                       .keeper_uid = keeper->uid};
    const struct secret *known = find_credential(keeper, reference);
    struct secret *secret = NULL;
    struct err err;
    struct buf answer = BUF_INIT(ANSWER_BYTES_MAX);
    struct pack pack = PACK_INTO(&answer);
    pack_u64(&pack, serial);
    int rc = known ? 0 : provider_fetch(&context, reference, &secret, &err);
    if (rc == 0) {
        pack_sv(&pack, secret_reveal(known ? known : secret));
    } else {
        pack_sv(&pack, sv_of(err.cause));
        pack_sv(&pack, sv_of(err.advice));
    }
    assert(pack.ok);
    channel_send(channel, rc == 0 ? CONTROL_SECRET : CONTROL_SECRET_FAILED, buf_view(&answer), -1);
    secret_free(secret);
    buf_free(&answer); /* wipes */
}
