/* Standard input: lines from a pipe, a file or a terminal, until it ends. */
#include "watch/input.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = INPUT_BLOCK_BYTES };

struct lines {
    struct loop_fd *watch;    /* for what can be polled */
    struct loop_timer *timer; /* for the rest, and for lines that are left when reading starts again */
    struct syslog_framer framer;
    struct buf in;
};

/* Evaluates whole lines. False when the flow ended it. */
static bool take(struct input *input, struct lines *lines)
{
    size_t used;
    enum input_taken taken = input_take(input, &lines->framer, buf_view(&lines->in), SIZE_MAX, &used);
    buf_consume(&lines->in, used);
    return taken == INPUT_TAKEN_ALL;
}

static void end(struct input *input, struct lines *lines)
{
    input_take_rest(input, &lines->framer, buf_view(&lines->in));
    buf_clear(&lines->in);
    input_turn_end(input, NULL);
    input_end(input);
}

/* Lines that are left need a turn of their own, because nothing may come that wakes us for them. */
static void end_turn(struct input *input, const struct lines *lines, bool all_taken)
{
    input_turn_end(input, NULL);
    if (input->reading && (!all_taken || !lines->watch))
        loop_timer_set(lines->timer, 0);
}

static void turn(struct input *input)
{
    struct lines *lines = input->state;
    if (!take(input, lines)) {
        end_turn(input, lines, false);
        return;
    }
    char *to = buf_reserve(&lines->in, READ_BYTES);
    assert(to);
    ssize_t n = read(input->fd, to, READ_BYTES);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end(input, lines);
        return;
    }
    buf_added(&lines->in, (size_t)n);
    input->counts->bytes += (uint64_t)n;
    bool all_taken = take(input, lines);
    end_turn(input, lines, all_taken);
}

static void on_ready(void *arg, int fd, int ready)
{
    (void)fd;
    (void)ready;
    turn(arg);
}

static void on_timer(void *arg)
{
    struct input *input = arg;
    struct lines *lines = input->state;
    if (!input->reading)
        return;
    if (!lines->watch)
        turn(input);
    else /* reading could block: only what is left */
        end_turn(input, lines, take(input, lines));
}

/* Files and devices such as /dev/null are always ready and cannot be polled. */
static bool pollable(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || isatty(fd));
}

static int stdin_open(struct input *input, struct err *err)
{
    size_t line_bytes_max = (size_t)input->config->line_bytes_max;
    if (input->fd < 0)
        return err_set(err, ERR_NO_INPUT, "start vedette with an open standard input",
                       "there is no standard input to read");
    struct lines *lines = calloc(1, sizeof *lines);
    assert(lines);
    lines->in = BUF_INIT(line_bytes_max + SYSLOG_FRAME_PREFIX_BYTES_MAX + READ_BYTES);
    syslog_framer_init(&lines->framer, SYSLOG_FRAMING_LINES, line_bytes_max);
    lines->timer = loop_timer_new(input->loop, on_timer, input);
    if (pollable(input->fd))
        lines->watch = loop_fd_new(input->loop, input->fd, on_ready, input);
    input->state = lines;
    return 0;
}

static void stdin_resume(struct input *input)
{
    const struct lines *lines = input->state;
    if (lines->watch)
        loop_fd_want(lines->watch, LOOP_READ);
    if (!lines->watch || buf_view(&lines->in).n)
        loop_timer_set(lines->timer, 0);
}

static void stdin_pause(struct input *input)
{
    const struct lines *lines = input->state;
    if (lines->watch)
        loop_fd_want(lines->watch, 0);
    loop_timer_cancel(lines->timer);
}

static void stdin_finish(struct input *input)
{
    struct lines *lines = input->state;
    input_take_rest(input, &lines->framer, buf_view(&lines->in));
    buf_clear(&lines->in);
    input_turn_end(input, NULL);
}

static void stdin_close(struct input *input)
{
    struct lines *lines = input->state;
    if (!lines)
        return;
    loop_fd_free(lines->watch);
    loop_timer_free(lines->timer);
    buf_free(&lines->in);
    free(lines);
    input->state = NULL;
}

const struct input_ops input_stdin_ops = {
    .open = stdin_open,
    .resume = stdin_resume,
    .pause = stdin_pause,
    .finish = stdin_finish,
    .close = stdin_close,
};
