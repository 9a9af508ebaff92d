#include "cmd/courier_metrics.h"

#include "base/log.h"
#include "base/metrics.h"
#include "courier/cause.h"

#include <assert.h>
#include <stdlib.h>

#define LOOK_EVERY (10 * NANOS_PER_SECOND)

/* Steps that are counted; all others are part of one of these. */
static const char *const steps[] = {"matched", "suppressed", "queued", "deferred", "handed-over",
                                    "refused", "expired",    "landed", "bounced"};
enum { STEP_COUNT = sizeof steps / sizeof *steps };

/* Of these it is counted, too, why. */
static const char *const failures[] = {"deferred", "refused", "expired", "bounced"};
enum { FAILURE_COUNT = sizeof failures / sizeof *failures };

#define X(...) +1
enum { CAUSE_COUNT = 0 CAUSES(X) };
#undef X

struct courier_metrics {
    struct courier *courier;
    struct loop_timer *look;
    uint64_t plain[STEP_COUNT];                                             /* without a gateway */
    uint64_t by_gateway[STEP_COUNT][CONFIG_GATEWAYS_MAX];                   /* by names */
    uint64_t by_cause[FAILURE_COUNT][CAUSE_COUNT][CONFIG_GATEWAYS_MAX + 1]; /* the last: without a gateway */
    char names[CONFIG_GATEWAYS_MAX][CONFIG_NAME_BYTES]; /* that a gateway has had since the start */
    size_t name_count;
    struct store_counts counts, looking;
    bool busy, known, ended;
};

/* Its place, or CONFIG_GATEWAYS_MAX when reloads have brought more names than that. */
static size_t place_of(struct courier_metrics *metrics, const char *gateway)
{
    size_t i = 0;
    while (i < metrics->name_count && strcmp(metrics->names[i], gateway) != 0)
        i++;
    if (i == metrics->name_count && i < CONFIG_GATEWAYS_MAX)
        sv_copy(metrics->names[metrics->name_count++], sizeof metrics->names[0], sv_of(gateway));
    return i;
}

static void count_failure(struct courier_metrics *metrics, const struct courier_step *step, size_t place)
{
    enum cause cause = cause_named(sv_of(step->cause));
    for (size_t i = 0; i < FAILURE_COUNT; i++)
        if (strcmp(failures[i], step->step) == 0)
            metrics->by_cause[i][cause][place]++;
}

static void on_step(void *arg, const struct courier_step *step)
{
    struct courier_metrics *metrics = arg;
    size_t place = step->gateway ? place_of(metrics, step->gateway) : CONFIG_GATEWAYS_MAX;
    if (step->cause)
        count_failure(metrics, step, place);
    for (size_t i = 0; i < STEP_COUNT; i++) {
        if (strcmp(steps[i], step->step) != 0)
            continue;
        if (place < CONFIG_GATEWAYS_MAX)
            metrics->by_gateway[i][place]++;
        else
            metrics->plain[i]++;
    }
}

static int read_counts(struct store *store, void *arg, struct err *err)
{
    struct courier_metrics *metrics = arg;
    return store_counts(store, &metrics->looking, err);
}

static void on_counts(void *arg, const struct err *err)
{
    struct courier_metrics *metrics = arg;
    metrics->busy = false;
    if (metrics->ended) {
        free(metrics);
        return;
    }
    if (err)
        LOG_WARNING("the queue's sizes cannot be read", LOG_ERR(err));
    else
        metrics->counts = metrics->looking;
    metrics->known |= !err;
    loop_timer_set(metrics->look, LOOK_EVERY);
}

static void look(void *arg)
{
    struct courier_metrics *metrics = arg;
    metrics->busy = true;
    courier_read(metrics->courier, read_counts, on_counts, metrics);
}

struct courier_metrics *courier_metrics_new(struct loop *loop, struct courier *courier)
{
    struct courier_metrics *metrics = calloc(1, sizeof *metrics);
    assert(metrics);
    metrics->courier = courier;
    metrics->look = loop_timer_new(loop, look, metrics);
    loop_timer_set(metrics->look, 0);
    courier_subscribe(courier, on_step, metrics);
    return metrics;
}

