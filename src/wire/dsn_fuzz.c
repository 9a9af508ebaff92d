#include "wire/dsn.h"

#include "wire/verp.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char KEY[VERP_KEY_BYTES];
    struct dsn *dsn = malloc(sizeof *dsn);
    int64_t id;
    assert(dsn);
    enum dsn_kind kind = dsn_read(sv_make(data, size), dsn);
    assert(kind == dsn->kind && dsn->recipient_count <= DSN_RECIPIENTS_MAX);
    assert(kind == DSN_NOT_A_REPORT || dsn->recipient_count > 0);
    for (size_t i = 0; i < dsn->recipient_count; i++) {
        const struct dsn_recipient *recipient = &dsn->recipients[i];
        assert(sv_printable(sv_of(recipient->said)) && sv_printable(sv_of(recipient->told)));
        assert(sv_printable(sv_of(recipient->final_recipient)));
        assert(sv_printable(sv_of(recipient->original_recipient)));
        assert(recipient->code == 0 || (recipient->code >= 400 && recipient->code < 600));
    }
    for (size_t i = 0; i < dsn->address_count; i++)
        (void)verp_read(sv_of(dsn->addresses[i]), SV("bounces@example.org"), KEY, &id);
    free(dsn);
    return 0;
}
