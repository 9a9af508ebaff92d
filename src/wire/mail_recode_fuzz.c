/* What comes out of mail_recode may be sent, whatever went in. */
#include "wire/mail_recode.h"
#include "wire/smtp_data.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT(16 * 1024 * 1024);
    struct smtp_data_facts facts;
    struct err err;
    if (mail_recode(sv_make((const char *)data, size), &out, &err) == 0) {
        smtp_data_check(buf_view(&out), &facts);
        assert(!facts.faults);
    }
    buf_free(&out);
    return 0;
}