static void write_steps(const struct courier_metrics *metrics, struct buf *out)
{
    static const char name[] = "vedette_courier_steps_total";
    metrics_family(out, name, METRICS_COUNTER, "What happened to alerts and messages.");
    for (size_t i = 0; i < STEP_COUNT; i++) {
        struct metrics_label labels[2] = {{"step", sv_of(steps[i])}};
        if (metrics->plain[i])
            metrics_sample(out, name, labels, 1, (int64_t)metrics->plain[i]);
        labels[1].name = "gateway";
        for (size_t j = 0; j < metrics->name_count; j++) {
            labels[1].value = sv_of(metrics->names[j]);
            if (metrics->by_gateway[i][j])
                metrics_sample(out, name, labels, 2, (int64_t)metrics->by_gateway[i][j]);
        }
    }
}

static void write_failures(const struct courier_metrics *metrics, struct buf *out)
{
    static const char name[] = "vedette_courier_failures_total";
    metrics_family(out, name, METRICS_COUNTER,
                   "Messages that were deferred, refused or bounced, or that expired, by cause.");
    for (size_t i = 0; i < FAILURE_COUNT; i++)
        for (int cause = 0; cause < CAUSE_COUNT; cause++)
            for (size_t j = 0; j <= CONFIG_GATEWAYS_MAX; j++) {
                const struct metrics_label labels[] = {
                    {"step", sv_of(failures[i])},
                    {"cause", sv_of(cause_name((enum cause)cause))},
                    {"gateway", j < CONFIG_GATEWAYS_MAX ? sv_of(metrics->names[j]) : SV_NONE}};
                if (metrics->by_cause[i][cause][j])
                    metrics_sample(out, name, labels, j < CONFIG_GATEWAYS_MAX ? 3 : 2,
                                   (int64_t)metrics->by_cause[i][cause][j]);
            }
}

static void write_gateways(const struct courier_metrics *metrics, struct buf *out)
{
    static const char name[] = "vedette_courier_gateway_up";
    const char *gateway, *trouble;
    metrics_family(out, name, METRICS_GAUGE, "Whether this gateway takes mail.");
    for (size_t i = 0; (gateway = courier_gateway(metrics->courier, i)); i++) {
        bool up = courier_is_up(metrics->courier, sv_of(gateway), &trouble);
        metrics_sample(out, name, &(struct metrics_label){"gateway", sv_of(gateway)}, 1, up);
    }
}

static void write_counts(const struct courier_metrics *metrics, struct buf *out)
{
    static const char name[] = "vedette_courier_messages";
    const struct store_counts *counts = &metrics->counts;
    const struct {
        const char *state;
        int64_t count;
    } states[] = {{"queued", counts->queued}, {"handed-over", counts->handed_over},
                  {"landed", counts->landed}, {"bounced", counts->bounced},
                  {"failed", counts->failed}, {"expired", counts->expired}};
    if (!metrics->known)
        return;
    metrics_one(out, "vedette_courier_alerts", METRICS_GAUGE, "Alerts in the store.", counts->alerts);
    metrics_family(out, name, METRICS_GAUGE, "Messages in the store by state, without test messages.");
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        metrics_sample(out, name, &(struct metrics_label){"state", sv_of(states[i].state)}, 1,
                       states[i].count);
}

void courier_metrics_write(const struct courier_metrics *metrics, struct buf *out)
{
    write_steps(metrics, out);
    write_failures(metrics, out);
    write_gateways(metrics, out);
    write_counts(metrics, out);
}

/* A job under way still points here: it is the last to let go. */
void courier_metrics_free(struct courier_metrics *metrics)
{
    if (!metrics)
        return;
    courier_unsubscribe(metrics->courier, metrics);
    loop_timer_free(metrics->look);
    metrics->ended = true;
    if (!metrics->busy)
        free(metrics);
}
