#include "watch/watch.h"

#include "base/cstr.h"
#include "io/zone_file.h"
#include "watch/correlation.h"
#include "watch/sharing.h"
#include "watch/sieve.h"
#include "wire/pack.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TICK_S = 1,          /* how often cursors move on although nothing was found */
    OPEN_RETRY_S = 10,   /* how soon an input that could not be opened is tried again */
    CURSORS_MAX = 10000, /* more in one CURSORS message is nonsense */
    LABEL_BYTES_MAX = 8192,
    LAST_ANSWERS_MS = 20, /* for what was answered last to reach its sender */
};

/* A socket or a cursor whose input is not there yet. */
struct spare {
    struct spare *next;
    int fd;
    char *cursor;
    char label[];
};

struct watch {
    struct loop *loop;
    unsigned number, several; /* which of how many this is, from 0 */
    const struct config *config;
    struct ruleset *ruleset;
    struct outbox *outbox;
    struct sieve *sieve;
    struct input *inputs;
    struct spare *spares;
    struct channel *channel;
    struct loop_timer *tick, *soon; /* soon: callbacks that must not run inside another */
    struct watch_counts counts;
    bool started, cursors_known, flowing, choked, draining, answered;
    loop_fn *on_drained, *on_stdin_end, *on_open;
    void *drained_arg, *stdin_end_arg, *open_arg;
};

static bool may_flow(struct watch *watch)
{
    size_t batches = outbox_batches(watch->outbox);
    size_t bytes = outbox_bytes(watch->outbox) + sieve_bytes(watch->sieve);
    if (batches >= WATCH_UNCOMMITTED_BATCHES_MAX || bytes >= WATCH_UNCOMMITTED_BYTES_MAX)
        watch->choked = true;
    /* Half of it must be on disk before reading goes on, so that the inputs do not flap. */
    else if (batches <= WATCH_UNCOMMITTED_BATCHES_MAX / 2 && bytes <= WATCH_UNCOMMITTED_BYTES_MAX / 2)
        watch->choked = false;
    return watch->started && watch->cursors_known && watch->channel && !watch->draining && !watch->choked;
}

static void input_flow(struct watch *watch, struct input *input)
{
    bool reading = watch->flowing && input->opened && !input->ended;
    if (reading == input->reading)
        return;
    input->reading = reading;
    if (reading)
        input->ops->resume(input);
    else
        input->ops->pause(input);
}

static bool all_committed(const struct watch *watch)
{
    return outbox_batches(watch->outbox) == 0;
}

/* Called whenever something changed that reading depends on. */
static void update(struct watch *watch)
{
    watch->flowing = may_flow(watch);
    for (struct input *input = watch->inputs; input; input = input->next)
        input_flow(watch, input);
    if (all_committed(watch))
        loop_timer_set(watch->soon, 0);
}

static bool stdin_ended(const struct watch *watch)
{
    for (const struct input *input = watch->inputs; input; input = input->next)
        if (input->ended)
            return true;
    return false;
}

static bool any_answers(const struct watch *watch)
{
    for (const struct input *input = watch->inputs; input; input = input->next)
        if (input->ops->committed)
            return true;
    return false;
}

/* Tells those who wait for everything to be on disk. */
static void on_soon(void *arg)
{
    struct watch *watch = arg;
    if (!all_committed(watch))
        return;
    if (watch->draining && !watch->answered && any_answers(watch)) {
        watch->answered = true;
        loop_timer_set(watch->soon, LAST_ANSWERS_MS * NANOS_PER_MS);
        return;
    }
    loop_fn *ended = watch->on_stdin_end, *drained = watch->on_drained;
    if (ended && stdin_ended(watch)) {
        watch->on_stdin_end = NULL;
        ended(watch->stdin_end_arg);
    } else if (drained && watch->draining) {
        watch->on_drained = NULL;
        drained(watch->drained_arg);
    }
}

/* --- What inputs ask for --- */

void input_record(struct input *input, const struct input_record *record)
{
    sieve_record(input->watch->sieve, input, record);
}

void input_block(struct input *input, const struct input_block *block)
{
    sieve_block(input->watch->sieve, input, block);
}

bool input_may_read(const struct input *input)
{
    return input->reading && !sieve_crowded(input->watch->sieve) && may_flow(input->watch);
}

