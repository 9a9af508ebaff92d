/* The correlate process: windows and baselines over what the watches project. It is asked by the courier,
 * which commits what it finds together with what it must remember; so its own memory is only a copy, and is
 * thrown away whenever the courier begins anew. */
#include "base/log.h"
#include "base/memory.h"
#include "base/metrics.h"
#include "cmd/confine.h"
#include "cmd/finding_counts.h"
#include "cmd/role.h"
#include "cmd/role_rules.h"
#include "watch/correlator.h"
#include "wire/correlated.h"

#include <stdlib.h>
#include <unistd.h>

#define TICK         NANOS_PER_SECOND
#define REPORT_EVERY (60 * NANOS_PER_SECOND)

enum {
    PART_BYTES_MAX = 4 * 1024 * 1024, /* of an answer; a longer one comes in several */
    PENDING_MAX = 16 * 1024 * 1024,   /* not yet taken by the courier: then it is waited for */
    ASKED_BYTES_MAX = 1024 * 1024,    /* one projection, unpacked */
};

struct correlate_role {
    struct role_process *process;
    const struct config *config;
    struct ruleset *ruleset, *prepared;
    struct correlator *correlator;
    struct channel *courier;
    bool ready;      /* it has the state that is on disk */
    struct buf part; /* of the answer under way */
    uint64_t serial; /* of what is answered; 0: of its own accord */
    struct arena *arena;
    struct loop_timer *tick, *report;
    struct correlator_counts past;     /* of the correlators that were thrown away */
    struct correlator_counts reported; /* in all */
    struct finding_counts *found;      /* by correlation */
};

/* --- Counts --- */

/* Since the process began; groups and bytes are those of now. */
static struct correlator_counts count_all(const struct correlate_role *role)
{
    const struct correlator_counts *past = &role->past;
    struct correlator_counts all = *correlator_counts(role->correlator);
    all.events += past->events;
    all.findings += past->findings;
    all.late += past->late;
    all.future += past->future;
    all.ungrouped += past->ungrouped;
    all.evicted += past->evicted;
    all.cut += past->cut;
    return all;
}

