/* Tests that stand beside relay.rules: questions, and what the rules must answer. Pure.
 *
 *     - name: the vault reaches the SOC by day
 *       from: 192.0.2.10              # required, all else may be left out
 *       at: 2026-06-01T08:00:00Z      # default: 2026-01-07T12:00:00Z, a Wednesday
 *       sender: vault@example.org     # default: <>
 *       rcpt: soc@example.org
 *       user: vault                   # authenticated as; certificate: SUBJECT, fingerprint: sha256:…
 *       tls: "1.3"                    # none (default), 1.0, 1.1, 1.2 or 1.3
 *       helo: vault.example.org       # listener: ADDRESS:PORT
 *       size: 2000                    # bytes; default: 1000
 *       headers: ["Subject: test"]    # the default
 *       repeat: 61                    # ask so often at that moment; the last answer counts
 *       verdict: accept               # accept, reject, defer, quarantine or redirect
 *       rule: cyberark                # optional: that decides
 *       to: night@example.org         # optional: the recipient in the end
 *       text: "07:00-19:00"           # optional: stands in the refusal
 */
#ifndef VEDETTE_GATEWAY_GUARD_CASES_H
#define VEDETTE_GATEWAY_GUARD_CASES_H

#include "gateway/guard.h"

enum { GUARD_CASES_MAX = 10000, GUARD_CASE_REPEAT_MAX = 1000000 };

enum guard_case_result {
    GUARD_CASE_PASSED,
    GUARD_CASE_FAILED, /* the rules answer otherwise */
    GUARD_CASE_BROKEN, /* it could not be read */
};

/* Views are valid during the call. */
struct guard_case {
    enum guard_case_result result;
    sv name;          /* empty if it has none */
    int line, column; /* from 1 */
    const char *message;
};

typedef void guard_case_fn(void *arg, const struct guard_case *one);

struct guard_case_counts {
    size_t passed, failed, broken;
};

/* Runs every case on counts of its own. */
void guard_cases_run(const struct guard *guard, sv text, guard_case_fn *fn, void *arg,
                     struct guard_case_counts *ret);

#endif
