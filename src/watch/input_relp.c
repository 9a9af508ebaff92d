/* RELP over TCP and TLS: an event is answered once its findings are on disk, and only then. What a sender has
 * not been answered it sends again, after its connection or we have ended; so each event counts at least
 * once. */
#include "watch/listener.h"
#include "wire/relp.h"

enum {
    DEBTS_MAX = 16,               /* batches that one sender's answers wait for; more wait for the last */
    UNANSWERED_MAX = 4096,        /* then a sender is not read; senders keep to windows far smaller */
    UNSENT_BYTES_MAX = 64 * 1024, /* the same for one that does not read its answers */
    BLOCK_BYTES = 64 * 1024,      /* judged by one look */
    ANSWERS_MAX = 128,            /* written at once */
};

/* All up to that transaction may be answered when the batch is on disk. */
struct debt {
    uint64_t batch, transaction;
};

struct relp_sender {
    struct sender sender;
    struct relp relp;
    uint64_t answered;            /* transactions */
    struct debt debts[DEBTS_MAX]; /* oldest first */
    size_t debt_count;
    bool held;   /* it gets its next turn when answers have gone */
    bool ending; /* we are: it is told when nothing is owed to it any more */
};

static void begin(struct sender *sender)
{
    struct relp_sender *one = (struct relp_sender *)sender;
    relp_init(&one->relp, (size_t)sender->input->config->line_bytes_max);
}

/* --- Reading --- */

static bool is_held(struct relp_sender *one)
{
    one->held = one->relp.received - one->answered >= UNANSWERED_MAX ||
                stream_unsent(one->sender.stream) >= UNSENT_BYTES_MAX;
    return one->held || one->ending;
}

static void welcome(struct relp_sender *one)
{
    char words[RELP_WORDS_BYTES_MAX];
    stream_write(one->sender.stream, sv_make(words, relp_write_offers(&one->relp, words)));
    one->answered = one->relp.received;
}

/* Cuts a block off the front of in. */
static enum relp_event take_block(struct relp_sender *one, sv in, size_t budget, size_t *ret_used,
                                  struct input_block *ret)
{
    enum relp_event event = RELP_RECORD;
    size_t done = 0;
    ret->count = 0;
    while (ret->count < RULESET_SCREENED_MAX && done < budget &&
           (event == RELP_RECORD || event == RELP_OPENED)) {
        struct relp_record record;
        size_t used;
        event = relp_take(&one->relp, sv_from(in, done), &record, &used);
        done += used;
        if (event == RELP_OPENED)
            welcome(one);
        if (event != RELP_RECORD)
            continue;
        ret->records[ret->count] = record.text;
        ret->cut[ret->count++] = record.cut;
    }
    ret->bytes = sv_first(in, done);
    *ret_used = done;
    return event;
}

static enum input_taken take(struct sender *sender, sv in, size_t budget, size_t *ret_used)
{
    struct relp_sender *one = (struct relp_sender *)sender;
    struct input_block block;
    *ret_used = 0;
    while (*ret_used < budget && input_may_read(sender->input)) {
        if (is_held(one) || one->relp.closed)
            return INPUT_TAKEN_HELD;
        size_t used, left = budget - *ret_used < BLOCK_BYTES ? budget - *ret_used : BLOCK_BYTES;
        enum relp_event event = take_block(one, sv_from(in, *ret_used), left, &used, &block);
        *ret_used += used;
        input_block(sender->input, &block);
        if (event == RELP_NEED_DATA)
            return INPUT_TAKEN_ALL;
        if (event == RELP_INVALID)
            return INPUT_TAKEN_BROKEN;
    }
    return INPUT_TAKEN_SOME;
}

/* --- Answering --- */

static void say_end(struct relp_sender *one)
{
    char words[RELP_WORDS_BYTES_MAX];
    stream_write(one->sender.stream, sv_make(words, relp_write_end(&one->relp, words)));
}

static void answer(struct relp_sender *one, uint64_t transaction)
{
    char words[ANSWERS_MAX * RELP_OK_BYTES_MAX];
    while (one->answered < transaction) {
        size_t n = 0;
        for (int i = 0; i < ANSWERS_MAX && one->answered < transaction; i++)
            n += relp_write_ok(++one->answered, words + n);
        stream_write(one->sender.stream, sv_make(words, n));
    }
}

/* Answers what is on disk. The sender may be gone afterwards. */
static void settle(struct relp_sender *one)
{
    size_t paid = 0;
    while (paid < one->debt_count && input_on_disk(one->sender.input, one->debts[paid].batch))
        paid++;
    if (paid) {
        answer(one, one->debts[paid - 1].transaction);
        one->debt_count -= paid;
        memmove(one->debts, one->debts + paid, one->debt_count * sizeof *one->debts);
    }
    if (one->debt_count == 0 && (one->relp.closed || one->ending)) {
        if (one->ending)
            say_end(one);
        sender_end(&one->sender);
    } else if (one->held && !is_held(one)) {
        sender_go_on(&one->sender);
    }
}

/* Without findings of its own a turn waits for nothing but what came before it. A record that was cut has its
 * findings before its end, and its answer, have come. */
static void turned(struct sender *sender, uint64_t batch)
{
    struct relp_sender *one = (struct relp_sender *)sender;
    struct debt *last = one->debt_count ? &one->debts[one->debt_count - 1] : NULL;
    uint64_t received = one->relp.received, covered = last ? last->transaction : one->answered;
    if (received == covered && !one->relp.tail)
        return;
    if (batch && one->debt_count < DEBTS_MAX)
        one->debts[one->debt_count++] = (struct debt){batch, received};
    else if (last)
        *last = (struct debt){batch ? batch : last->batch, received};
    else
        answer(one, received);
    settle(one);
}

static void drained(struct sender *sender)
{
    settle((struct relp_sender *)sender);
}

static void relp_committed(struct input *input)
{
    for (struct sender *sender = listener_first(input), *next; sender; sender = next) {
        next = sender->next;
        if (((struct relp_sender *)sender)->debt_count)
            settle((struct relp_sender *)sender);
    }
}

static void broken(struct sender *sender, struct err *err)
{
    struct relp_sender *one = (struct relp_sender *)sender;
    err_set(err, ERR_PROTOCOL, "let it speak RELP here, or name this address under syslog:", "%s",
            one->relp.fault);
    say_end(one);
}

/* What was read and not evaluated comes again; what was evaluated is answered while the watch waits for it to
 * be on disk. */
static void relp_finish(struct input *input)
{
    for (struct sender *sender = listener_first(input), *next; sender; sender = next) {
        next = sender->next;
        ((struct relp_sender *)sender)->ending = true;
        settle((struct relp_sender *)sender);
    }
}

static int relp_open(struct input *input, struct err *err)
{
    static const struct sender_kind KIND = {.size = sizeof(struct relp_sender),
                                            .begin = begin,
                                            .take = take,
                                            .turned = turned,
                                            .drained = drained,
                                            .broken = broken};
    return listener_open(input, &KIND, err);
}

const struct input_ops input_relp_ops = {
    .open = relp_open,
    .resume = listener_resume,
    .pause = listener_pause,
    .finish = relp_finish,
    .committed = relp_committed,
    .refresh = listener_refresh,
    .close = listener_close,
};
