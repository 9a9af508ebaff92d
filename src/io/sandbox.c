#include "io/sandbox.h"

#include "io/sandbox_private.h"

#include <cap-ng.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GROUPS_MAX = 256 };

static const char user_advice[] = "make it with: useradd --system --no-create-home --shell /usr/sbin/nologin";

static int set_groups(const struct passwd *pw, const char *const *extra, struct err *err)
{
    gid_t groups[GROUPS_MAX];
    int n = GROUPS_MAX;
    if (initgroups(pw->pw_name, pw->pw_gid) < 0 || getgrouplist(pw->pw_name, pw->pw_gid, groups, &n) < 0)
        return err_set(err, ERR_SYSTEM, NULL, "take the groups of user %s", pw->pw_name);
    for (size_t i = 0; extra && extra[i] && n < GROUPS_MAX; i++) {
        const struct group *group = getgrnam(extra[i]);
        if (group)
            groups[n++] = group->gr_gid;
    }
    if (setgroups((size_t)n, groups) < 0)
        return err_set(err, ERR_SYSTEM, NULL, "take the groups of user %s", pw->pw_name);
    return 0;
}

static bool took(uid_t uid, gid_t gid)
{
    uid_t r, e, s;
    gid_t rg, eg, sg;
    return getresuid(&r, &e, &s) == 0 && r == uid && e == uid && s == uid && getresgid(&rg, &eg, &sg) == 0 &&
           rg == gid && eg == gid && sg == gid && setuid(0) < 0 && setgid(0) < 0;
}

int sandbox_drop_user(const char *user, const char *const *extra_groups, struct err *err)
{
    errno = 0;
    const struct passwd *pw = getpwnam(user);
    if (!pw)
        return err_set(err, ERR_CONFIG, user_advice, "there is no user %s", user);
    if (geteuid() != 0 && geteuid() == pw->pw_uid && getuid() == pw->pw_uid)
        return 0;
    uid_t uid = pw->pw_uid;
    gid_t gid = pw->pw_gid;
    if (uid == 0)
        return err_set(err, ERR_CONFIG, "name a user without privileges", "user %s is root", user);
    if (set_groups(pw, extra_groups, err) < 0)
        return -1;
    if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        return err_set(err, ERR_SYSTEM, "start as root or as that user", "become user %s", user);
    if (!took(uid, gid))
        return err_set(err, ERR_INTERNAL, NULL, "becoming user %s left a way back", user);
    return 0;
}

bool sandbox_user_may(const char *user, const char *path, int mode)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(sandbox_drop_user(user, NULL, NULL) == 0 && access(path, mode) == 0 ? 0 : 1);
    while (pid > 0 && waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return false;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Root without these cannot read other users' logs, or write a state directory that belongs to vedette. */
static int needed_capability(enum sandbox_profile profile)
{
    switch (profile) {
    case SANDBOX_KEEPER:
    case SANDBOX_KEEPER_DIALLING:
    case SANDBOX_WATCH:
        return CAP_DAC_READ_SEARCH;
    case SANDBOX_COURIER:
    case SANDBOX_GATEWAY:
        return CAP_DAC_OVERRIDE;
    }
    abort();
}

static int drop_capabilities(enum sandbox_profile profile, struct err *err)
{
    int needed = needed_capability(profile);
    if (capng_get_caps_process() < 0)
        return err_set(err, ERR_SYSTEM, NULL, "read our capabilities");
    bool keep = geteuid() == 0 && capng_have_capability(CAPNG_PERMITTED, (unsigned)needed);
    bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP);
    capng_clear(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS);
    if (keep)
        capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned)needed);
    if (capng_apply(may_bound ? CAPNG_SELECT_ALL : CAPNG_SELECT_CAPS) != 0)
        return err_set(err, ERR_SYSTEM, NULL, "drop capabilities");
    return 0;
}

int sandbox_enter(enum sandbox_profile profile, const struct sandbox_paths *paths, struct err *err)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(err, ERR_SYSTEM, NULL, "give up new privileges");
#ifndef SANDBOX_SANITIZED
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return err_set(err, ERR_SYSTEM, NULL, "give up core dumps");
#endif
    if (drop_capabilities(profile, err) < 0)
        return -1;
    if (paths && sandbox_landlock_available() && sandbox_landlock(paths, err) < 0)
        return -1;
    return sandbox_seccomp(profile, err);
}
