#include "courier/check_private.h"

#include <assert.h>

/* --- Port and security, when they are not given --- */

static void add(struct check *check, int port, enum smtp_security security)
{
    if (check->candidate_count < CHECK_CANDIDATES_MAX)
        check->candidates[check->candidate_count++] = (struct check_candidate){port, security};
}

/* As such a port is used mostly, and then the other way round. */
static void add_port(struct check *check, int port)
{
    bool tls = port == 465;
    if (check->request.security_given) {
        add(check, port, check->request.gateway.security);
        return;
    }
    add(check, port, tls ? SMTP_SECURITY_TLS : SMTP_SECURITY_STARTTLS);
    add(check, port, tls ? SMTP_SECURITY_STARTTLS : SMTP_SECURITY_TLS);
}

static void take(struct check *check)
{
    const struct check_candidate *candidate = &check->candidates[check->candidate];
    struct err err;
    check->request.gateway.port = check->report.port = candidate->port;
    check_set_security(check, candidate->security);
    int failed = address_parse(sv_of(check->request.gateway.address), (uint16_t)candidate->port,
                               &check->address, &err);
    assert(!failed);
}

void check_guess_begin(struct check *check)
{
    check->guessing = !check->request.gateway.port || !check->request.security_given;
    check->report.guessed = check->guessing;
    if (!check->guessing || !check->request.gateway.port)
        return;
    add_port(check, check->request.gateway.port);
    take(check);
}

void check_guess_ports(struct check *check)
{
    static const int preferred[] = {587, 465, 25};
    for (size_t i = 0; i < sizeof preferred / sizeof *preferred; i++)
        for (size_t j = 0; j < check->reaching.count; j++) {
            const struct check_reach_one *one = &check->reaching.ports[j];
            if (one->port == preferred[i] && one->done && one->report.state == REACH_OPEN)
                add_port(check, one->port);
        }
    if (check->candidate_count)
        take(check);
}

bool check_guess_next(struct check *check, enum check_hop_id hop)
{
    const struct check_candidate *now = &check->candidates[check->candidate];
    bool spoke = hop != CHECK_BANNER && hop != CHECK_TLS && hop != CHECK_CONNECT;
    if (!check->guessing || spoke || check->candidate + 1 >= check->candidate_count)
        return false;
    /* In TLS's own terms it does speak TLS, only not as it should. */
    enum tls_failure failure = check->dialogue.tls_failure;
    bool not_tls = failure == TLS_FAILURE_NONE || failure == TLS_FAILURE_PLAIN_TEXT ||
                   failure == TLS_FAILURE_HUNG_UP || failure == TLS_FAILURE_BROKEN;
    if (hop == CHECK_TLS && now->security == SMTP_SECURITY_TLS && !not_tls)
        return false;
    check->candidate++;
    take(check);
    return true;
}
