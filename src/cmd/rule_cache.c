#include "cmd/rule_cache.h"

#include "base/log.h"
#include "io/durable.h"
#include "watch/database_cache.h"
#include "wire/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRIES_MAX = 1000, FOLDER_MODE = 0755, FILE_MODE = 0644 };

static bool folder_of(const struct config *config, char ret[static PATH_MAX])
{
    int n = snprintf(ret, PATH_MAX, "%s/cache", config->state_directory);
    return n > 0 && n < PATH_MAX;
}

/* The folder to write in. The one above it is the courier's, who could put another in its place. */
static int open_ours(const struct config *config, struct err *err)
{
    char path[PATH_MAX];
    struct stat info;
    int fd = folder_of(config, path) ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (fd < 0 || fstat(fd, &info) < 0)
        err_set(err, ERR_SYSTEM, "remove it; it is made anew", "open %s/cache", config->state_directory);
    else if (info.st_uid != geteuid() || (info.st_mode & (S_IWGRP | S_IWOTH)))
        err_set(err, ERR_CONFIG, "remove it; it is made anew", "%s is not ours alone to write", path);
    else
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* What lies in state_directory is given to the courier at each start, this folder too: it is taken back. */
static int make(const struct config *config, struct err *err)
{
    char path[PATH_MAX];
    if (!folder_of(config, path) || (mkdir(path, FOLDER_MODE) < 0 && errno != EEXIST))
        return err_set(err, ERR_SYSTEM, NULL, "make %s/cache", config->state_directory);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int outcome = fd < 0 || fchown(fd, geteuid(), getegid()) < 0 || fchmod(fd, FOLDER_MODE) < 0
                      ? err_set(err, ERR_SYSTEM, "remove it", "take %s", path)
                      : 0;
    if (fd >= 0)
        close(fd);
    return outcome;
}

void rule_cache_make(const struct config *config)
{
    struct err err;
    if (config->input_count && make(config, &err) < 0)
        LOG_WARNING("compiled rules are not kept", LOG_ERR(&err));
}

int rule_cache_open(const struct config *config)
{
    char path[PATH_MAX];
    return folder_of(config, path) ? open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
}

/* Of the files in the folder, the oldest. Returns how many there are. What a crash left half-written goes. */
static size_t find_oldest(DIR *dir, char ret_name[static NAME_MAX + 1])
{
    struct timespec oldest = {0};
    struct dirent *entry;
    size_t count = 0;
    rewinddir(dir);
    for (size_t i = 0; i < ENTRIES_MAX && (entry = readdir(dir)); i++) {
        struct stat info;
        if (sv_ends(sv_of(entry->d_name), SV(".tmp")))
            unlinkat(dirfd(dir), entry->d_name, 0);
        if (!database_name_is_valid(sv_of(entry->d_name)) ||
            fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        bool older = info.st_mtim.tv_sec < oldest.tv_sec ||
                     (info.st_mtim.tv_sec == oldest.tv_sec && info.st_mtim.tv_nsec < oldest.tv_nsec);
        if (count++ && !older)
            continue;
        oldest = info.st_mtim;
        sv_copy(ret_name, NAME_MAX + 1, sv_of(entry->d_name));
    }
    return count;
}

static void prune(int folder)
{
    char name[NAME_MAX + 1];
    DIR *dir = fdopendir(folder);
    if (!dir) {
        close(folder);
        return;
    }
    while (find_oldest(dir, name) > RULE_CACHE_FILES_MAX && unlinkat(dirfd(dir), name, 0) == 0)
        continue;
    closedir(dir);
}

void rule_cache_put(const struct config *config, sv body)
{
    struct err err = {0};
    struct unpack unpack = UNPACK_FROM(body);
    sv name = unpack_sv(&unpack), content = unpack_sv(&unpack);
    char file[DATABASE_NAME_BYTES];
    if (!unpack_done(&unpack) || !database_name_is_valid(name) || content.n > DATABASE_FILE_BYTES_MAX)
        return;
    sv_copy(file, sizeof file, name);
    int folder = open_ours(config, &err);
    if (folder < 0 || durable_write(folder, file, content, FILE_MODE, &err) < 0)
        LOG_WARNING("compiled rules are not kept", LOG_ERR(&err));
    if (folder >= 0)
        prune(folder);
}
