#include "wire/relp.h"

#include "base/ascii.h"

#include <assert.h>
#include <stdio.h>

enum { DIGITS_MAX = 9, COMMAND_BYTES_MAX = 32, NUMBER_MAX = 999999999, VERSION = 1 };

void relp_init(struct relp *relp, size_t record_bytes_max)
{
    assert(record_bytes_max > 0);
    *relp = (struct relp){.record_bytes_max = record_bytes_max};
}

/* The number that a transaction bears: after the largest comes 1 again. */
static uint64_t number_of(uint64_t transaction)
{
    return (transaction - 1) % NUMBER_MAX + 1;
}

/* --- The header of a frame: TXNR SP COMMAND SP DATALEN [SP] --- */

enum state { STATE_GOOD, STATE_SHORT, STATE_BROKEN };

/* Where reading stands. Once it is not good it stays so, and what is read is zero. */
struct cursor {
    sv rest;
    enum state state;
};

/* A run of such characters, which only the next one ends. */
static sv take_run(struct cursor *cursor, bool (*fits)(int), size_t max)
{
    size_t n = 0;
    if (cursor->state != STATE_GOOD)
        return SV_NONE;
    while (n < cursor->rest.n && n <= max && fits(cursor->rest.p[n]))
        n++;
    if (n > max || (n == 0 && cursor->rest.n))
        cursor->state = STATE_BROKEN;
    else if (n == cursor->rest.n)
        cursor->state = STATE_SHORT;
    sv run = sv_first(cursor->rest, n);
    cursor->rest = sv_from(cursor->rest, n);
    return cursor->state == STATE_GOOD ? run : SV_NONE;
}

static size_t take_number(struct cursor *cursor)
{
    size_t number = 0;
    sv digits = take_run(cursor, ascii_digit, DIGITS_MAX);
    for (size_t i = 0; i < digits.n; i++)
        number = number * 10 + (size_t)(digits.p[i] - '0');
    return number;
}

static void take_space(struct cursor *cursor)
{
    if (cursor->state != STATE_GOOD)
        return;
    if (cursor->rest.n == 0)
        cursor->state = STATE_SHORT;
    else if (cursor->rest.p[0] != ' ')
        cursor->state = STATE_BROKEN;
    cursor->rest = sv_from(cursor->rest, 1);
}

struct header {
    size_t n; /* its bytes, the space before the data included */
    size_t number, data;
    sv command;
};

static enum state read_header(sv in, struct header *ret)
{
    struct cursor cursor = {in, STATE_GOOD};
    ret->number = take_number(&cursor);
    take_space(&cursor);
    ret->command = take_run(&cursor, ascii_letter, COMMAND_BYTES_MAX);
    take_space(&cursor);
    ret->data = take_number(&cursor);
    if (ret->data)
        take_space(&cursor);
    ret->n = in.n - cursor.rest.n;
    return cursor.state;
}

/* --- What a frame means --- */

/* How a step of reading ended. */
enum step { STEP_ON, STEP_EVENT };

static enum step tell(enum relp_event event, enum relp_event *ret)
{
    *ret = event;
    return STEP_EVENT;
}

static enum step refuse(struct relp *relp, const char *fault, enum relp_event *ret)
{
    relp->fault = fault;
    return tell(RELP_INVALID, ret);
}

/* "relp_version=1", "commands=syslog,…", each on a line. NULL, or why there can be no session. */
static const char *read_offers(struct relp *relp, sv offers)
{
    bool versed = false, syslog = false;
    while (offers.p) {
        sv values = sv_split(&offers, '\n'), name = sv_split(&values, '=');
        uint64_t version = 0;
        if (sv_eq(name, SV("relp_version")) && sv_to_u64(sv_split(&values, ','), &version)) {
            versed = true;
            relp->version = version < VERSION ? (unsigned)version : VERSION;
        }
        while (values.p && sv_eq(name, SV("commands")))
            syslog |= sv_eq(sv_split(&values, ','), SV("syslog"));
    }
    return !versed  ? "it does not say which version of RELP it speaks"
           : syslog ? NULL
                    : "it does not offer the command syslog";
}

static enum step open_session(struct relp *relp, sv offers, enum relp_event *ret)
{
    const char *fault = read_offers(relp, offers);
    relp->refused = fault != NULL;
    relp->opened = !fault;
    relp->received++;
    return fault ? refuse(relp, fault, ret) : tell(RELP_OPENED, ret);
}

static sv without_trailer(sv record)
{
    while (record.n && (record.p[record.n - 1] == '\n' || record.p[record.n - 1] == '\0'))
        record.n--;
    if (record.n && record.p[record.n - 1] == '\r')
        record.n--;
    return record;
}

/* A whole frame of a command that may be given now. */
static enum step obey(struct relp *relp, const struct header *header, sv data, struct relp_record *ret_record,
                      enum relp_event *ret)
{
    if (header->number == 0)
        return STEP_ON; /* a hint: nothing is owed to it */
    if (sv_eq(header->command, SV("open")) && !relp->opened)
        return open_session(relp, data, ret);
    relp->received++;
    if (sv_eq(header->command, SV("close"))) {
        relp->closed = true;
        return tell(RELP_CLOSED, ret);
    }
    *ret_record = (struct relp_record){.text = without_trailer(data)};
    /* Some clients open what is open; like an empty message it is only answered. */
    bool empty = ret_record->text.n == 0 || sv_eq(header->command, SV("open"));
    return empty ? STEP_ON : tell(RELP_RECORD, ret);
}

