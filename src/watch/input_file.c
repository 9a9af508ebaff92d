/* A file that is followed over rotation and truncation, from where an earlier run left it. inotify wakes us
 * at once; a look every second finds what it missed, so that network file systems work too. */
#include "watch/follow.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOOK_EVERY_S = 1,
    ROTATED_KEPT_S = 60, /* a writer may go on in the rotated file until it is told to reopen */
    FOLDER_ENTRIES_MAX = 100000,
    PATH_BYTES_MAX = 4096,
};

struct file {
    struct follow current, rotated;
    int rotated_watch, current_watch; /* inotify's, -1 for none */
    nanos rotated_until;              /* monotonic */
    int inotify;                      /* -1: none; then it is looked at every second */
    struct loop_fd *wake;
    struct loop_timer *timer;
    bool missing_said;
};

static int open_regular(struct input *input, int folder, const char *name)
{
    struct stat st;
    struct err err = {0};
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ENOENT)
            return -1;
        err_set(&err, ERR_SYSTEM, "let the user that vedette's watch runs as read it", "open %s", name);
        input_complain(input, "a file cannot be opened", &err);
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    close(fd);
    err_set(&err, ERR_NO_INPUT, "name a regular file", "%s is no regular file", name);
    input_complain(input, "a file cannot be followed", &err);
    return -1;
}

static void watch_current(struct input *input)
{
    struct file *file = input->state;
    if (file->inotify >= 0)
        file->current_watch =
            inotify_add_watch(file->inotify, input->config->file, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF);
}

static void start_current(struct input *input, int fd, uint64_t offset)
{
    struct file *file = input->state;
    follow_start(&file->current, fd, offset);
    file->missing_said = false;
    watch_current(input);
}

static void end_rotated(struct input *input)
{
    struct file *file = input->state;
    if (file->rotated.fd < 0)
        return;
    follow_end(input, &file->rotated);
    if (file->rotated_watch >= 0 && file->rotated_watch != file->current_watch)
        (void)inotify_rm_watch(file->inotify, file->rotated_watch);
    file->rotated_watch = -1;
}

/* What was current goes on being read beside the new one, until it has been quiet for long enough. */
static void rotate(struct input *input)
{
    struct file *file = input->state;
    end_rotated(input);
    struct follow freed = file->rotated;
    file->rotated = file->current;
    file->rotated_watch = file->current_watch;
    file->rotated_until = loop_monotonic() + ROTATED_KEPT_S * NANOS_PER_SECOND;
    file->current = freed;
    file->current_watch = -1;
}

/* True if another file stands at the path now than the one we read, and was taken up. */
static bool look_at_path(struct input *input)
{
    struct file *file = input->state;
    struct stat st;
    const char *path = input->config->file;
    if (stat(path, &st) < 0) {
        if (file->current.fd < 0 && !file->missing_said)
            LOG_INFO("waiting for a file to appear", LOG_STR("input", input->config->label));
        file->missing_said |= file->current.fd < 0;
        return false;
    }
    if (file->current.fd >= 0 && st.st_ino == file->current.at.ino && st.st_dev == file->current.at.dev)
        return false;
    int fd = open_regular(input, AT_FDCWD, path);
    if (fd < 0)
        return false;
    if (file->current.fd >= 0)
        rotate(input);
    start_current(input, fd, 0);
    return true;
}

static const char *cursor_text(const struct file *file, char *text, size_t cap)
{
    size_t n = 0;
    text[0] = '\0';
    if (file->current.fd >= 0) {
        struct follow_place at = follow_at(&file->current);
        n = follow_place_text(&at, text, cap);
    }
    if (file->rotated.fd >= 0 && n + 1 < cap) {
        struct follow_place at = follow_at(&file->rotated);
        text[n++] = ' ';
        n += follow_place_text(&at, text + n, cap - n);
    }
    return n ? text : NULL;
}

static void turn(struct input *input)
{
    struct file *file = input->state;
    char cursor[2 * FOLLOW_PLACE_BYTES_MAX];
    bool more = follow_read(input, &file->rotated);
    if (!more && loop_monotonic() > file->rotated_until)
        end_rotated(input);
    if (!more && file->current.fd >= 0 && !follow_intact(&file->current))
        follow_restart(input, &file->current);
    if (!more)
        more = follow_read(input, &file->current) || look_at_path(input);
    input_turn_end(input, cursor_text(file, cursor, sizeof cursor));
    if (input->reading)
        loop_timer_set(file->timer, more ? 0 : LOOK_EVERY_S * NANOS_PER_SECOND);
}

static void on_timer(void *arg)
{
    turn(arg);
}

static void on_notify(void *arg, int fd, int ready)
{
    char events[4096];
    (void)ready;
    while (read(fd, events, sizeof events) > 0) /* which ones does not matter: everything is looked at */
        ;
    turn(arg);
}

