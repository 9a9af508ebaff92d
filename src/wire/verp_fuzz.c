/* Addresses that reports come back to: whatever they are, a token of ours is found in them again, and nobody
 * makes one up. */
#include "wire/verp.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAIL = 4711, AROUND_BYTES_MAX = 200 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned char key[VERP_KEY_BYTES] = {7}, other[VERP_KEY_BYTES] = {8};
    char address[VERP_ADDRESS_MAX], text[VERP_ADDRESS_MAX + 2 * AROUND_BYTES_MAX];
    sv whole = sv_make(data, size), ours = SV("bounces@example.org");
    int64_t mail = 0;
    /* No input bears a token under this key unless its writer had the key. */
    if (verp_read(whole, ours, other, &mail) == VERP_GOOD)
        abort();
    verp_read(SV("bounces+1.aaaaaaaaaaaaaaaaaaaa@example.org"), whole, key, &mail);
    if (!verp_make(ours, MAIL, key, address))
        abort();
    /* Half of the input before it, half behind: too few other places to hide it. */
    sv before = sv_first(whole, size < AROUND_BYTES_MAX ? size / 2 : AROUND_BYTES_MAX / 2);
    sv behind = sv_first(sv_from(whole, before.n), AROUND_BYTES_MAX / 2);
    int n = snprintf(text, sizeof text, "%.*s <%s> %.*s", SV_ARG(before), address, SV_ARG(behind));
    if (n < 0 || (size_t)n >= sizeof text)
        abort();
    mail = 0;
    if (verp_read(sv_of(text), ours, key, &mail) != VERP_GOOD || mail != MAIL)
        abort();
    /* An address that tokens fit into takes one, and gives it back. */
    if (size <= VERP_ADDRESS_MAX && sv_find_char(whole, '\0') == SV_NPOS && verp_fits(whole) &&
        verp_make(whole, MAIL, key, address) &&
        (verp_read(sv_of(address), whole, key, &mail) != VERP_GOOD || mail != MAIL))
        abort();
    return 0;
}
