/* Private to the reception: a batch on its way to the disk. */
#ifndef VEDETTE_COURIER_RECEPTION_PRIVATE_H
#define VEDETTE_COURIER_RECEPTION_PRIVATE_H

#include "alert/alert.h"
#include "courier/correlating.h"
#include "courier/reception.h"
#include "store/correlation.h"
#include "wire/batch.h"

enum { RECEPTION_WATCHES_MAX = 256 };

/* What waits for its turn: nothing overtakes what came before it, for cursors and the correlator's state are
 * those of the last batch that was committed. */
struct waiting {
    struct waiting *next;
    struct job *job;
    struct batch_job *batch; /* NULL: it is no batch */
    bool ready;
    bool asked, checking;
};

struct reception {
    struct reception_setup setup;
    struct settings *settings;
    struct correlating *correlating;
    struct watch {
        struct channel *channel; /* NULL: free */
        uint64_t id;             /* an address may come again, this does not */
        unsigned number;         /* its successor has the same */
        bool fresh; /* what it sends is not on disk: the first batch that is not, is followed by none that is
                     */
        bool plain; /* its rules have no correlations, it said */
        bool held;  /* gets no cursors yet: one that came before it may have sent what moves them */
    } watches[RECEPTION_WATCHES_MAX];
    uint64_t next_id;
    struct waiting *first, **last;
    size_t pending; /* bytes */
    bool paused;
};

/* A finding, and what became of it. */
struct told {
    struct told *next;
    struct finding finding;
    struct alert_outcome outcome;
};

struct batch_job {
    struct job job;
    struct reception *reception;
    struct settings *settings;
    uint64_t watch;             /* its id; 0: of the correlator's own accord */
    unsigned number;            /* of the watch */
    sv body;                    /* ours */
    struct arena *arena, *kept; /* of one run; as long as the job */
    nanos now;
    bool broken;
    struct batch batch;
    struct answer *answer; /* NULL: it has none */
    struct told *told, **last_told;
};

/* Where the last batch of each watch stands among the inputs' cursors: under a name that begins so. */
extern const sv reception_last_batch;

/* watch: NULL for what comes of the correlator's own accord. */
struct batch_job *batch_job_new(struct reception *reception, const struct watch *watch, sv body);

/* One that was not submitted. */
void batch_job_drop(struct batch_job *job);

/* Asks the store whether it has this batch; reception_checked gets the answer. */
void batch_job_check(struct batch_job *batch);

/* For reception_batch.c. */
void reception_batch_done(const struct batch_job *job, const struct err *err);
void reception_checked(struct batch_job *batch, bool known);

#endif
