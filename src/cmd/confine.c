#include "cmd/confine.h"

#include "base/log.h"
#include "cmd/rule_cache.h"
#include "io/durable.h"
#include "io/sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP_NAME "vedette"

enum { GATEWAY_FOLDERS_MAX = CONFIG_ROUTES_MAX + 3 };
enum { FOLDER_MODE = 0750, WAY_MODE = 0755, ENTRIES_MAX = 1000 };

static const struct {
    const char *user;
    enum sandbox_profile profile;
} roles[] = {
    [CONFINE_KEEPER] = {"vedette-keeper", SANDBOX_KEEPER},
    [CONFINE_WATCH] = {"vedette-watch", SANDBOX_WATCH},
    [CONFINE_COURIER] = {"vedette-courier", SANDBOX_COURIER},
    [CONFINE_GATEWAY] = {"vedette-gateway", SANDBOX_GATEWAY},
    [CONFINE_CORRELATE] = {"vedette-correlate", SANDBOX_WATCH},
};

const char *confine_user(enum confine_role role)
{
    return roles[role].user;
}

static bool may_change_users(const struct config *config)
{
    return geteuid() == 0 && config->privileges != CONFIG_PRIVILEGES_KEEP;
}

/* What lies on path before its last name: the part of the way that is not ours to give to anyone. */
static const char *way_to(const char *path, char *ret, size_t cap)
{
    size_t n = sv_copy(ret, cap, sv_of(path));
    while (n && ret[n - 1] == '/')
        ret[--n] = '\0';
    char *slash = strrchr(ret, '/');
    if (slash)
        slash[slash == ret] = '\0';
    else
        sv_copy(ret, cap, SV("."));
    return ret;
}

/* What does not exist yet will be made so that its user reaches it, and what lies in the state directory is
 * given away with it. */
static bool reaches_folder(const char *user, const struct config *config, const char *path)
{
    char way[PATH_MAX];
    if (sv_starts(sv_of(path), sv_of(config->state_directory)))
        path = config->state_directory;
    way_to(path, way, sizeof way);
    while (access(way, F_OK) < 0 && errno == ENOENT && strchr(way, '/') && strcmp(way, "/") != 0) {
        char shorter[PATH_MAX];
        way_to(way, shorter, sizeof shorter);
        sv_copy(way, sizeof way, sv_of(shorter));
    }
    return sandbox_user_may(user, way, X_OK);
}

/* What is not there, or what root cannot read either, is not the user's fault. */
static bool may_read(const char *user, const char *path)
{
    struct stat st;
    int mode = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? R_OK | X_OK : R_OK;
    return access(path, mode) < 0 || sandbox_user_may(user, path, mode);
}

static const char *first_unread(const char *user, const struct config_strings *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        if (!may_read(user, paths->items[i]))
            return paths->items[i];
    return NULL;
}

const char *confine_unread_rules(enum confine_role role, const struct config *config)
{
    const struct config_strings *const kinds[] = {&config->rules, &config->pipelines, &config->masks};
    const char *user = roles[role].user, *path = NULL;
    for (size_t i = 0; !path && i < sizeof kinds / sizeof *kinds; i++)
        path = first_unread(user, kinds[i]);
    for (size_t i = 0; !path && i < config->list_count; i++)
        if (config->lists[i].file && !may_read(user, config->lists[i].file))
            path = config->lists[i].file;
    return path;
}

/* The keeper always takes its user: a secret that this user cannot read is a mistake that must be seen. */
static bool reaches_its_files(enum confine_role role, const struct config *config)
{
    const char *user = roles[role].user;
    switch (role) {
    case CONFINE_KEEPER:
        return true;
    case CONFINE_WATCH:
    case CONFINE_CORRELATE:
        return !confine_unread_rules(role, config);
    case CONFINE_COURIER:
        return reaches_folder(user, config, config->state_directory);
    case CONFINE_GATEWAY:
        return (!config->relay.maildir || reaches_folder(user, config, config->relay.maildir)) &&
               reaches_folder(user, config, config->relay.spool);
    }
    abort();
}

bool confine_takes_user(enum confine_role role, const struct config *config, const char **ret_why)
{
    const char *why = NULL;
    if (may_change_users(config) && !getpwnam(roles[role].user))
        why = "there is no such user";
    else if (may_change_users(config) && !reaches_its_files(role, config))
        why = "this user cannot reach the files and folders that the configuration names";
    if (ret_why)
        *ret_why = why;
    return may_change_users(config) && !why;
}

static int drop_user(enum confine_role role, const struct config *config, struct err *err)
{
    const char *user = roles[role].user, *why;
    if (confine_takes_user(role, config, &why))
        return sandbox_drop_user(user, NULL, err);
    if (why && config->privileges == CONFIG_PRIVILEGES_REQUIRED)
        return err_set(
            err, ERR_CONFIG,
            "systemd-sysusers makes the users after make install; folders above theirs need mode o+x",
            "%s: %s, and privileges: required", user, why);
    if (why)
        LOG_WARNING("runs as root without its powers", LOG_STR("instead_of", user), LOG_STR("cause", why));
    return 0;
}

