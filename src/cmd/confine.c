#include "cmd/confine.h"

#include "base/log.h"
#include "io/durable.h"
#include "io/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_NAME "vedette"

static const struct {
    const char *user;
    enum sandbox_profile profile;
} roles[] = {
    [CONFINE_KEEPER] = {"vedette-keeper", SANDBOX_KEEPER},
    [CONFINE_WATCH] = {"vedette-watch", SANDBOX_WATCH},
    [CONFINE_COURIER] = {"vedette-courier", SANDBOX_COURIER},
    [CONFINE_GATEWAY] = {"vedette-gateway", SANDBOX_GATEWAY},
};

const char *confine_user(enum confine_role role)
{
    return roles[role].user;
}

static bool changes_users(const struct config *config)
{
    return geteuid() == 0 && config->privileges != CONFIG_PRIVILEGES_KEEP;
}

bool confine_lacks_user(enum confine_role role, const struct config *config)
{
    return changes_users(config) && !getpwnam(roles[role].user);
}

static int drop_user(enum confine_role role, const struct config *config, struct err *err)
{
    const char *user = roles[role].user;
    if (!changes_users(config))
        return 0;
    if (getpwnam(user))
        return sandbox_drop_user(user, NULL, err);
    if (config->privileges == CONFIG_PRIVILEGES_REQUIRED)
        return err_set(err, ERR_CONFIG, "make install, or systemd-sysusers, creates the users",
                       "there is no user %s, and privileges: required", user);
    LOG_WARNING("no user of its own: runs as root without its powers", LOG_STR("user", user));
    return 0;
}

/* Reading is left to the file system's own permissions, so that a reload may name new files; writing is not.
 */
int confine(enum confine_role role, const struct config *config, struct err *err)
{
    static const char *const all[] = {"/", NULL};
    const char *const state[] = {config->state_directory, NULL}, *const inbox[] = {config->relay.maildir,
                                                                                   NULL};
    const struct sandbox_paths paths[] = {
        [CONFINE_KEEPER] = {.read = all},
        [CONFINE_WATCH] = {.read = all},
        [CONFINE_COURIER] = {.read = all, .write = state},
        [CONFINE_GATEWAY] = {.read = inbox, .write = inbox},
    };
    if (drop_user(role, config, err) < 0)
        return -1;
    return sandbox_enter(roles[role].profile, &paths[role], err);
}

/* Makes path; as root with users of our own it belongs to one of them and the group may read it. */
static int make_folder(const struct config *config, const char *path, enum confine_role owner, mode_t mode,
                       struct err *err)
{
    if (directory_make(path, mode, err) < 0)
        return -1;
    const struct passwd *user = changes_users(config) ? getpwnam(roles[owner].user) : NULL;
    const struct group *group = user ? getgrnam(GROUP_NAME) : NULL;
    if (user && chown(path, user->pw_uid, group ? group->gr_gid : user->pw_gid) < 0)
        return err_set(err, ERR_SYSTEM, NULL, "give %s to %s", path, roles[owner].user);
    return 0;
}

int confine_make_folders(const struct config *config, struct err *err)
{
    if (make_folder(config, config->state_directory, CONFINE_COURIER, 0750, err) < 0 ||
        make_folder(config, config->runtime_directory, CONFINE_COURIER, 0750, err) < 0)
        return -1;
    return config->relay.present ? make_folder(config, config->relay.maildir, CONFINE_GATEWAY, 0750, err) : 0;
}