static const char *fault_of(const struct relp *relp, const struct header *header)
{
    bool opens = sv_eq(header->command, SV("open")), closes = sv_eq(header->command, SV("close"));
    if (header->data > RELP_DATA_BYTES_MAX)
        return "its frame is longer than 16 MiB";
    if (header->number == 0)
        return NULL;
    if (header->number != number_of(relp->received + 1))
        return "its transaction numbers do not follow one another";
    if (!opens && !closes && !sv_eq(header->command, SV("syslog")))
        return "it gives a command that was not offered";
    if (!opens && !closes && !relp->opened)
        return "it sends events before it has opened a session";
    if ((opens || closes) && header->data > RELP_OFFERS_BYTES_MAX)
        return "its open or close brings more than 4096 bytes";
    return NULL;
}

/* --- Frames --- */

/* What belongs to a frame that was cut. */
static enum step skip_rest(struct relp *relp, sv in, size_t *ret_used, enum relp_event *ret)
{
    size_t n = relp->skip < in.n ? relp->skip : in.n;
    relp->skip -= n;
    *ret_used = n;
    if (n == in.n)
        return tell(RELP_NEED_DATA, ret);
    if (in.p[n] != '\n')
        return refuse(relp, "its frame does not end where it said", ret);
    relp->tail = false;
    relp->received += relp->counted;
    *ret_used = n + 1;
    return STEP_ON;
}

/* How much of its data is looked at; a longer frame is cut. */
static size_t held_max(const struct relp *relp, const struct header *header)
{
    if (header->number == 0)
        return 0;
    return sv_eq(header->command, SV("syslog")) ? relp->record_bytes_max : RELP_OFFERS_BYTES_MAX;
}

static enum step cut_frame(struct relp *relp, const struct header *header, sv in, size_t *ret_used,
                           struct relp_record *ret_record, enum relp_event *ret)
{
    bool hint = header->number == 0;
    size_t kept = held_max(relp, header);
    if (in.n - header->n < kept)
        return tell(RELP_NEED_DATA, ret);
    relp->tail = true;
    relp->counted = !hint;
    relp->skip = header->data - kept;
    *ret_used = header->n + kept;
    *ret_record = (struct relp_record){.text = sv_first(sv_from(in, header->n), kept), .cut = true};
    return hint ? STEP_ON : tell(RELP_RECORD, ret);
}

static enum step take_frame(struct relp *relp, sv in, size_t *ret_used, struct relp_record *ret_record,
                            enum relp_event *ret)
{
    struct header header;
    switch (read_header(in, &header)) {
    case STATE_SHORT:
        return tell(RELP_NEED_DATA, ret);
    case STATE_BROKEN:
        return refuse(relp, "it sends what is no frame", ret);
    case STATE_GOOD:
        break;
    }
    const char *fault = fault_of(relp, &header);
    if (fault)
        return refuse(relp, fault, ret);
    if (header.data > held_max(relp, &header))
        return cut_frame(relp, &header, in, ret_used, ret_record, ret);
    if (in.n <= header.n + header.data)
        return tell(RELP_NEED_DATA, ret);
    if (in.p[header.n + header.data] != '\n')
        return refuse(relp, "its frame does not end where it said", ret);
    *ret_used = header.n + header.data + 1;
    return obey(relp, &header, sv_first(sv_from(in, header.n), header.data), ret_record, ret);
}

enum relp_event relp_take(struct relp *relp, sv in, struct relp_record *ret, size_t *ret_used)
{
    enum relp_event event = RELP_NEED_DATA;
    enum step step = STEP_ON;
    *ret_used = 0;
    while (step == STEP_ON) {
        size_t used = 0;
        sv rest = sv_from(in, *ret_used);
        step = relp->tail ? skip_rest(relp, rest, &used, &event) : take_frame(relp, rest, &used, ret, &event);
        *ret_used += used;
    }
    return event;
}

/* --- Answers --- */

static size_t write_answer(uint64_t transaction, const char *words, char *out)
{
    int n = snprintf(out, RELP_WORDS_BYTES_MAX, "%u rsp %zu %s\n", (unsigned)number_of(transaction),
                     strlen(words), words);
    assert(n > 0 && n < RELP_WORDS_BYTES_MAX);
    return (size_t)n;
}

size_t relp_write_offers(const struct relp *relp, char out[RELP_WORDS_BYTES_MAX])
{
    char words[RELP_WORDS_BYTES_MAX / 2];
    snprintf(words, sizeof words, "200 OK\nrelp_version=%u\nrelp_software=vedette\ncommands=syslog",
             relp->version);
    return write_answer(1, words, out);
}

size_t relp_write_ok(uint64_t transaction, char out[RELP_OK_BYTES_MAX])
{
    static const char words[] = " rsp 6 200 OK\n";
    char digits[DIGITS_MAX];
    size_t n = 0;
    for (uint64_t number = number_of(transaction); number; number /= 10)
        digits[n++] = (char)('0' + number % 10);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    memcpy(out + n, words, sizeof words - 1);
    return n + sizeof words - 1;
}

size_t relp_write_end(const struct relp *relp, char out[RELP_WORDS_BYTES_MAX])
{
    static const char hint[] = "0 serverclose 0\n";
    size_t n = 0;
    if (relp->refused) {
        char words[RELP_WORDS_BYTES_MAX / 2];
        snprintf(words, sizeof words, "500 %s", relp->fault);
        n = write_answer(1, words, out);
    }
    memcpy(out + n, hint, sizeof hint - 1);
    return n + sizeof hint - 1;
}
