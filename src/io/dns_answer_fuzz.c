/* The first byte chooses the type that was asked for; the rest is the message. */
#include "io/dns_private.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_PTR, DNS_CNAME, DNS_MX, DNS_TXT, DNS_TLSA};
    if (!size)
        return 0;
    struct arena *arena = arena_new(256 * 1024);
    struct dns_answer *answer = malloc(sizeof *answer);
    enum dns_type type = types[data[0] % (sizeof types / sizeof *types)];
    if (answer && dns_answer_read(sv_make(data + 1, size - 1), "mail.example.org", type, arena, answer)) {
        assert((answer->status == DNS_FOUND) == (answer->record_count > 0));
        assert(answer->record_count <= DNS_RECORDS_MAX && answer->chain_count <= DNS_CHAIN_MAX);
        for (size_t i = 0; i < answer->chain_count; i++)
            assert(strlen(answer->chain[i]) < DNS_NAME_TEXT_MAX);
    }
    free(answer);
    arena_free(arena);
    return 0;
}
