/* A Maildir, its junk folder beside it (Maildir++), by inotify. */
#include "courier/postbox_private.h"

#include "base/log.h"

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
    FOLDERS = 4,
    FOLDER_NAME_MAX = 256,
    FILES_PER_TURN = 200, /* of a scan, before the loop does something else … */
    BYTES_PER_TURN = 8 * 1024 * 1024,
    EVENTS_BYTES = 16 * 1024,
};

static const nanos LOOK_WATCHED = 60 * NANOS_PER_SECOND; /* should the kernel have missed something */
static const nanos LOOK_ALONE = 2 * NANOS_PER_SECOND;    /* without inotify, or without a folder yet */
static const nanos SEEN_TO_COME = NANOS_PER_SECOND;      /* a mail younger than that is taken as just come */

struct folder {
    char path[PATH_MAX];
    char name[FOLDER_NAME_MAX]; /* as mails are told to lie in */
    bool junk;
    int watch; /* −1: not watched */
    bool due;  /* to be scanned */
};

struct postbox_maildir {
    struct postbox *postbox;
    struct folder folders[FOLDERS];
    int inotify; /* −1: the kernel gives none */
    struct loop_fd *readable;
    struct loop_timer *timer;
    DIR *scan; /* under way … */
    struct folder *scanned;
    nanos all_due;            /* monotonic: when everything is looked at again */
    time_t since, next_since; /* a scan looks at files changed since then only */
    char *content;            /* POSTBOX_MAIL_BYTES_MAX */
};

/* The time that the file bears is that of its delivery, also after it was moved from new to cur. It is that
 * of its last byte by a clock of some milliseconds' grain, which may be before the gateway was even asked: of
 * a mail that was seen to come, now is truer. */
static nanos time_of(const struct stat *st)
{
    nanos at = st->st_mtim.tv_sec * NANOS_PER_SECOND + st->st_mtim.tv_nsec, now = loop_now();
    return at < now - SEEN_TO_COME ? at : now;
}

/* Returns the bytes read. */
static size_t look_at(struct postbox_maildir *maildir, const struct folder *folder, int folder_fd,
                      const char *name, time_t since)
{
    struct stat st;
    size_t n = 0;
    int fd = openat(folder_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return 0; /* moved on already: it is seen where it went */
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_ctime >= since) {
        ssize_t got = 1;
        while (n < POSTBOX_MAIL_BYTES_MAX && got > 0) {
            got = read(fd, maildir->content + n, POSTBOX_MAIL_BYTES_MAX - n);
            n += got > 0 ? (size_t)got : 0;
        }
    }
    close(fd);
    if (n)
        postbox_give(maildir->postbox, &(struct postbox_mail){.folder = sv_of(folder->name),
                                                              .junk = folder->junk,
                                                              .at = time_of(&st),
                                                              .content = sv_make(maildir->content, n)});
    return n;
}

static void watch(struct postbox_maildir *maildir)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        struct folder *folder = &maildir->folders[i];
        if (maildir->inotify < 0 || folder->watch >= 0 || !folder->path[0])
            continue;
        folder->watch = inotify_add_watch(maildir->inotify, folder->path,
                                          IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE | IN_ONLYDIR);
        folder->due |= folder->watch >= 0;
    }
}

/* A folder that is not there yet is no trouble: the first delivery makes it. */
static void cannot_open(struct postbox_maildir *maildir, const struct folder *folder)
{
    struct err err;
    if (errno == ENOENT || errno == ENOTDIR)
        return;
    err_set(&err, ERR_SYSTEM, "let the user that vedette runs as read this folder", "read %s", folder->path);
    postbox_set_trouble(maildir->postbox, &err);
}

static void open_next(struct postbox_maildir *maildir)
{
    for (size_t i = 0; i < FOLDERS && !maildir->scan; i++) {
        struct folder *folder = &maildir->folders[i];
        if (!folder->due || !folder->path[0])
            continue;
        folder->due = false;
        maildir->scanned = folder;
        maildir->scan = opendir(folder->path);
        if (maildir->scan)
            postbox_set_trouble(maildir->postbox, NULL);
        else
            cannot_open(maildir, folder);
    }
}

static void scan_all(struct postbox_maildir *maildir)
{
    maildir->next_since = (time_t)(loop_now() / NANOS_PER_SECOND) - 2;
    maildir->all_due = loop_monotonic() + (maildir->inotify >= 0 ? LOOK_WATCHED : LOOK_ALONE);
    for (size_t i = 0; i < FOLDERS; i++)
        maildir->folders[i].due = true;
}

/* Closes the folder once it has been read to its end. */
static void scan_some(struct postbox_maildir *maildir)
{
    size_t bytes = 0;
    for (int i = 0; i < FILES_PER_TURN && bytes < BYTES_PER_TURN; i++) {
        struct dirent *entry = readdir(maildir->scan);
        if (!entry) {
            closedir(maildir->scan);
            maildir->scan = NULL;
            return;
        }
        if (entry->d_name[0] != '.')
            bytes += look_at(maildir, maildir->scanned, dirfd(maildir->scan), entry->d_name, maildir->since);
    }
}