/* Where the gateway writes: its spool and the Maildirs; NULL-terminated. */
static void gateway_folders(const struct config *config, const char *ret[static GATEWAY_FOLDERS_MAX])
{
    size_t n = 0;
    ret[n++] = config->relay.spool;
    if (config->relay.maildir)
        ret[n++] = config->relay.maildir;
    for (size_t i = 0; i < config->relay.route_count; i++)
        if (config->relay.routes[i].maildir)
            ret[n++] = config->relay.routes[i].maildir;
    ret[n] = NULL;
}

/* Reading is left to the file system's own permissions, so that a reload may name new files; writing is not.
 */
int confine(enum confine_role role, const struct config *config, struct err *err)
{
    static const char *const all[] = {"/", NULL};
    const char *const state[] = {config->state_directory, NULL};
    const char *mail[GATEWAY_FOLDERS_MAX];
    gateway_folders(config, mail);
    const struct sandbox_paths paths[] = {
        [CONFINE_KEEPER] = {.read = all},
        [CONFINE_WATCH] = {.read = all},
        [CONFINE_CORRELATE] = {.read = all}, /* rules, also those that a reload names */
        [CONFINE_COURIER] = {.read = all, .write = state},
        [CONFINE_GATEWAY] = {.read = all, .write = mail},
    };
    if (drop_user(role, config, err) < 0)
        return -1;
    umask(027); /* so that a stricter one does not keep the group out of what is meant for it */
    /* The keeper dials a provider of tokens, and what PAM's modules ask; nothing else. */
    bool dials =
        role == CONFINE_KEEPER && (config->relay.introspection || config_relay_asks_pam(&config->relay));
    return sandbox_enter(dials ? SANDBOX_KEEPER_DIALLING : roles[role].profile, &paths[role], err);
}

struct owner {
    uid_t user;
    gid_t group;
};

static int take(int fd, const struct owner *owner, bool folder)
{
    if (fchownat(fd, "", owner->user, owner->group, AT_EMPTY_PATH) < 0)
        return -1;
    /* The group's bit: what is made inside belongs to the group, too. */
    return folder ? fchmod(fd, S_ISGID | FOLDER_MODE) : 0;
}

/* An earlier run as root, or under another user, leaves files that the user could not open. A file with a
 * second name is left alone: that name may be anybody's. */
static int take_entry(int folder, const char *name, const struct owner *owner)
{
    struct stat st;
    int outcome = 0, fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) /* a link, or a socket */
        return 0;
    if (fstat(fd, &st) == 0 && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && st.st_nlink == 1)) &&
        (st.st_uid != owner->user || S_ISDIR(st.st_mode)))
        outcome = take(fd, owner, S_ISDIR(st.st_mode));
    close(fd);
    return outcome;
}

/* Whoever may write in the folder above could put a link to any other folder in this one's place. */
static bool may_be_link(const char *path)
{
    char way[PATH_MAX];
    struct stat st;
    return stat(way_to(path, way, sizeof way), &st) == 0 && st.st_uid == 0 &&
           !(st.st_mode & (S_IWGRP | S_IWOTH));
}

static int take_folder(const char *path, const struct owner *owner)
{
    char bare[PATH_MAX]; /* a slash at the end would follow the link all the same */
    size_t n = sv_copy(bare, sizeof bare, sv_of(path));
    while (n > 1 && bare[n - 1] == '/')
        bare[--n] = '\0';
    int fd = open(bare, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (may_be_link(path) ? 0 : O_NOFOLLOW));
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return -1;
    int outcome = take(fd, owner, true);
    struct dirent *entry;
    for (size_t i = 0; outcome == 0 && i < ENTRIES_MAX && (entry = readdir(dir)); i++)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            outcome = take_entry(fd, entry->d_name, owner);
    closedir(dir);
    return outcome;
}

/* Makes path; where its role takes a user of its own it belongs to that user, and the group may read it. */
static int make_folder(const struct config *config, const char *path, enum confine_role role, struct err *err)
{
    struct stat st;
    char way[PATH_MAX];
    if (directory_make(way_to(path, way, sizeof way), WAY_MODE, err) < 0 ||
        directory_make(path, FOLDER_MODE, err) < 0)
        return -1;
    if (!confine_takes_user(role, config, NULL))
        return 0;
    if (stat(path, &st) == 0 && (st.st_mode & S_IWOTH))
        return err_set(err, ERR_CONFIG, "name a folder of its own in the configuration",
                       "everybody may write in %s: it cannot become %s's", path, roles[role].user);
    const struct passwd *user = getpwnam(roles[role].user);
    struct owner owner = {user->pw_uid, user->pw_gid};
    const struct group *group = getgrnam(GROUP_NAME);
    if (group)
        owner.group = group->gr_gid;
    if (take_folder(path, &owner) < 0)
        return err_set(err, ERR_SYSTEM,
                       "it must be a folder, or a link in a folder that only root may write in",
                       "give %s to %s", path, roles[role].user);
    return 0;
}

int confine_make_folders(const struct config *config, struct err *err)
{
    if (make_folder(config, config->state_directory, CONFINE_COURIER, err) < 0 ||
        make_folder(config, config->runtime_directory, CONFINE_COURIER, err) < 0)
        return -1;
    const char *mail[GATEWAY_FOLDERS_MAX];
    gateway_folders(config, mail);
    for (size_t i = 0; config->relay.present && mail[i]; i++)
        if (make_folder(config, mail[i], CONFINE_GATEWAY, err) < 0)
            return -1;
    rule_cache_make(config);
    return 0;
}