/* The folder part of the path, "." without one. */
static void folder_of(const char *path, char folder[static PATH_BYTES_MAX])
{
    const char *slash = strrchr(path, '/');
    sv_copy(folder, PATH_BYTES_MAX,
            !slash          ? SV(".")
            : slash == path ? SV("/")
                            : sv_make(path, (size_t)(slash - path)));
}

static void start_notify(struct input *input)
{
    struct file *file = input->state;
    char folder[PATH_BYTES_MAX];
    folder_of(input->config->file, folder);
    file->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (file->inotify < 0)
        return;
    (void)inotify_add_watch(file->inotify, folder, IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE);
    file->wake = loop_fd_new(input->loop, file->inotify, on_notify, input);
}

/* The file that place was taken in, under whatever name it now has in the same folder; -1 without one. */
static int find_again(struct input *input, const struct follow_place *place)
{
    char name[PATH_BYTES_MAX];
    folder_of(input->config->file, name);
    DIR *folder = opendir(name);
    int found = -1;
    const struct dirent *entry;
    for (int n = 0; folder && found < 0 && n < FOLDER_ENTRIES_MAX && (entry = readdir(folder)); n++) {
        if (entry->d_ino != place->ino)
            continue;
        int fd = open_regular(input, dirfd(folder), entry->d_name);
        if (fd >= 0 && follow_is(fd, place))
            found = fd;
        else if (fd >= 0)
            close(fd);
    }
    if (folder)
        closedir(folder);
    return found;
}

static void resume_rotated(struct input *input, const struct follow_place *place)
{
    struct file *file = input->state;
    int fd = file->rotated.fd < 0 ? find_again(input, place) : -1;
    if (fd < 0)
        return;
    follow_start(&file->rotated, fd, place->offset);
    file->rotated_until = loop_monotonic() + ROTATED_KEPT_S * NANOS_PER_SECOND;
}

static void say_lost_place(struct input *input)
{
    struct err err = {0};
    err_set(&err, ERR_NO_INPUT, "keep one rotated file uncompressed (logrotate: delaycompress)",
            "the file that was being read is no longer in its folder");
    input_complain(input, "what was written to a file since may have been missed", &err);
}

/* Goes on where the cursor says: in the file at the path, or in the one it has been rotated to since. */
static void go_on(struct input *input, int fd, const struct follow_place *place)
{
    const struct file *file = input->state;
    struct stat st;
    bool same = fd >= 0 && follow_is(fd, place);
    bool truncated = !same && fd >= 0 && fstat(fd, &st) == 0 && st.st_ino == place->ino;
    if (!same && !truncated) {
        resume_rotated(input, place);
        if (file->rotated.fd < 0)
            say_lost_place(input);
    }
    if (fd >= 0)
        start_current(input, fd, same ? place->offset : 0);
}

/* A file never seen before is read from its end, or from its start if the configuration says so. */
static void begin(struct input *input, int fd)
{
    struct stat st;
    if (fd >= 0 && fstat(fd, &st) == 0)
        start_current(input, fd, input->config->from_start ? 0 : (uint64_t)st.st_size);
    else if (fd >= 0)
        close(fd);
}

static int file_open(struct input *input, struct err *err)
{
    (void)err; /* a file that is not there yet is waited for */
    size_t line_bytes_max = (size_t)input->config->line_bytes_max;
    struct file *file = calloc(1, sizeof *file);
    assert(file);
    *file = (struct file){.rotated_watch = -1, .current_watch = -1, .inotify = -1};
    input->state = file;
    follow_init(&file->current, line_bytes_max);
    follow_init(&file->rotated, line_bytes_max);
    file->timer = loop_timer_new(input->loop, on_timer, input);
    start_notify(input);
    struct follow_place current, rotated;
    sv second = sv_of(input->cursor), first = sv_split(&second, ' ');
    int fd = open_regular(input, AT_FDCWD, input->config->file);
    if (follow_place_parse(first, &current))
        go_on(input, fd, &current);
    else
        begin(input, fd);
    if (follow_place_parse(second, &rotated))
        resume_rotated(input, &rotated);
    return 0;
}

static void file_resume(struct input *input)
{
    const struct file *file = input->state;
    if (file->wake)
        loop_fd_want(file->wake, LOOP_READ);
    loop_timer_set(file->timer, 0);
}

static void file_pause(struct input *input)
{
    const struct file *file = input->state;
    if (file->wake)
        loop_fd_want(file->wake, 0);
    loop_timer_cancel(file->timer);
}

static void file_close(struct input *input)
{
    struct file *file = input->state;
    if (!file)
        return;
    loop_fd_free(file->wake);
    loop_timer_free(file->timer);
    follow_free(&file->current);
    follow_free(&file->rotated);
    if (file->inotify >= 0)
        close(file->inotify);
    free(file);
    input->state = NULL;
}

const struct input_ops input_file_ops = {
    .open = file_open,
    .resume = file_resume,
    .pause = file_pause,
    .close = file_close,
};