static void correlate_metrics(void *state, struct buf *out)
{
    const struct correlate_role *role = state;
    struct correlator_counts counts = count_all(role);
    const struct {
        const char *name, *help;
        uint64_t value;
    } all[] = {
        {"vedette_correlate_events_total", "Events that some correlation looked at.", counts.events},
        {"vedette_correlate_findings_total", "Findings of correlations.", counts.findings},
        {"vedette_correlate_late_total", "Events left out because they came too late.", counts.late},
        {"vedette_correlate_future_total", "Events whose time was past their arrival, which counted.",
         counts.future},
        {"vedette_correlate_ungrouped_total", "Events left out for want of a field that is grouped by.",
         counts.ungrouped},
        {"vedette_correlate_evicted_total", "Groups forgotten for want of memory.", counts.evicted},
        {"vedette_correlate_cut_total", "Events forgotten because their window held too many.", counts.cut},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        metrics_one(out, all[i].name, METRICS_COUNTER, all[i].help, (int64_t)all[i].value);
    metrics_one(out, "vedette_correlate_groups", METRICS_GAUGE, "Groups remembered.", (int64_t)counts.groups);
    metrics_one(out, "vedette_correlate_bytes", METRICS_GAUGE, "Memory that they take.",
                (int64_t)counts.bytes);
    finding_counts_write(role->found, "vedette_correlate_rule_findings_total",
                         "Findings of this correlation.", out);
}

/* --- Answers --- */

static void answer_begin(struct correlate_role *role, uint64_t serial)
{
    role->serial = serial;
    buf_clear(&role->part);
    correlated_begin(&role->part, serial);
}

static void answer_send(struct correlate_role *role)
{
    if (channel_pending(role->courier) > PENDING_MAX)
        channel_flush(role->courier, NULL);
    channel_send(role->courier, CONTROL_CORRELATED, buf_view(&role->part), -1);
}

static void answer_next_part(struct correlate_role *role)
{
    answer_send(role);
    answer_begin(role, role->serial);
}

static void on_finding(void *arg, const struct finding *finding, uint64_t ordinal)
{
    struct correlate_role *role = arg;
    (void)ordinal;
    finding_counts_add(role->found, finding->rule_id);
    if (correlated_add_finding(&role->part, finding))
        return;
    answer_next_part(role);
    correlated_add_finding(&role->part, finding);
}

static bool add_change(void *arg, sv key, sv value)
{
    struct correlate_role *role = arg;
    if (correlated_add_change(&role->part, key, value))
        return true;
    answer_next_part(role);
    return correlated_add_change(&role->part, key, value);
}

/* What changed goes along with what was found. Of its own accord it only speaks when there is something. */
static void answer_end(struct correlate_role *role)
{
    size_t empty = sizeof role->serial + sizeof(uint32_t);
    correlator_changes(role->correlator, add_change, role);
    if (!role->serial && buf_view(&role->part).n == empty)
        return;
    correlated_end(&role->part);
    answer_send(role);
}

/* --- State --- */

static void renew(struct correlate_role *role)
{
    if (role->correlator)
        role->past = count_all(role);
    const struct correlator_limits limits = role_correlation_limits(role->config);
    correlator_free(role->correlator);
    role->correlator = correlator_new(role->ruleset, &limits, on_finding, role);
    role->ready = false;
}

static void ask_for_state(struct correlate_role *role, sv after)
{
    struct buf body = BUF_INIT(CORRELATED_KEY_BYTES_MAX + 16);
    struct pack pack = PACK_INTO(&body);
    pack_sv(&pack, after);
    if (pack.ok)
        channel_send(role->courier, CONTROL_STATE_GET, buf_view(&body), -1);
    buf_free(&body);
}

static void take_state(struct correlate_role *role, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    bool last = unpack_u32(&unpack) != 0;
    nanos now = loop_now();
    sv key = SV("");
    while (unpack.ok && unpack.rest.n) {
        key = unpack_sv(&unpack);
        sv value = unpack_sv(&unpack);
        if (unpack.ok)
            correlator_restore(role->correlator, key, value, now);
    }
    if (!last) {
        ask_for_state(role, key);
        return;
    }
    correlator_start(role->correlator, now);
    role->ready = true;
    LOG_INFO("windows and baselines are there",
             LOG_INT("groups", correlator_counts(role->correlator)->groups),
             LOG_INT("bytes", correlator_counts(role->correlator)->bytes));
}

/* --- What the courier says --- */

static void correlate(struct correlate_role *role, sv body)
{
    struct unpack unpack = UNPACK_FROM(body);
    uint64_t serial = unpack_u64(&unpack);
    uint32_t count = unpack_u32(&unpack);
    if (!role->ready)
        return; /* asked before a reset was heard: it will be asked again */
    answer_begin(role, serial);
    struct projection projection, *before = NULL;
    for (uint32_t i = 0; unpack.ok && i < count; i++) {
        struct unpack one = UNPACK_FROM(unpack_sv(&unpack));
        arena_reset(role->arena);
        before = projection_unpack(&one, before, &projection, role->arena) ? &projection : NULL;
        if (before)
            correlator_feed(role->correlator, before);
        else
            LOG_ERROR("an event that is to be correlated cannot be read", LOG_INT("bytes", one.rest.n));
    }
    answer_end(role);
}

static void on_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    struct correlate_role *role = arg;
    (void)channel;
    if (fd >= 0)
        close(fd);
    if (type == CONTROL_CORRELATE)
        correlate(role, body);
    else if (type == CONTROL_STATE)
        take_state(role, body);
    else if (type == CONTROL_STATE_RESET) {
        renew(role);
        ask_for_state(role, SV(""));
    }
}

static void on_closed(void *arg, struct channel *channel, const struct err *err)
{
    struct correlate_role *role = arg;
    (void)err;
    channel_free(channel);
    role->courier = NULL;
    renew(role);
}

static void correlate_peer(void *state, const char *process, int fd)
{
    struct correlate_role *role = state;
    (void)process;
    channel_free(role->courier);
    role->courier = channel_new(role_loop(role->process), fd, on_message, on_closed, role);
    renew(role);
    ask_for_state(role, SV(""));
}

