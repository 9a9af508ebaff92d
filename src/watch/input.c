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
    if (!config->syslog || config_syslog_parse(sv_of(config->syslog), &scheme, &place, NULL) < 0)
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

enum input_taken input_take(struct input *input, struct syslog_framer *framer, sv in, size_t budget,
                            size_t *ret_used)
{
    *ret_used = 0;
    while (*ret_used < budget && input_may_read(input)) {
        struct syslog_frame frame;
        size_t used;
        enum syslog_frame_event event = syslog_frame_take(framer, sv_from(in, *ret_used), &frame, &used);
        *ret_used += used;
        switch (event) {
        case SYSLOG_FRAME_NEED_DATA:
            return INPUT_TAKEN_ALL;
        case SYSLOG_FRAME_INVALID:
            return INPUT_TAKEN_BROKEN;
        case SYSLOG_FRAME_RECORD:
            input_record(input, &(struct input_record){.raw = frame.record, .cut = frame.cut});
            break;
        }
    }
    return INPUT_TAKEN_SOME;
}

void input_take_rest(struct input *input, struct syslog_framer *framer, sv in)
{
    struct syslog_frame frame;
    size_t used;
    while (syslog_frame_take(framer, in, &frame, &used) == SYSLOG_FRAME_RECORD) {
        input_record(input, &(struct input_record){.raw = frame.record, .cut = frame.cut});
        in = sv_from(in, used);
    }
    if (syslog_frame_finish(framer, sv_from(in, used), &frame) == SYSLOG_FRAME_RECORD)
        input_record(input, &(struct input_record){.raw = frame.record, .cut = frame.cut});
}