void input_turn_end(struct input *input, const char *cursor)
{
    struct watch *watch = input->watch;
    if (cursor && strcmp(cursor, input->cursor) != 0) {
        sv_copy(input->cursor, sizeof input->cursor, sv_of(cursor));
        input->cursor_unsaid = true;
    }
    if (sieve_flush(watch->sieve, input)) {
        input->cursor_unsaid = false;
        update(watch);
    }
}

unsigned input_watches(const struct input *input)
{
    return input->watch->several;
}

uint64_t input_last_batch(const struct input *input)
{
    return sieve_serial(input->watch->sieve);
}

bool input_on_disk(const struct input *input, uint64_t batch)
{
    return !outbox_holds(input->watch->outbox, batch);
}

void input_end(struct input *input)
{
    input->ended = true;
    update(input->watch);
}

/* --- Inputs come and go --- */

static void say_cursors(struct watch *watch)
{
    for (struct input *input = watch->inputs; input; input = input->next) {
        if (!input->cursor_unsaid || !watch->channel)
            continue;
        input->cursor_unsaid = false;
        sieve_cursor(watch->sieve, input);
    }
}

static void try_open(struct input *input)
{
    struct err err = {0};
    if (input->ops->open(input, &err) == 0) {
        input->opened = true;
        return;
    }
    LOG_ERROR("an input cannot be opened", LOG_STR("input", input->config->label), LOG_ERR(&err));
    input->retry_at = loop_monotonic() + OPEN_RETRY_S * NANOS_PER_SECOND;
}

/* Opens what is to be read. Cursors must be known, because files and the journal start where they say. */
static void open_all(struct watch *watch)
{
    if (!watch->started || !watch->cursors_known || watch->draining)
        return;
    nanos now = loop_monotonic();
    for (struct input *input = watch->inputs; input; input = input->next)
        if (!input->opened && now >= input->retry_at)
            try_open(input);
    loop_fn *fn = watch->on_open;
    watch->on_open = NULL;
    if (fn)
        fn(watch->open_arg);
}

static void on_tick(void *arg)
{
    struct watch *watch = arg;
    loop_timer_set(watch->tick, TICK_S * NANOS_PER_SECOND);
    open_all(watch);
    say_cursors(watch);
    update(watch);
}

static struct spare **spare_find(struct watch *watch, const char *label, bool cursor)
{
    struct spare **at = &watch->spares;
    while (*at && (strcmp((*at)->label, label) != 0 || ((*at)->cursor != NULL) != cursor))
        at = &(*at)->next;
    return at;
}

static void spare_drop(struct spare **at)
{
    struct spare *spare = *at;
    if (!spare)
        return;
    *at = spare->next;
    if (spare->fd >= 0)
        close(spare->fd);
    free(spare->cursor);
    free(spare);
}

static void spare_put(struct watch *watch, const char *label, int fd, sv cursor)
{
    spare_drop(spare_find(watch, label, fd < 0));
    size_t n = strlen(label) + 1;
    struct spare *spare = calloc(1, sizeof *spare + n);
    assert(spare);
    spare->fd = fd;
    spare->cursor = fd < 0 ? strndup(cursor.p ? cursor.p : "", cursor.n) : NULL;
    memcpy(spare->label, label, n);
    spare->next = watch->spares;
    watch->spares = spare;
}

static void input_equip(struct watch *watch, struct input *input)
{
    struct spare **socket = spare_find(watch, input->config->label, false);
    if (*socket && input->fd < 0) {
        input->fd = (*socket)->fd;
        (*socket)->fd = -1;
        spare_drop(socket);
    }
    struct spare **cursor = spare_find(watch, input->config->label, true);
    if (*cursor) {
        sv_copy(input->cursor, sizeof input->cursor, sv_of((*cursor)->cursor));
        spare_drop(cursor);
    }
}

/* A name that was found when the configuration was checked may be gone since: rather the machine's than none.
 */
static struct zone *zone_of(const struct config_input *config)
{
    struct zone *zone = config->time_zone ? zone_open(sv_of(config->time_zone)) : NULL;
    if (config->time_zone && !zone)
        LOG_ERROR("a time zone is gone: the machine's is taken instead", LOG_STR("input", config->label),
                  LOG_STR("time_zone", config->time_zone), LOG_STR("advice", ZONE_ADVICE));
    return zone ? zone : zone_open_local();
}

