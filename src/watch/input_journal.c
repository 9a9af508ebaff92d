/* The systemd journal, from where an earlier run left it. An entry becomes `ident[pid]: message`, which the
 * decoders read as they would from a file, with the journal's own trusted fields beside it. */
#include "watch/input.h"
#include "watch/journal_reader.h"

#include <assert.h>
#include <stdlib.h>

enum {
    ENTRIES_MAX = 256, /* in one turn */
    LOOK_EVERY_S = 1,
    ENTRY_BYTES_MAX = 512 * 1024, /* text and fields of one entry; more fields are left out */
};

struct journal_input {
    struct journal_reader *journal;
    struct loop_fd *wake;
    struct loop_timer *timer;
    struct arena *arena; /* one entry's */
};

/* Journal fields that go beside the text, and the ECS name that each gets too. */
static const struct {
    const char *name, *ecs;
} fields[] = {
    {"_HOSTNAME", "host.name"},
    {"SYSLOG_IDENTIFIER", "process.name"},
    {"_PID", "process.pid"},
    {"_UID", "user.id"},
    {"_COMM", NULL},
    {"_EXE", "process.executable"},
    {"_CMDLINE", "process.command_line"},
    {"_GID", NULL},
    {"_AUDIT_LOGINUID", NULL},
    {"_AUDIT_SESSION", NULL},
    {"_SYSTEMD_UNIT", NULL},
    {"_TRANSPORT", NULL},
    {"PRIORITY", NULL},
    {"SYSLOG_FACILITY", NULL},
};

enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static sv copy(const struct journal_input *state, const char *name)
{
    sv value = journal_reader_field(state->journal, name);
    return value.n ? arena_sv(state->arena, value) : SV_NONE;
}

static size_t collect(const struct journal_input *state, struct event_field *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        sv value = copy(state, fields[i].name);
        if (!value.n)
            continue;
        ret[n++] = (struct event_field){.name = sv_of(fields[i].name), .value = value};
        if (fields[i].ecs)
            ret[n++] = (struct event_field){.name = sv_of(fields[i].ecs), .value = value};
    }
    return n;
}

static sv either(sv a, sv b)
{
    return a.n ? a : b;
}

/* "ident[pid]: message", or the message alone. */
static sv text_of(const struct journal_input *state, size_t bytes_max, bool *ret_cut)
{
    sv ident = either(copy(state, "SYSLOG_IDENTIFIER"), copy(state, "_COMM"));
    sv pid = either(copy(state, "SYSLOG_PID"), copy(state, "_PID"));
    sv message = journal_reader_field(state->journal, "MESSAGE");
    *ret_cut = message.n > bytes_max;
    message = sv_first(message, bytes_max);
    if (!ident.n || !message.n)
        return message.n ? arena_sv(state->arena, message) : SV_NONE;
    sv head = arena_printf(state->arena, pid.n ? "%.*s[%.*s]: " : "%.*s%.*s: ", SV_ARG(ident), SV_ARG(pid));
    char *text = arena_alloc(state->arena, head.n + message.n + 1);
    if (!head.n || !text)
        return SV_NONE;
    memcpy(text, head.p, head.n);
    memcpy(text + head.n, message.p, message.n);
    return sv_make(text, head.n + message.n);
}

static void take_entry(struct input *input)
{
    const struct journal_input *state = input->state;
    struct event_field extra[2 * FIELD_COUNT];
    struct input_record record = {.extra = extra};
    arena_reset(state->arena);
    record.raw = text_of(state, (size_t)input->config->line_bytes_max, &record.cut);
    if (!record.raw.n)
        return;
    input->counts->bytes += record.raw.n;
    record.extra_count = collect(state, extra);
    record.time = journal_reader_time(state->journal);
    input_record(input, &record);
}

static void turn(struct input *input)
{
    const struct journal_input *state = input->state;
    char cursor[INPUT_CURSOR_BYTES_MAX];
    struct err err = {0};
    int n = 0, rc = 0;
    journal_reader_wake(state->journal);
    for (; n < ENTRIES_MAX && input_may_read(input) && (rc = journal_reader_next(state->journal, &err)) > 0;
         n++)
        take_entry(input);
    if (rc < 0)
        input_complain(input, "the journal cannot be read", &err);
    bool known = n > 0 && journal_reader_cursor(state->journal, cursor, sizeof cursor);
    input_turn_end(input, known ? cursor : NULL);
    if (input->reading)
        loop_timer_set(state->timer, rc > 0 ? 0 : LOOK_EVERY_S * NANOS_PER_SECOND);
}

static void on_timer(void *arg)
{
    turn(arg);
}

static void on_ready(void *arg, int fd, int ready)
{
    (void)fd;
    (void)ready;
    turn(arg);
}

static int journal_input_open(struct input *input, struct err *err)
{
    struct journal_reader *journal;
    if (journal_reader_open(input->cursor, (size_t)input->config->line_bytes_max + 64, &journal, err) < 0)
        return -1;
    struct journal_input *state = calloc(1, sizeof *state);
    assert(state);
    *state = (struct journal_input){.journal = journal, .arena = arena_new(ENTRY_BYTES_MAX)};
    state->timer = loop_timer_new(input->loop, on_timer, input);
    int fd = journal_reader_fd(journal);
    if (fd >= 0)
        state->wake = loop_fd_new(input->loop, fd, on_ready, input);
    input->state = state;
    if (!journal_reader_exists(journal)) /* no error: many containers have none */
        LOG_INFO("there is no systemd journal here that can be read", LOG_STR("input", input->config->label));
    return 0;
}

static void journal_input_resume(struct input *input)
{
    const struct journal_input *state = input->state;
    if (state->wake)
        loop_fd_want(state->wake, LOOP_READ);
    loop_timer_set(state->timer, 0);
}

static void journal_input_pause(struct input *input)
{
    const struct journal_input *state = input->state;
    if (state->wake)
        loop_fd_want(state->wake, 0);
    loop_timer_cancel(state->timer);
}

static void journal_input_close(struct input *input)
{
    struct journal_input *state = input->state;
    if (!state)
        return;
    loop_fd_free(state->wake);
    loop_timer_free(state->timer);
    arena_free(state->arena);
    journal_reader_close(state->journal);
    free(state);
    input->state = NULL;
}

const struct input_ops input_journal_ops = {
    .open = journal_input_open,
    .resume = journal_input_resume,
    .pause = journal_input_pause,
    .close = journal_input_close,
};
