/* What every input is made of: the few operations that the watch asks of it, and what it may ask of the
 * watch. Private to this room. */
#ifndef VEDETTE_WATCH_INPUT_H
#define VEDETTE_WATCH_INPUT_H

#include "base/zone.h"
#include "watch/watch.h"
#include "wire/syslog_frame.h"

struct input;

struct input_ops {
    /* Readies what needs no socket. Nothing is read before resume. May be tried again after a failure. */
    int (*open)(struct input *input, struct err *err);
    void (*resume)(struct input *input);
    void (*pause)(struct input *input);
    /* Takes in what was read or waits in the kernel, whatever the flow says; the input is paused. NULL where
     * a cursor makes it needless. */
    void (*finish)(struct input *input);
    /* More of what was sent is on disk: input_on_disk. NULL where nobody is answered. */
    void (*committed)(struct input *input);
    /* Files that the configuration names, such as certificates, may have changed. NULL where there are none.
     */
    void (*refresh)(struct input *input);
    /* Frees state; fd is the watch's to close. Also after an open that failed. */
    void (*close)(struct input *input);
};

enum { INPUT_CURSOR_BYTES_MAX = 1024 };

struct input {
    const struct input_ops *ops;
    struct watch *watch;
    struct loop *loop;
    const struct config_input *config;
    struct zone *zone; /* of times that it writes without one: time_zone, else the machine's */
    struct watch_counts *counts;
    void *state; /* the kind's own */
    int fd;      /* its socket, or -1 */
    bool opened, reading, ended, cursor_unsaid;
    char cursor[INPUT_CURSOR_BYTES_MAX]; /* before open: where to go on; then: what was last told */
    nanos retry_at, complained_at;       /* monotonic */
    uint64_t complaints;                 /* since the one that was logged */
    struct input *next;
};

/* NULL if the configuration names no kind, which its checks exclude. */
const struct input_ops *input_ops_for(const struct config_input *config);

/* One record as it came, without its framing. */
struct input_record {
    sv raw;
    bool cut;                        /* it was longer */
    nanos time;                      /* when it happened if the source told beside the text, else 0 */
    const struct event_field *extra; /* told beside the text; fields of the text win */
    size_t extra_count;
};

/* Evaluates a record. Its bytes are not needed afterwards. */
void input_record(struct input *input, const struct input_record *record);

/* Records that lie in one piece of memory in this order: most are judged by one look at all of it. */
enum { INPUT_BLOCK_BYTES = 128 * 1024 }; /* at most, but for the last record */
struct input_block {
    sv bytes;
    size_t count;
    sv records[RULESET_SCREENED_MAX];
    bool cut[RULESET_SCREENED_MAX];
};

void input_block(struct input *input, const struct input_block *block);

/* False when the turn should end: its batch is full, or too much is uncommitted, and then pause is called. An
 * input that is still `reading` after input_turn_end goes on in another turn. */
bool input_may_read(const struct input *input);

/* The end of a turn of reading: findings go out. cursor (NULL for none) says how far the input was read. */
void input_turn_end(struct input *input, const char *cursor);

/* The last batch that left, of any input. After input_turn_end all findings so far are in it and those before
 * it. */
uint64_t input_last_batch(const struct input *input);

/* True once that batch and all before it are on disk. */
bool input_on_disk(const struct input *input, uint64_t batch);

/* How many watches there are, this one included, that read shared inputs. */
unsigned input_watches(const struct input *input);

/* Nothing will ever come again: standard input was closed. */
void input_end(struct input *input);

/* Logs what is wrong, at most every ten seconds per input, with how often it happened in between. */
void input_complain(struct input *input, const char *what, const struct err *err);

enum input_taken {
    INPUT_TAKEN_ALL,    /* what is left is no whole record */
    INPUT_TAKEN_SOME,   /* the budget or the flow ended it */
    INPUT_TAKEN_HELD,   /* it takes no more until it has been answered */
    INPUT_TAKEN_BROKEN, /* the framing is lost */
};

/* Evaluates the records at the front of in until about `budget` bytes are used; whether to go on is asked
 * block by block. */
enum input_taken input_take(struct input *input, struct syslog_framer *framer, sv in, size_t budget,
                            size_t *ret_used);

/* The last record at the end of a stream, whatever the flow says. */
void input_take_rest(struct input *input, struct syslog_framer *framer, sv in);

extern const struct input_ops input_datagram_ops, input_stream_ops, input_relp_ops, input_file_ops,
    input_journal_ops, input_stdin_ops;

#endif
