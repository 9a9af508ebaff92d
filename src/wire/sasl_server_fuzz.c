/* Nothing that a client may say in an exchange gets it in without the key, or does harm. */
#include "wire/sasl_server.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Fits no password. */
static const char *find_key(void *arg, sv user)
{
    (void)arg;
    assert(sv_printable(user));
    return "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"
           "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const sv names[] = {SV_INIT("PLAIN"), SV_INIT("LOGIN"), SV_INIT("SCRAM-SHA-256"),
                               SV_INIT("SCRAM-SHA-256-PLUS"), SV_INIT("OAUTHBEARER")};
    if (size == 0)
        return 0;
    struct sasl_server *server = sasl_server_open(names[data[0] % 5], SV("exporter"), find_key, NULL);
    assert(server);
    sv rest = sv_make(data + 1, size - 1);
    enum sasl_server_step step = SASL_SERVER_CHALLENGE;
    while (rest.p && step == SASL_SERVER_CHALLENGE) {
        sv response = sv_split(&rest, '\xff');
        step = sasl_server_step(server, true, response);
        assert(step != SASL_SERVER_DONE);
        if (step == SASL_SERVER_TOKEN) {
            assert(sv_printable(sasl_server_user(server)) && sv_printable(sasl_server_password(server)));
            step = sasl_server_reject(server);
        }
        assert(step != SASL_SERVER_CHECK ||
               (sv_printable(sasl_server_user(server)) && sasl_server_user(server).n));
    }
    sasl_server_close(server);
    return 0;
}
