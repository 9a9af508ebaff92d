/* What a gateway says, and what lies in a Maildir: ids found in them stand in them, and secrets are masked
 * whole. */
#include "courier/mask.h"
#include "courier/message_id.h"
#include "courier/queue_id.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must_stand_in(sv part, sv whole)
{
    if (part.n && (part.p < whole.p || part.p + part.n > whole.p + whole.n))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv whole = sv_make(data, size);
    must_stand_in(message_id_find(whole), whole);
    must_stand_in(queue_id_find(whole), whole);
    /* The first eight bytes are the secret, the rest is the text. */
    sv secret = sv_first(whole, 8), rest = sv_from(whole, 8);
    char *text = malloc(rest.n + 1);
    sv_copy(text, rest.n + 1, rest);
    mask(text, secret);
    if (secret.n == 8 && sv_find_char(secret, '*') == SV_NPOS && sv_find(sv_of(text), secret) != SV_NPOS)
        abort();
    free(text);
    return 0;
}
