#include "secret/keeper.h"

#include "wire/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWER_BYTES_MAX = SECRET_BYTES_MAX + 4096 };

struct keeper {
    char *secrets_directory, *credentials_directory; /* NULL: none */
    uid_t uid;
};

static char *copy(const char *text)
{
    char *copied = text ? strdup(text) : NULL;
    assert(copied || !text);
    return copied;
}

struct keeper *keeper_new(const struct provider_context *context)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    assert(keeper);
    keeper->secrets_directory = copy(context->secrets_directory);
    keeper->credentials_directory = copy(context->credentials_directory);
    keeper->uid = context->keeper_uid;
    return keeper;
}

void keeper_free(struct keeper *keeper)
{
    if (!keeper)
        return;
    free(keeper->secrets_directory);
    free(keeper->credentials_directory);
    free(keeper);
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
    struct secret *secret = NULL;
    struct err err;
    struct buf answer = BUF_INIT(ANSWER_BYTES_MAX);
    struct pack pack = PACK_INTO(&answer);
    pack_u64(&pack, serial);
    int rc = provider_fetch(&context, reference, &secret, &err);
    if (rc == 0) {
        pack_sv(&pack, secret_reveal(secret));
    } else {
        pack_sv(&pack, sv_of(err.cause));
        pack_sv(&pack, sv_of(err.advice));
    }
    assert(pack.ok);
    channel_send(channel, rc == 0 ? CONTROL_SECRET : CONTROL_SECRET_FAILED, buf_view(&answer), -1);
    secret_free(secret);
    buf_free(&answer); /* wipes */
}