static struct input *input_new(struct watch *watch, const struct config_input *config)
{
    struct input *input = calloc(1, sizeof *input);
    assert(input);
    *input = (struct input){.ops = input_ops_for(config),
                            .watch = watch,
                            .loop = watch->loop,
                            .config = config,
                            .zone = zone_of(config),
                            .counts = &watch->counts,
                            .fd = -1};
    assert(input->ops);
    input_equip(watch, input);
    return input;
}

static void input_free(struct input *input)
{
    input->ops->close(input);
    if (input->fd >= 0)
        close(input->fd);
    zone_close(input->zone);
    free(input);
}

/* Takes in what it has read, and ends it. Its socket and its place are kept for one of the same name. */
static void input_retire(struct watch *watch, struct input *input)
{
    const char *label = input->config->label;
    if (input->reading)
        input->ops->pause(input);
    input->reading = false;
    if (input->opened && input->ops->finish)
        input->ops->finish(input);
    if (input->cursor[0])
        spare_put(watch, label, -1, sv_of(input->cursor));
    if (input->fd >= 0 && !*spare_find(watch, label, false)) {
        spare_put(watch, label, input->fd, SV_NONE);
        input->fd = -1;
    }
    input_free(input);
}

static bool same_number(int64_t a, int64_t b)
{
    return a == b;
}

static bool same_options(const struct config_input *a, const struct config_input *b)
{
#define X(key, type, fallback, help) \
    &&_Generic(a->key, const char * : cstr_same, default : same_number)(a->key, b->key)
    return true CONFIG_INPUT(X);
#undef X
}

static struct input *take_out(struct input **list, const char *label)
{
    for (struct input **at = list; *at; at = &(*at)->next) {
        struct input *input = *at;
        if (strcmp(input->config->label, label) != 0)
            continue;
        *at = input->next;
        return input;
    }
    return NULL;
}

/* An input of the same name and options goes on as it is; one with other options is made anew. */
static struct input *input_for(struct watch *watch, struct input **old, const struct config_input *config)
{
    struct input *before = take_out(old, config->label);
    if (!before)
        return input_new(watch, config);
    if (!same_options(before->config, config)) {
        input_retire(watch, before);
        return input_new(watch, config);
    }
    before->config = config;
    if (before->opened && before->ops->refresh)
        before->ops->refresh(before);
    return before;
}

static void drop_spare_sockets(struct watch *watch)
{
    for (struct spare **at = &watch->spares; *at;)
        if ((*at)->fd >= 0)
            spare_drop(at);
        else
            at = &(*at)->next;
}

static void set_inputs(struct watch *watch, const struct config *config)
{
    struct input *old = watch->inputs, **last = &watch->inputs;
    watch->inputs = NULL;
    watch->several = watch_processes(config);
    for (size_t i = 0; i < config->input_count; i++) {
        if (watch->number > 0 && watch_sharing(&config->inputs[i]) == WATCH_SOLE)
            continue;
        *last = input_for(watch, &old, &config->inputs[i]);
        (*last)->next = NULL;
        last = &(*last)->next;
    }
    while (old) {
        struct input *next = old->next;
        input_retire(watch, old);
        old = next;
    }
    drop_spare_sockets(watch);
}

/* --- The public face --- */

struct watch *watch_new(struct loop *loop, const struct config *config, struct ruleset *ruleset,
                        unsigned number)
{
    struct watch *watch = calloc(1, sizeof *watch);
    assert(watch);
    *watch = (struct watch){
        .loop = loop, .number = number, .config = config, .ruleset = ruleset, .outbox = outbox_new()};
    watch->sieve = sieve_new(watch->outbox, &watch->counts);
    sieve_rules(watch->sieve, ruleset);
    watch->tick = loop_timer_new(loop, on_tick, watch);
    watch->soon = loop_timer_new(loop, on_soon, watch);
    set_inputs(watch, config);
    return watch;
}

static struct input *input_find(const struct watch *watch, const char *label)
{
    for (struct input *input = watch->inputs; input; input = input->next)
        if (strcmp(input->config->label, label) == 0)
            return input;
    return NULL;
}

