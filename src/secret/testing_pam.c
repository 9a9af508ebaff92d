/* A PAM module for tests. Not part of the program. Its arguments:
 *
 *   password=WORD      what is right; else it refuses
 *   from=IP            refuses who comes from elsewhere
 *   away               nobody can be asked
 *   locked             the account has expired
 *   renamed            makes another user of it
 *   asks_more          wants a second secret
 *   silent=FILE        answers only when that file is there */
#define PAM_SM_AUTH
#define PAM_SM_ACCOUNT
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *value_of(int argc, const char **argv, const char *name)
{
    size_t n = strlen(name);
    for (int i = 0; i < argc; i++)
        if (strncmp(argv[i], name, n) == 0)
            return argv[i] + n;
    return NULL;
}

static void wait_for(const char *file)
{
    while (file && access(file, F_OK) < 0)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static bool comes_from(pam_handle_t *pam, const char *ip)
{
    const void *host = NULL;
    return !ip || (pam_get_item(pam, PAM_RHOST, &host) == PAM_SUCCESS && host && strcmp(host, ip) == 0);
}

int pam_sm_authenticate(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    const char *given = NULL, *right = value_of(argc, argv, "password=");
    char *more = NULL;
    (void)flags;
    wait_for(value_of(argc, argv, "silent="));
    if (value_of(argc, argv, "away"))
        return PAM_AUTHINFO_UNAVAIL;
    if (pam_get_authtok(pam, PAM_AUTHTOK, &given, NULL) != PAM_SUCCESS || !right ||
        strcmp(given, right) != 0 || !comes_from(pam, value_of(argc, argv, "from=")))
        return PAM_AUTH_ERR;
    if (value_of(argc, argv, "asks_more") &&
        pam_prompt(pam, PAM_PROMPT_ECHO_OFF, &more, "Code: ") != PAM_SUCCESS)
        return PAM_AUTH_ERR;
    if (value_of(argc, argv, "renamed"))
        return pam_set_item(pam, PAM_USER, "root");
    return PAM_SUCCESS;
}

int pam_sm_setcred(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)pam;
    (void)flags;
    (void)argc;
    (void)argv;
    return PAM_SUCCESS;
}

int pam_sm_acct_mgmt(pam_handle_t *pam, int flags, int argc, const char **argv)
{
    (void)pam;
    (void)flags;
    return value_of(argc, argv, "locked") ? PAM_ACCT_EXPIRED : PAM_SUCCESS;
}
