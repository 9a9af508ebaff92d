#include "secret/pam_check.h"

#include <security/pam_appl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The conversation: the password is said once, to the first who asks without an echo. Whoever asks for
 * more, such as a second factor, gets nothing. */
struct talk {
    sv password;
    bool said;
};

static void free_replies(struct pam_response *replies, int n)
{
    for (int i = 0; i < n; i++)
        if (replies[i].resp) {
            sodium_memzero(replies[i].resp, strlen(replies[i].resp));
            free(replies[i].resp);
        }
    free(replies);
}

static bool reply(struct talk *talk, const struct pam_message *asked, struct pam_response *ret)
{
    if (asked->msg_style == PAM_TEXT_INFO || asked->msg_style == PAM_ERROR_MSG)
        return true; /* words for a person, who is not here */
    sv password = talk->password;
    if (asked->msg_style != PAM_PROMPT_ECHO_OFF || talk->said || password.n == 0 ||
        password.n >= PAM_MAX_RESP_SIZE || memchr(password.p, 0, password.n))
        return false;
    ret->resp = strndup(password.p, password.n);
    talk->said = true;
    return ret->resp != NULL;
}

static int converse(int n, const struct pam_message **asked, struct pam_response **ret, void *arg)
{
    struct pam_response *replies = n > 0 && n <= PAM_MAX_NUM_MSG ? calloc((size_t)n, sizeof *replies) : NULL;
    if (!replies)
        return PAM_CONV_ERR;
    for (int i = 0; i < n; i++)
        if (!reply(arg, asked[i], &replies[i])) {
            free_replies(replies, n);
            return PAM_CONV_ERR;
        }
    *ret = replies;
    return PAM_SUCCESS;
}

/* Guessers are made to wait by our own lock-out; here a wait would hold up everybody behind them. */
static void do_not_wait(int outcome, unsigned usec, void *arg)
{
    (void)outcome;
    (void)usec;
    (void)arg;
}

static enum pam_verdict verdict_of(int outcome)
{
    switch (outcome) {
    case PAM_SUCCESS:
        return PAM_VERDICT_FITS;
    case PAM_AUTH_ERR:
    case PAM_USER_UNKNOWN:
    case PAM_PERM_DENIED:
    case PAM_MAXTRIES:
    case PAM_CRED_INSUFFICIENT:
    case PAM_CRED_EXPIRED:
    case PAM_NEW_AUTHTOK_REQD:
    case PAM_ACCT_EXPIRED:
    case PAM_AUTHTOK_EXPIRED:
        return PAM_VERDICT_REFUSED;
    default: /* PAM's own numbers, which later versions add to */
        return PAM_VERDICT_UNKNOWN;
    }
}

/* A module may have made another name of it; that is then not the account that asked. */
static int still_the_same(pam_handle_t *pam, const char *user)
{
    const void *name = NULL;
    int outcome = pam_get_item(pam, PAM_USER, &name);
    return outcome == PAM_SUCCESS && (!name || strcmp(name, user) != 0) ? PAM_USER_UNKNOWN : outcome;
}

static int ask(pam_handle_t *pam, const struct pam_question *question)
{
    const int flags = PAM_SILENT | PAM_DISALLOW_NULL_AUTHTOK;
    union {
        void (*fn)(int, unsigned, void *);
        const void *item;
    } delay = {.fn = do_not_wait};
    int outcome = pam_set_item(pam, PAM_RHOST, question->client_ip);
    if (outcome == PAM_SUCCESS)
        outcome = pam_set_item(pam, PAM_TTY, "smtp");
    if (outcome == PAM_SUCCESS)
        outcome = pam_set_item(pam, PAM_FAIL_DELAY, delay.item);
    if (outcome == PAM_SUCCESS)
        outcome = pam_authenticate(pam, flags);
    if (outcome == PAM_SUCCESS)
        outcome = pam_acct_mgmt(pam, flags);
    if (outcome == PAM_SUCCESS)
        outcome = still_the_same(pam, question->user);
    return outcome;
}

enum pam_verdict pam_check(const struct pam_question *question, char *why, size_t cap)
{
    struct talk talk = {.password = question->password};
    const struct pam_conv conversation = {.conv = converse, .appdata_ptr = &talk};
    pam_handle_t *pam = NULL;
    int outcome = question->directory ? pam_start_confdir(question->service, question->user, &conversation,
                                                          question->directory, &pam)
                                      : pam_start(question->service, question->user, &conversation, &pam);
    if (outcome == PAM_SUCCESS)
        outcome = ask(pam, question);
    enum pam_verdict verdict = verdict_of(outcome);
    snprintf(why, cap, "%s", verdict == PAM_VERDICT_FITS ? "" : pam_strerror(pam, outcome));
    if (pam)
        pam_end(pam, outcome | PAM_DATA_SILENT);
    return verdict;
}