/* --- Time --- */

static void on_tick(void *arg)
{
    struct correlate_role *role = arg;
    loop_timer_set(role->tick, TICK);
    if (!role->ready || !role->courier)
        return;
    answer_begin(role, 0);
    correlator_advance(role->correlator, loop_now());
    answer_end(role);
}

/* What was left out, once a minute and only when something was. */
static void report(void *arg)
{
    struct correlate_role *role = arg;
    struct correlator_counts now = count_all(role), then = role->reported;
    loop_timer_set(role->report, REPORT_EVERY);
    role->reported = now;
    if (now.late != then.late || now.future != then.future || now.evicted != then.evicted ||
        now.cut != then.cut)
        LOG_WARNING("correlations left something out in the last minute",
                    LOG_INT("events", now.events - then.events), LOG_INT("late", now.late - then.late),
                    LOG_INT("future", now.future - then.future),
                    LOG_INT("evicted", now.evicted - then.evicted), LOG_INT("cut", now.cut - then.cut),
                    LOG_INT("groups", now.groups), LOG_INT("bytes", now.bytes));
}

/* --- The role --- */

static int correlate_begin(struct role_process *process, const struct config *config, void **ret_state,
                           struct err *err)
{
    if (confine(CONFINE_CORRELATE, config, err) < 0)
        return -1;
    struct ruleset *ruleset = role_rules(config, RULE_BOOK_LOOK, NULL, false, err);
    if (!ruleset)
        return -1;
    struct correlate_role *role = calloc(1, sizeof *role);
    *role = (struct correlate_role){.process = process,
                                    .config = config,
                                    .ruleset = ruleset,
                                    .part = BUF_INIT(PART_BYTES_MAX),
                                    .arena = arena_new(ASKED_BYTES_MAX),
                                    .found = finding_counts_new()};
    renew(role);
    role->tick = loop_timer_new(role_loop(process), on_tick, role);
    role->report = loop_timer_new(role_loop(process), report, role);
    loop_timer_set(role->tick, TICK);
    loop_timer_set(role->report, REPORT_EVERY);
    *ret_state = role;
    return 0;
}

static int correlate_prepare(void *state, const struct config *config, struct err *err)
{
    struct correlate_role *role = state;
    ruleset_free(role->prepared);
    role->prepared = role_rules(config, RULE_BOOK_LOOK, NULL, true, err);
    return role->prepared ? 0 : -1;
}

static bool carry(void *arg, sv key, sv value)
{
    struct correlate_role *role = arg;
    if (value.p)
        correlator_restore(role->correlator, key, value, loop_now());
    return true;
}

/* All that the correlations of the old rules remember goes on under the new ones that mean the same. */
static void correlate_commit(void *state, const struct config *config)
{
    struct correlate_role *role = state;
    struct correlator *old = role->correlator;
    struct ruleset *old_rules = role->ruleset;
    bool ready = role->ready;
    role->config = config;
    role->ruleset = role->prepared;
    role->prepared = NULL;
    role->past = count_all(role);
    role->correlator = NULL;
    renew(role);
    correlator_mark_all(old);
    correlator_changes(old, carry, role);
    correlator_free(old);
    ruleset_free(old_rules);
    memory_give_back();
    if (ready)
        correlator_start(role->correlator, loop_now());
    role->ready = ready;
}

static void correlate_abort(void *state)
{
    struct correlate_role *role = state;
    ruleset_free(role->prepared);
    role->prepared = NULL;
}

static void correlate_end(void *state)
{
    struct correlate_role *role = state;
    channel_free(role->courier);
    correlator_free(role->correlator);
    ruleset_free(role->ruleset);
    ruleset_free(role->prepared);
    loop_timer_free(role->tick);
    loop_timer_free(role->report);
    finding_counts_free(role->found);
    buf_free(&role->part);
    arena_free(role->arena);
    free(role);
}

const struct role role_correlate = {
    .name = "correlate",
    .start = correlate_begin,
    .peer = correlate_peer,
    .prepare = correlate_prepare,
    .commit = correlate_commit,
    .abort = correlate_abort,
    .metrics = correlate_metrics,
    .free = correlate_end,
};
