/* The queue's counters. */
#include "base/metrics.h"
#include "gateway/relay_private.h"

static void write_queue(const struct relay *relay, struct buf *out)
{
    static const char name[] = "vedette_gateway_queue_messages";
    int64_t held = 0, open = 0;
    nanos oldest = 0;
    for (const struct letter *letter = relay->first; letter; letter = letter->next) {
        held += letter->held;
        open += !letter->held;
        if (!letter->held && !oldest)
            oldest = letter->arrived;
    }
    metrics_family(out, name, METRICS_GAUGE, "Messages in the queue.");
    metrics_sample(out, name, &(struct metrics_label){"state", SV("open")}, 1, open);
    metrics_sample(out, name, &(struct metrics_label){"state", SV("held")}, 1, held);
    metrics_family(out, "vedette_gateway_queue_oldest_seconds", METRICS_GAUGE,
                   "Age of the oldest message that is not held.");
    metrics_seconds(out, "vedette_gateway_queue_oldest_seconds", NULL, 0, oldest ? loop_now() - oldest : 0);
}

void relay_write_metrics(const struct relay *relay, struct buf *out)
{
    static const char name[] = "vedette_gateway_attempts_total";
    static const struct {
        enum outcome_kind kind;
        const char *word;
    } outcomes[] = {{OUTCOME_SENT, "sent"}, {OUTCOME_LATER, "later"}, {OUTCOME_FAILED, "failed"}};
    write_queue(relay, out);
    metrics_family(out, name, METRICS_COUNTER, "Attempts to pass a message on, one for each recipient.");
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++)
        metrics_sample(out, name, &(struct metrics_label){"outcome", sv_of(outcomes[i].word)}, 1,
                       (int64_t)relay->outcomes[outcomes[i].kind]);
}