void watch_socket(struct watch *watch, const char *label, int fd)
{
    struct input *input = input_find(watch, label);
    spare_put(watch, label, fd, SV_NONE);
    if (!input || input->fd >= 0 || input->ended)
        return; /* for after the next reload */
    input_equip(watch, input);
    if (input->reading) {
        input->ops->pause(input);
        input->ops->resume(input);
    } else if (!input->opened) {
        input->retry_at = 0;
        open_all(watch);
        update(watch);
    }
}

/* Before any batch of these rules: the courier must know whether somebody will correlate it. */
static void say_whether_rules_correlate(struct watch *watch)
{
    struct buf body = BUF_INIT(16);
    struct pack pack = PACK_INTO(&body);
    pack_u32(&pack, correlation_count(watch->ruleset) > 0);
    if (watch->channel)
        channel_send(watch->channel, CONTROL_CORRELATES, buf_view(&body), -1);
    buf_free(&body);
}

void watch_courier(struct watch *watch, struct channel *channel)
{
    watch->channel = channel;
    say_whether_rules_correlate(watch);
    outbox_channel(watch->outbox, channel);
    update(watch);
}

static void take_cursors(struct watch *watch, sv body)
{
    if (watch->cursors_known)
        return; /* after a reconnect we know better than the disk */
    struct unpack unpack = UNPACK_FROM(body);
    uint32_t count = unpack_u32(&unpack);
    for (uint32_t i = 0; unpack.ok && i < count && i < CURSORS_MAX; i++) {
        sv name = unpack_sv(&unpack), cursor = unpack_sv(&unpack);
        char label[LABEL_BYTES_MAX];
        if (name.n >= sizeof label || cursor.n >= INPUT_CURSOR_BYTES_MAX)
            continue;
        sv_copy(label, sizeof label, name);
        if (cursor.n)
            spare_put(watch, label, -1, cursor);
        struct input *input = input_find(watch, label);
        if (input)
            input_equip(watch, input);
    }
    watch->cursors_known = true;
    open_all(watch);
}

static void take_committed(struct watch *watch, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    outbox_committed(watch->outbox, unpack_u64(&unpack));
    for (struct input *input = watch->inputs; input; input = input->next)
        if (input->opened && input->ops->committed)
            input->ops->committed(input);
}

void watch_message(struct watch *watch, enum control_type type, sv body)
{
    if (type == CONTROL_CURSORS)
        take_cursors(watch, body);
    if (type == CONTROL_COMMITTED)
        take_committed(watch, body);
    update(watch);
}

void watch_start(struct watch *watch)
{
    watch->started = true;
    loop_timer_set(watch->tick, TICK_S * NANOS_PER_SECOND);
    open_all(watch);
    update(watch);
}

void watch_reload(struct watch *watch, const struct config *config, struct ruleset *ruleset)
{
    sieve_rules(watch->sieve, ruleset);
    ruleset_free(watch->ruleset);
    watch->ruleset = ruleset;
    say_whether_rules_correlate(watch);
    set_inputs(watch, config);
    watch->config = config;
    open_all(watch);
    update(watch);
}

void watch_drain(struct watch *watch, loop_fn *done, void *arg)
{
    watch->draining = true;
    watch->on_drained = done;
    watch->drained_arg = arg;
    update(watch);
    for (struct input *input = watch->inputs; input; input = input->next)
        if (input->opened && input->ops->finish)
            input->ops->finish(input);
    say_cursors(watch);
    update(watch);
}

void watch_on_open(struct watch *watch, loop_fn *fn, void *arg)
{
    watch->on_open = fn;
    watch->open_arg = arg;
}

void watch_on_stdin_end(struct watch *watch, loop_fn *fn, void *arg)
{
    watch->on_stdin_end = fn;
    watch->stdin_end_arg = arg;
    update(watch);
}

const struct watch_counts *watch_counts(const struct watch *watch)
{
    return &watch->counts;
}

const struct rule_costs *watch_costs(const struct watch *watch)
{
    return sieve_costs(watch->sieve);
}

void watch_free(struct watch *watch)
{
    if (!watch)
        return;
    outbox_channel(watch->outbox, NULL);
    for (struct input *input = watch->inputs, *next; input; input = next) {
        next = input->next;
        input_free(input);
    }
    while (watch->spares)
        spare_drop(&watch->spares);
    loop_timer_free(watch->tick);
    loop_timer_free(watch->soon);
    sieve_free(watch->sieve);
    outbox_free(watch->outbox);
    ruleset_free(watch->ruleset);
    free(watch);
}
