/* What `vedette test` and `vedette send` hand in, between its JSON form and the courier's. */
#ifndef VEDETTE_CMD_SUBMISSION_H
#define VEDETTE_CMD_SUBMISSION_H

#include "courier/courier.h"
#include "store/canary.h"

#include <jansson.h>

/* courier borrows from the rest, from the request and from the content. */
struct submission {
    struct courier_submission courier;
    struct finding finding;
    struct arena *arena;
    char token[STORE_TOKEN_MAX]; /* of a test: what its reader may confirm it by; empty: none */
};

/* {"command": "submit", "kind": "mail" | "alert" | "test", "sender", "recipients": […], "gateway", "title",
 * "severity", "text", "alone": nobody is there later to confirm anything to}; content is the mail for kind
 * mail. */
int submission_read(struct submission *ret, const json_t *request, sv content, nanos now, struct err *err);
void submission_free(struct submission *submission);

#endif
