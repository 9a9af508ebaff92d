#include "courier/landing.h"

#include "base/log.h"
#include "courier/message_id.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    HEAD_BYTES_MAX = 64 * 1024, /* of a mail that are searched */
    FILES_PER_TURN = 200,       /* of a scan, before the loop does something else */
    EVENTS_BYTES = 16 * 1024,
};

static const nanos LOOK_WATCHED = 60 * NANOS_PER_SECOND; /* should the kernel have missed something */
static const nanos LOOK_ALONE = 2 * NANOS_PER_SECOND;    /* without inotify, or without a folder yet */

static const char *const FOLDERS[2] = {"new", "cur"};

struct landing {
    struct loop *loop;
    landing_fn *fn;
    void *arg;
    char path[PATH_MAX];
    int inotify;    /* −1: the kernel gives none */
    int watches[2]; /* −1: not watched */
    struct loop_fd *readable;
    struct loop_timer *timer;
    DIR *scan; /* under way in FOLDERS[folder] */
    size_t folder;
    time_t since, next_since; /* a scan looks at files changed since then only */
    char head[HEAD_BYTES_MAX];
};

static void look_at(struct landing *landing, int folder_fd, const char *name)
{
    struct stat st;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return; /* moved on already: it is seen where it went */
    ssize_t n = -1;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ctime >= landing->since)
        n = read(fd, landing->head, sizeof landing->head);
    close(fd);
    sv id = n > 0 ? message_id_find(sv_make(landing->head, (size_t)n)) : SV_NONE;
    if (id.n)
        landing->fn(landing->arg, id, loop_now());
}

static bool folder_name(const struct landing *landing, size_t folder, char *name, size_t cap)
{
    int n = snprintf(name, cap, "%s/%s", landing->path, FOLDERS[folder]);
    return n > 0 && (size_t)n < cap;
}

static void watch(struct landing *landing)
{
    char name[PATH_MAX + 8];
    for (size_t i = 0; i < 2; i++)
        if (landing->inotify >= 0 && landing->watches[i] < 0 && folder_name(landing, i, name, sizeof name))
            landing->watches[i] = inotify_add_watch(landing->inotify, name,
                                                    IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_ONLYDIR);
}

static void begin_scan(struct landing *landing)
{
    char name[PATH_MAX + 8];
    if (landing->scan)
        closedir(landing->scan);
    landing->scan = NULL;
    while (landing->folder < 2 && !landing->scan) {
        if (folder_name(landing, landing->folder, name, sizeof name))
            landing->scan = opendir(name);
        if (!landing->scan)
            landing->folder++;
    }
}

static void start_scan(struct landing *landing)
{
    landing->next_since = (time_t)(loop_now() / NANOS_PER_SECOND) - 2;
    landing->folder = 0;
    begin_scan(landing);
    loop_timer_set(landing->timer, 0);
}

/* True when the folder has been read to its end. */
static bool scan_some(struct landing *landing)
{
    for (int i = 0; i < FILES_PER_TURN; i++) {
        struct dirent *entry = readdir(landing->scan);
        if (!entry)
            return true;
        if (entry->d_name[0] != '.')
            look_at(landing, dirfd(landing->scan), entry->d_name);
    }
    return false;
}

static void on_timer(void *arg)
{
    struct landing *landing = arg;
    if (!landing->scan) {
        watch(landing);
        start_scan(landing);
        if (landing->scan)
            return;
    } else {
        if (!scan_some(landing)) {
            loop_timer_set(landing->timer, 0);
            return;
        }
        landing->folder++;
        begin_scan(landing);
        if (landing->scan) {
            loop_timer_set(landing->timer, 0);
            return;
        }
        landing->since = landing->next_since;
    }
    bool watched = landing->watches[0] >= 0 && landing->watches[1] >= 0;
    loop_timer_set(landing->timer, watched ? LOOK_WATCHED : LOOK_ALONE);
}

static void on_event(struct landing *landing, const struct inotify_event *event)
{
    char name[PATH_MAX + 8];
    if (event->mask & IN_Q_OVERFLOW) {
        start_scan(landing);
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        if (event->wd != landing->watches[i])
            continue;
        if (event->mask & IN_IGNORED) {
            landing->watches[i] = -1;
            loop_timer_set(landing->timer, LOOK_ALONE);
        } else if (event->len && event->name[0] != '.' && folder_name(landing, i, name, sizeof name)) {
            int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            time_t since = landing->since;
            landing->since = 0; /* what the kernel names is new, whatever its times say */
            if (fd >= 0) {
                look_at(landing, fd, event->name);
                close(fd);
            }
            landing->since = since;
        }
    }
}

static void on_readable(void *arg, int fd, int ready)
{
    struct landing *landing = arg;
    (void)ready;
    union {
        struct inotify_event event;
        char bytes[EVENTS_BYTES];
    } in;
    ssize_t n = read(fd, in.bytes, sizeof in.bytes);
    for (ssize_t at = 0; n > 0 && at + (ssize_t)sizeof in.event <= n;) {
        struct inotify_event *event = (struct inotify_event *)(void *)(in.bytes + at);
        on_event(landing, event);
        at += (ssize_t)(sizeof in.event + event->len);
    }
}

struct landing *landing_new(struct loop *loop, const char *path, landing_fn *fn, void *arg)
{
    struct landing *landing = calloc(1, sizeof *landing);
    assert(landing);
    landing->loop = loop;
    landing->fn = fn;
    landing->arg = arg;
    sv_copy(landing->path, sizeof landing->path, sv_of(path));
    landing->watches[0] = landing->watches[1] = -1;
    landing->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (landing->inotify < 0) {
        LOG_WARNING("landings are looked for every 2 s: no inotify", LOG_STR("reason", strerror(errno)));
    } else {
        landing->readable = loop_fd_new(loop, landing->inotify, on_readable, landing);
        loop_fd_want(landing->readable, LOOP_READ);
    }
    landing->timer = loop_timer_new(loop, on_timer, landing);
    loop_timer_set(landing->timer, 0);
    return landing;
}

const char *landing_path(const struct landing *landing)
{
    return landing->path;
}

void landing_free(struct landing *landing)
{
    if (!landing)
        return;
    loop_fd_free(landing->readable);
    loop_timer_free(landing->timer);
    if (landing->scan)
        closedir(landing->scan);
    if (landing->inotify >= 0)
        close(landing->inotify);
    free(landing);
}
