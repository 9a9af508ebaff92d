/* Syslog over TCP, TLS and unix streams: octet counting or lines (RFC 6587, RFC 5425). No sender is answered.
 */
#include "watch/listener.h"

struct stream_sender {
    struct sender sender;
    struct syslog_framer framer;
};

static void begin(struct sender *sender)
{
    struct stream_sender *one = (struct stream_sender *)sender;
    syslog_framer_init(&one->framer, SYSLOG_FRAMING_ANY, (size_t)sender->input->config->line_bytes_max);
}

static enum input_taken take(struct sender *sender, sv in, size_t budget, size_t *ret_used)
{
    return input_take(sender->input, &((struct stream_sender *)sender)->framer, in, budget, ret_used);
}

static void take_rest(struct sender *sender, sv in)
{
    input_take_rest(sender->input, &((struct stream_sender *)sender)->framer, in);
}

static void broken(struct sender *sender, struct err *err)
{
    (void)sender;
    err_set(err, ERR_PROTOCOL, "let it send either octet-counted frames or lines, not a mixture",
            "its octet count is broken");
}

static int stream_input_open(struct input *input, struct err *err)
{
    static const struct sender_kind KIND = {.size = sizeof(struct stream_sender),
                                            .begin = begin,
                                            .take = take,
                                            .rest = take_rest,
                                            .broken = broken};
    return listener_open(input, &KIND, err);
}

/* No sender gets an answer by which it could know what was taken, so what has been read must count. */
static void stream_input_finish(struct input *input)
{
    for (struct sender *sender = listener_first(input), *next; sender; sender = next) {
        next = sender->next;
        take_rest(sender, stream_input(sender->stream));
        sender_end(sender);
    }
    input_turn_end(input, NULL);
}

const struct input_ops input_stream_ops = {
    .open = stream_input_open,
    .resume = listener_resume,
    .pause = listener_pause,
    .finish = stream_input_finish,
    .refresh = listener_refresh,
    .close = listener_close,
};
