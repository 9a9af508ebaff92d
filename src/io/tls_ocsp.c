#include "io/tls_private.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

enum {
    ANSWERS_MAX = 64, /* certificates that one stapled answer may speak of */
    CLOCK_SLACK_SECONDS = 300,
};

static OCSP_BASICRESP *stapled_answer(SSL *ssl, bool *ret_stapled)
{
    const unsigned char *bytes = NULL;
    long n = SSL_get_tlsext_status_ocsp_resp(ssl, &bytes);
    *ret_stapled = bytes && n > 0;
    OCSP_RESPONSE *response = *ret_stapled ? d2i_OCSP_RESPONSE(NULL, &bytes, n) : NULL;
    OCSP_BASICRESP *answer = NULL;
    if (response && OCSP_response_status(response) == OCSP_RESPONSE_STATUS_SUCCESSFUL)
        answer = OCSP_response_get1_basic(response);
    OCSP_RESPONSE_free(response);
    return answer;
}

/* The answer for leaf, whichever hash the responder used to name it; NULL if there is none. */
static OCSP_SINGLERESP *answer_for(OCSP_BASICRESP *answer, X509 *leaf, X509 *issuer)
{
    int n = OCSP_resp_count(answer);
    for (int i = 0; i < n && i < ANSWERS_MAX; i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(answer, i);
        OCSP_CERTID *id = (OCSP_CERTID *)(uintptr_t)OCSP_SINGLERESP_get0_id(single), *ours;
        ASN1_OBJECT *hash = NULL;
        OCSP_id_get0_info(NULL, &hash, NULL, NULL, id);
        const EVP_MD *digest = EVP_get_digestbyobj(hash);
        ours = digest ? OCSP_cert_to_id(digest, leaf, issuer) : NULL;
        bool same = ours && OCSP_id_cmp(ours, id) == 0;
        OCSP_CERTID_free(ours);
        if (same)
            return single;
    }
    return NULL;
}

static void read_answer(OCSP_SINGLERESP *single, struct tls_stapled *ret)
{
    int reason = OCSP_REVOKED_STATUS_NOSTATUS;
    ASN1_GENERALIZEDTIME *revoked = NULL, *from = NULL, *until = NULL;
    int status = OCSP_single_get0_status(single, &reason, &revoked, &from, &until);
    ret->next_update = tls_time(until);
    if (status == V_OCSP_CERTSTATUS_REVOKED) { /* an old word of it is still true */
        ret->status = TLS_OCSP_REVOKED;
        ret->revoked_at = tls_time(revoked);
        ret->reason = reason == OCSP_REVOKED_STATUS_NOSTATUS ? NULL : OCSP_crl_reason_str(reason);
    } else if (OCSP_check_validity(from, until, CLOCK_SLACK_SECONDS, -1) != 1) {
        ret->status = TLS_OCSP_STALE;
    } else {
        ret->status = status == V_OCSP_CERTSTATUS_GOOD ? TLS_OCSP_GOOD : TLS_OCSP_UNKNOWN;
    }
}

void tls_stapled_check(SSL *ssl, bool named_trust, struct tls_stapled *ret)
{
    bool stapled = false;
    *ret = (struct tls_stapled){.status = TLS_OCSP_INVALID};
    OCSP_BASICRESP *answer = stapled_answer(ssl, &stapled);
    STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
    if (!stapled)
        ret->status = TLS_OCSP_NOT_STAPLED;
    if (answer && chain && sk_X509_num(chain) > 0) {
        X509 *leaf = sk_X509_value(chain, 0);
        X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : leaf;
        X509_STORE *trusted = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
        OCSP_SINGLERESP *single = answer_for(answer, leaf, issuer);
        if (single && OCSP_basic_verify(answer, chain, trusted, named_trust ? OCSP_PARTIAL_CHAIN : 0) == 1)
            read_answer(single, ret);
    }
    OCSP_BASICRESP_free(answer);
    ERR_clear_error();
}
