#include "cmd/path_status.h"

#include "cmd/report.h"
#include "store/canary.h"
#include "store/fact.h"
#include "store/trouble.h"

#define DAY (24 * 3600 * NANOS_PER_SECOND)

enum { ARENA_BYTES_MAX = 1024 * 1024 };

static json_t *milliseconds(nanos length)
{
    return length ? json_integer(length / NANOS_PER_MS) : json_null();
}

static int add_canary(struct store *store, json_t *path, sv gateway, struct arena *arena, struct err *err)
{
    struct store_canary canary;
    json_t *json = json_null(), *evidence;
    int got = store_canary_last(store, gateway, true, arena, &canary, err);
    if (got == 0) /* the first one is still under way */
        got = store_canary_last(store, gateway, false, arena, &canary, err);
    if (got > 0) {
        json = json_object();
        evidence = canary.evidence.n ? json_loadb(canary.evidence.p, canary.evidence.n, 0, NULL) : NULL;
        json_object_set_new(json, "state", json_string(store_canary_state_name(canary.state)));
        json_object_set_new(json, "sent_at", report_time(canary.sent_at));
        json_object_set_new(json, "due_at", report_time(canary.due_at));
        json_object_set_new(json, "landed_at", report_time(canary.landed_at));
        json_object_set_new(json, "latency_ms",
                            milliseconds(canary.landed_at ? canary.landed_at - canary.sent_at : 0));
        json_object_set_new(json, "cause", report_text_or_null(canary.cause));
        json_object_set_new(json, "reply", report_text_or_null(canary.reply));
        json_object_set_new(json, "evidence", evidence ? evidence : json_null());
    }
    json_object_set_new(path, "canary", json);
    return got < 0 ? -1 : 0;
}

static int add_rate(struct store *store, json_t *path, const char *key, sv gateway, nanos since,
                    struct err *err)
{
    struct store_canary_rate rate;
    if (store_canary_rate(store, gateway, since, &rate, err) < 0)
        return -1;
    json_t *json = json_object();
    json_object_set_new(json, "sent", json_integer(rate.sent));
    json_object_set_new(json, "landed", json_integer(rate.landed));
    json_object_set_new(json, "rate",
                        rate.sent ? json_real((double)rate.landed / (double)rate.sent) : json_null());
    json_object_set_new(json, "p50_ms", milliseconds(rate.p50));
    json_object_set_new(json, "p99_ms", milliseconds(rate.p99));
    json_object_set_new(path, key, json);
    return 0;
}

/* The object of that gateway; NULL for one that is not configured any more. */
static json_t *path_of(json_t *paths, sv gateway)
{
    size_t i;
    json_t *path;
    json_array_foreach(paths, i, path)
    {
        if (sv_eq(report_view(path, "gateway"), gateway))
            return path;
    }
    return NULL;
}

static int on_trouble(void *arg, const struct store_trouble *trouble)
{
    json_t *path = path_of(arg, trouble->gateway);
    if (!path || trouble->until)
        return 0;
    json_t *json = json_object();
    json_object_set_new(json, "kind", report_text(trouble->kind));
    json_object_set_new(json, "severity", json_string(severity_name(trouble->severity)));
    json_object_set_new(json, "since", report_time(trouble->since));
    json_object_set_new(json, "text", report_text(trouble->text));
    json_object_set_new(json, "cause", report_text_or_null(trouble->cause));
    json_object_set_new(json, "advice", report_text_or_null(trouble->advice));
    json_object_set_new(json, "alert", trouble->alert_id ? json_integer(trouble->alert_id) : json_null());
    json_array_append_new(json_object_get(path, "troubles"), json);
    return 0;
}

static int on_fact(void *arg, const struct store_fact *fact)
{
    json_t *path = path_of(arg, fact->gateway);
    char name[64];
    if (!path)
        return 0;
    sv_copy(name, sizeof name, fact->name);
    json_t *json = json_object();
    json_object_set_new(json, "value", report_text(fact->value));
    json_object_set_new(json, "since", report_time(fact->since));
    json_object_set_new(json, "seen_at", report_time(fact->seen_at));
    json_object_set_new(json_object_get(path, "facts"), name, json);
    return 0;
}

static int add_path(struct store *store, json_t *paths, const char *name, nanos now, struct err *err)
{
    sv gateway = sv_of(name);
    struct arena *arena = arena_new(ARENA_BYTES_MAX);
    json_t *path = json_object();
    json_object_set_new(path, "gateway", report_text(gateway));
    json_object_set_new(path, "up", json_null());
    json_object_set_new(path, "trouble", json_null());
    json_object_set_new(path, "troubles", json_array());
    int done = add_canary(store, path, gateway, arena, err);
    if (done == 0)
        done = add_rate(store, path, "day", gateway, now - DAY, err);
    if (done == 0)
        done = add_rate(store, path, "month", gateway, now - 30 * DAY, err);
    json_object_set_new(path, "facts", json_object());
    json_array_append_new(paths, path);
    arena_free(arena);
    return done;
}

json_t *path_status_read(struct store *store, const char *const *gateways, size_t count, nanos now,
                         struct err *err)
{
    json_t *paths = json_array();
    int done = 0;
    for (size_t i = 0; i < count && done == 0; i++)
        done = add_path(store, paths, gateways[i], now, err);
    if (done == 0)
        done = store_troubles(store, now, on_trouble, paths, err);
    if (done == 0)
        done = store_facts(store, on_fact, paths, err);
    if (done == 0)
        return paths;
    json_decref(paths);
    return NULL;
}
