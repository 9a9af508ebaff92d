#include "cmd/listing.h"

#include "cmd/report.h"

#include <assert.h>
#include <stdlib.h>

enum {
    PAGE_ROWS_MAX = 200,
    PAGE_BYTES = 1024 * 1024, /* then the page is full */
    LINES_BYTES_MAX = PAGE_BYTES + CONTROL_BODY_BYTES_MAX,
    WHY_BYTES_MAX = 16 * 1024,
    UNSENT_MAX = 1024 * 1024, /* while the command has so much to read, nothing more is looked up */
};

#define UNSENT_LOOK (20 * NANOS_PER_MS)

struct listing {
    struct courier *courier;
    struct channel *channel; /* NULL: the command has gone */
    struct listing_request request;
    listing_ended_fn *fn;
    void *arg;
    struct loop_timer *wait;
    bool reading;       /* on the store's thread, which then uses all below */
    int64_t from, next; /* the first id of this page, and of the one after it */
    size_t rows;
    bool more;
    struct arena *texts;
    struct store_why why; /* nothing can leave now; in texts */
    struct buf lines;     /* JSON objects, a line each */
};

static void discard(struct listing *listing)
{
    loop_timer_free(listing->wait);
    buf_free(&listing->lines);
    arena_free(listing->texts);
    free(listing);
}

/* True when the page has no room for another row. */
static bool is_full(struct listing *listing)
{
    listing->more = listing->rows == PAGE_ROWS_MAX || buf_view(&listing->lines).n >= PAGE_BYTES;
    return listing->more;
}

static void add_row(struct listing *listing, int64_t id, json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0;
    if (length && length <= CONTROL_BODY_BYTES_MAX)
        buf_printf(&listing->lines, "%s\n", text);
    free(text);
    json_decref(json);
    listing->rows++;
    listing->next = id + 1;
}

/* What waits without having been tried says what it waits for. */
static void explain(const struct listing *listing, struct store_message *message)
{
    if (message->state != STORE_QUEUED || message->cause.n || !listing->why.cause.n)
        return;
    message->gateway = listing->why.gateway;
    message->reply = listing->why.reply;
    message->cause = listing->why.cause;
}

static int on_alert(void *arg, const struct store_alert *alert, const struct store_message *messages,
                    size_t count)
{
    struct listing *listing = arg;
    if ((listing->request.id && alert->id != listing->request.id) || is_full(listing))
        return 1;
    struct store_message *explained = listing->why.cause.n ? calloc(count + 1, sizeof *explained) : NULL;
    for (size_t i = 0; explained && i < count; i++) {
        explained[i] = messages[i];
        explain(listing, &explained[i]);
    }
    add_row(listing, alert->id, report_alert(alert, explained ? explained : messages, count));
    free(explained);
    return 0;
}

static int on_message(void *arg, const struct store_message *message)
{
    struct listing *listing = arg;
    if (is_full(listing))
        return 1;
    struct store_message explained = *message;
    explain(listing, &explained);
    add_row(listing, message->id, report_message(&explained, true));
    return 0;
}

static int read_page(struct store *store, void *arg, struct err *err)
{
    struct listing *listing = arg;
    listing->rows = 0;
    listing->more = false;
    listing->next = listing->from; /* it may run again */
    buf_clear(&listing->lines);
    if (listing->request.alerts)
        return store_alerts(store, listing->from, 0, on_alert, listing, err);
    return store_messages(store, listing->from, listing->request.all, on_message, listing, err);
}

static void page_read(void *arg, const struct err *err);

static void read_on(void *arg)
{
    struct listing *listing = arg;
    if (channel_pending(listing->channel) > UNSENT_MAX) {
        loop_timer_set(listing->wait, UNSENT_LOOK);
        return;
    }
    struct store_why why = courier_why(listing->courier);
    arena_reset(listing->texts);
    listing->why = (struct store_why){.gateway = arena_sv(listing->texts, why.gateway),
                                      .reply = arena_sv(listing->texts, why.reply),
                                      .cause = arena_sv(listing->texts, why.cause)};
    listing->reading = true;
    courier_read(listing->courier, read_page, page_read, listing);
}

static void page_read(void *arg, const struct err *err)
{
    struct listing *listing = arg;
    listing->reading = false;
    if (!listing->channel) {
        discard(listing);
        return;
    }
    sv lines = err ? SV_NONE : buf_view(&listing->lines);
    while (lines.n)
        channel_send(listing->channel, CONTROL_REPLY, sv_split(&lines, '\n'), -1);
    if (!err && listing->more) {
        listing->from = listing->next;
        read_on(listing);
        return;
    }
    listing_ended_fn *fn = listing->fn;
    void *owner = listing->arg;
    discard(listing);
    fn(owner, err);
}

struct listing *listing_new(struct loop *loop, struct courier *courier, struct channel *channel,
                            const struct listing_request *request, listing_ended_fn *fn, void *arg)
{
    struct listing *listing = calloc(1, sizeof *listing);
    assert(listing);
    *listing = (struct listing){.courier = courier,
                                .channel = channel,
                                .request = *request,
                                .fn = fn,
                                .arg = arg,
                                .from = request->id,
                                .texts = arena_new(WHY_BYTES_MAX),
                                .lines = BUF_INIT(LINES_BYTES_MAX)};
    listing->wait = loop_timer_new(loop, read_on, listing);
    read_on(listing);
    return listing;
}

void listing_free(struct listing *listing)
{
    if (!listing)
        return;
    listing->channel = NULL;
    if (!listing->reading)
        discard(listing);
}
