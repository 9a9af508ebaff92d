#include "watch/input.h"

enum { COMPLAINT_EVERY_S = 10 };

const struct input_ops *input_ops_for(const struct config_input *config)
{
    if (config->file)
        return &input_file_ops;
    if (config->journal)
        return &input_journal_ops;
    if (config->stdin)
        return &input_stdin_ops;
    enum config_scheme scheme;
    sv place;
    if (config->relp)
        return &input_relp_ops;
    if (config_input_place(config, &scheme, &place, NULL) < 0)
        return NULL;
    switch (scheme) {
    case CONFIG_SCHEME_UDP:
    case CONFIG_SCHEME_UNIX:
        return &input_datagram_ops;
    case CONFIG_SCHEME_TCP:
    case CONFIG_SCHEME_TLS:
    case CONFIG_SCHEME_UNIX_STREAM:
        return &input_stream_ops;
    }
    return NULL;
}

void input_complain(struct input *input, const char *what, const struct err *err)
{
    nanos now = loop_monotonic();
    input->complaints++;
    if (input->complained_at && now - input->complained_at < COMPLAINT_EVERY_S * NANOS_PER_SECOND)
        return;
    LOG_WARNING(what, LOG_STR("input", input->config->label), LOG_INT("times", input->complaints),
                LOG_ERR(err));
    input->complained_at = now;
    input->complaints = 0;
}

/* Cuts a block off the front of in. */
static enum syslog_frame_event take_block(struct syslog_framer *framer, sv in, size_t budget,
                                          size_t *ret_used, struct input_block *ret)
{
    enum syslog_frame_event event = SYSLOG_FRAME_RECORD;
    size_t used = 0, done = 0;
    ret->count = 0;
    while (ret->count < RULESET_SCREENED_MAX && done < budget && event == SYSLOG_FRAME_RECORD) {
        struct syslog_frame frame;
        event = syslog_frame_take(framer, sv_from(in, done), &frame, &used);
        done += used;
        if (event != SYSLOG_FRAME_RECORD)
            break;
        ret->records[ret->count] = frame.record;
        ret->cut[ret->count++] = frame.cut;
    }
    ret->bytes = sv_first(in, done);
    *ret_used = done;
    return event;
}

enum input_taken input_take(struct input *input, struct syslog_framer *framer, sv in, size_t budget,
                            size_t *ret_used)
{
    struct input_block block;
    *ret_used = 0;
    while (*ret_used < budget && input_may_read(input)) {
        size_t used, left = budget - *ret_used < INPUT_BLOCK_BYTES ? budget - *ret_used : INPUT_BLOCK_BYTES;
        enum syslog_frame_event event = take_block(framer, sv_from(in, *ret_used), left, &used, &block);
        *ret_used += used;
        input_block(input, &block);
        switch (event) {
        case SYSLOG_FRAME_NEED_DATA:
            return INPUT_TAKEN_ALL;
        case SYSLOG_FRAME_INVALID:
            return INPUT_TAKEN_BROKEN;
        case SYSLOG_FRAME_RECORD:
            break;
        }
    }
    return INPUT_TAKEN_SOME;
}

void input_take_rest(struct input *input, struct syslog_framer *framer, sv in)
{
    struct input_block block;
    struct syslog_frame frame;
    size_t used;
    enum syslog_frame_event event;
    do {
        event = take_block(framer, in, INPUT_BLOCK_BYTES, &used, &block);
        input_block(input, &block);
        in = sv_from(in, used);
    } while (event == SYSLOG_FRAME_RECORD);
    if (syslog_frame_finish(framer, in, &frame) == SYSLOG_FRAME_RECORD)
        input_record(input, &(struct input_record){.raw = frame.record, .cut = frame.cut});
}