static bool all_watched(const struct postbox_maildir *maildir)
{
    for (size_t i = 0; i < FOLDERS; i++)
        if (maildir->folders[i].watch < 0 && maildir->folders[i].path[0])
            return false;
    return true;
}

static void on_timer(void *arg)
{
    struct postbox_maildir *maildir = arg;
    if (maildir->scan) {
        scan_some(maildir);
    } else {
        watch(maildir);
        if (loop_monotonic() >= maildir->all_due)
            scan_all(maildir);
    }
    bool was_all = maildir->next_since > maildir->since;
    if (!maildir->scan)
        open_next(maildir);
    if (maildir->scan) {
        loop_timer_set(maildir->timer, 0);
        return;
    }
    if (was_all)
        maildir->since = maildir->next_since;
    loop_timer_set(maildir->timer, all_watched(maildir) ? LOOK_WATCHED : LOOK_ALONE);
}

static void on_event(struct postbox_maildir *maildir, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW) {
        scan_all(maildir);
        loop_timer_set(maildir->timer, 0);
        return;
    }
    for (size_t i = 0; i < FOLDERS; i++) {
        struct folder *folder = &maildir->folders[i];
        if (event->wd != folder->watch)
            continue;
        if (event->mask & IN_IGNORED) {
            folder->watch = -1;
            loop_timer_set(maildir->timer, LOOK_ALONE);
        } else if (event->len && event->name[0] != '.') {
            int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            if (fd < 0)
                continue;
            look_at(maildir, folder, fd, event->name, 0); /* what the kernel names is new */
            close(fd);
        }
    }
}

static void on_readable(void *arg, int fd, int ready)
{
    struct postbox_maildir *maildir = arg;
    (void)ready;
    union {
        struct inotify_event event;
        char bytes[EVENTS_BYTES];
    } in;
    ssize_t n = read(fd, in.bytes, sizeof in.bytes);
    for (ssize_t at = 0; n > 0 && at + (ssize_t)sizeof in.event <= n;) {
        struct inotify_event *event = (struct inotify_event *)(void *)(in.bytes + at);
        on_event(maildir, event);
        at += (ssize_t)(sizeof in.event + event->len);
    }
}

/* "INBOX" is the Maildir itself, "Junk/Mass" its folder ".Junk.Mass". A path that is too long stays empty. */
static void name_folder(struct folder *folder, const char *root, const char *name, const char *part)
{
    char below[FOLDER_NAME_MAX] = "";
    folder->watch = -1;
    sv_copy(folder->name, sizeof folder->name, sv_of(name));
    if (strcmp(name, "INBOX") != 0)
        snprintf(below, sizeof below, ".%.200s/", name);
    for (char *c = below; *c && c[1]; c++)
        if (*c == '/')
            *c = '.';
    int n = snprintf(folder->path, sizeof folder->path, "%s/%s%s", root, below, part);
    if (n < 0 || (size_t)n >= sizeof folder->path)
        folder->path[0] = '\0';
}

static void name_folders(struct postbox_maildir *maildir)
{
    const struct config_postbox *box = maildir->postbox->setup.box;
    const char *folder = box->folder ? box->folder : "INBOX";
    name_folder(&maildir->folders[0], box->maildir, folder, "new");
    name_folder(&maildir->folders[1], box->maildir, folder, "cur");
    maildir->folders[2].watch = maildir->folders[3].watch = -1;
    if (!box->junk || strcmp(box->junk, folder) == 0)
        return;
    name_folder(&maildir->folders[2], box->maildir, box->junk, "new");
    name_folder(&maildir->folders[3], box->maildir, box->junk, "cur");
    maildir->folders[2].junk = maildir->folders[3].junk = true;
}

struct postbox_maildir *postbox_maildir_new(struct postbox *postbox)
{
    struct postbox_maildir *maildir = calloc(1, sizeof *maildir);
    assert(maildir);
    maildir->postbox = postbox;
    maildir->content = malloc(POSTBOX_MAIL_BYTES_MAX);
    assert(maildir->content);
    maildir->since = (time_t)((loop_now() - POSTBOX_LOOK_BACK) / NANOS_PER_SECOND);
    name_folders(maildir);
    maildir->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (maildir->inotify < 0) {
        LOG_WARNING("a Maildir is looked at every 2 s: no inotify", LOG_STR("reason", strerror(errno)));
    } else {
        maildir->readable = loop_fd_new(postbox->setup.loop, maildir->inotify, on_readable, maildir);
        loop_fd_want(maildir->readable, LOOP_READ);
    }
    maildir->timer = loop_timer_new(postbox->setup.loop, on_timer, maildir);
    loop_timer_set(maildir->timer, 0);
    return maildir;
}

void postbox_maildir_free(struct postbox_maildir *maildir)
{
    if (!maildir)
        return;
    loop_fd_free(maildir->readable);
    loop_timer_free(maildir->timer);
    if (maildir->scan)
        closedir(maildir->scan);
    if (maildir->inotify >= 0)
        close(maildir->inotify);
    free(maildir->content);
    free(maildir);
}
