/* `vedette rules backtest`: how often each rule would have fired on logs of the past, on all cores.
 *
 * The files are cut into pieces at line ends; processes that share the loaded rules take one after another,
 * and count into memory that all of them share. What correlations want they write down, and this process goes
 * over it in the order of time. */
#include "cmd/command.h"
#include "cmd/event_form.h"
#include "cmd/options.h"
#include "cmd/report.h"
#include "cmd/rule_paths.h"
#include "cmd/term.h"
#include "io/loop.h"
#include "watch/rule_cost.h"
#include "watch/rule_replay.h"
#include "watch/ruleset.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    PIECE_BYTES = 4 * 1024 * 1024,
    JOBS_MAX = 256,
    ARENA_BYTES_MAX = 4 * 1024 * 1024,
    LOOK_EVERY_US = 100 * 1000, /* at the processes, and to draw the bar */
    BAR_WIDTH = 40,
    TIMES_MAX = 16,          /* records of a block that are asked for their time */
    SHARE_SHOWN_PERCENT = 1, /* of all rules' time: then a rule is shown although it found nothing */
};

struct rule_tally {
    _Atomic uint64_t hits, tried;
    _Atomic nanos time;
};

/* What the processes share. */
struct tally {
    atomic_size_t next_piece;
    _Atomic uint64_t events, bytes;
    _Atomic nanos time;
    _Atomic nanos from, until; /* that the records tell of; 0: none has */
    struct rule_tally rules[];
};

struct log_file {
    const char *path;
    sv bytes; /* mapped */
};

struct backtest {
    struct rule_paths paths;
    struct ruleset *ruleset;
    struct event_form form;
    bool json;
    struct log_file *files;
    size_t file_count, total_bytes;
    struct tally *tally;
    struct rule_replay *replay;
    uint64_t *correlation_hits;
    /* of one process */
    struct ruleset_matcher *matcher;
    struct arena *arena;
};

static int map_file(struct log_file *file, const char *path, struct err *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISREG(info.st_mode)) {
        if (fd >= 0)
            close(fd);
        return err_set(err, ERR_NO_INPUT, "name log files, uncompressed", "read %s", path);
    }
    void *bytes = info.st_size ? mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : NULL;
    close(fd);
    if (bytes == MAP_FAILED)
        return err_set(err, ERR_SYSTEM, "check the file", "map %s", path);
    *file = (struct log_file){path, sv_make(bytes, (size_t)info.st_size)};
    return 0;
}

static void take_block(struct backtest *backtest, const struct ruleset_block *block)
{
    struct ruleset_screened screened;
    ruleset_screen(backtest->matcher, block, &screened);
    for (size_t i = 0; i < block->count; i++) {
        struct event event;
        size_t count;
        if (!screened.worth[i])
            continue;
        arena_reset(backtest->arena);
        event_form_decode(&backtest->form, block->records[i], block->arrival, backtest->arena, &event);
        const size_t *rules = ruleset_match_screened(backtest->matcher, i, &event, &count);
        for (size_t j = 0; j < count; j++)
            rule_replay_match(backtest->replay, rules[j], &event);
    }
    atomic_fetch_add_explicit(&backtest->tally->events, block->count, memory_order_relaxed);
}

static void take_earlier(_Atomic nanos *at, nanos time)
{
    nanos before = atomic_load(at);
    while ((before == 0 || time < before) && !atomic_compare_exchange_weak(at, &before, time))
        ;
}

static void take_later(_Atomic nanos *at, nanos time)
{
    nanos before = atomic_load(at);
    while (time > before && !atomic_compare_exchange_weak(at, &before, time))
        ;
}

/* The time that a record tells of; 0: none. One that is without a time gets that of its arrival. */
static nanos time_of(struct backtest *backtest, const struct ruleset_block *block, size_t record)
{
    struct event event;
    arena_reset(backtest->arena);
    event_form_decode(&backtest->form, block->records[record], block->arrival, backtest->arena, &event);
    return event.time < event.arrival ? event.time : 0;
}

/* Correlations wait for what does not come, and so for the time of records that no rule matches. The first
 * and the last few of a block tell it. */
static void take_time(struct backtest *backtest, const struct ruleset_block *block)
{
    size_t tries = block->count < TIMES_MAX ? block->count : TIMES_MAX;
    nanos first = 0, last = 0;
    if (correlation_count(backtest->ruleset) == 0)
        return;
    for (size_t i = 0; i < tries && first == 0; i++)
        first = time_of(backtest, block, i);
    for (size_t i = 0; i < tries && last == 0; i++)
        last = time_of(backtest, block, block->count - 1 - i);
    if (first)
        take_earlier(&backtest->tally->from, first);
    take_later(&backtest->tally->until, last);
}

/* The lines that begin in the piece; the last may end behind it. */
static void take_piece(struct backtest *backtest, sv bytes, size_t from, size_t to)
{
    sv records[RULESET_SCREENED_MAX];
    struct ruleset_block block = {.records = records,
                                  .format = backtest->form.format,
                                  .source = event_form_source(&backtest->form),
                                  .arrival = loop_now()};
    size_t at = from;
    if (from > 0) {
        size_t end = sv_find_char(sv_from(bytes, from - 1), '\n');
        at = end == SV_NPOS ? to : from + end;
    }
    for (size_t start = at; at < to; start = at) {
        for (block.count = 0; at < to && block.count < RULESET_SCREENED_MAX;) {
            sv rest = sv_from(bytes, at);
            size_t end = sv_find_char(rest, '\n'), n = end == SV_NPOS ? rest.n : end;
            sv record = sv_first(rest, n - (n > 0 && rest.p[n - 1] == '\r'));
            if (record.n)
                records[block.count++] = sv_first(record, EVENT_BYTES_MAX);
            at += end == SV_NPOS ? n : n + 1;
        }
        block.bytes = sv_first(sv_from(bytes, start), at - start);
        take_block(backtest, &block);
        take_time(backtest, &block);
    }
    atomic_fetch_add_explicit(&backtest->tally->bytes, to - from, memory_order_relaxed);
}

static size_t pieces_of(const struct log_file *file)
{
    return (file->bytes.n + PIECE_BYTES - 1) / PIECE_BYTES;
}

/* The file and place of a piece by its number. False when there is none. */
static bool find_piece(const struct backtest *backtest, size_t number, sv *ret_bytes, size_t *ret_from)
{
    for (size_t i = 0; i < backtest->file_count; i++) {
        size_t pieces = pieces_of(&backtest->files[i]);
        if (number < pieces) {
            *ret_bytes = backtest->files[i].bytes;
            *ret_from = number * PIECE_BYTES;
            return true;
        }
        number -= pieces;
    }
    return false;
}

/* What this process has found, and what it took. */
static void settle(struct backtest *backtest, nanos time)
{
    const struct rule_costs *costs = ruleset_costs(backtest->matcher);
    atomic_fetch_add(&backtest->tally->time, time);
    for (size_t i = 0; i < ruleset_count(backtest->ruleset); i++) {
        struct rule_tally *tally = &backtest->tally->rules[i];
        atomic_fetch_add(&tally->hits, costs->of[i].matched);
        atomic_fetch_add(&tally->tried, costs->of[i].tried);
        atomic_fetch_add(&tally->time, costs->of[i].time);
    }
}

/* −1: what correlations want could not be written down. */
static int work(struct backtest *backtest, int job, struct err *err)
{
    sv bytes;
    size_t from, piece;
    int result = 0;
    nanos start = loop_burnt();
    rule_replay_begin(backtest->replay, (size_t)job);
    backtest->matcher = ruleset_matcher_new(backtest->ruleset);
    backtest->arena = arena_new(ARENA_BYTES_MAX);
    while (result == 0 &&
           find_piece(backtest, piece = atomic_fetch_add(&backtest->tally->next_piece, 1), &bytes, &from)) {
        size_t left = bytes.n - from;
        take_piece(backtest, bytes, from, from + (left < PIECE_BYTES ? left : PIECE_BYTES));
        result = rule_replay_end(backtest->replay, piece, err);
    }
    settle(backtest, loop_burnt() - start);
    ruleset_matcher_free(backtest->matcher);
    arena_free(backtest->arena);
    return result;
}

static void draw_bar(const struct backtest *backtest)
{
    uint64_t done = atomic_load(&backtest->tally->bytes);
    int filled = backtest->total_bytes ? (int)(done * BAR_WIDTH / backtest->total_bytes) : BAR_WIDTH;
    fprintf(stderr, "\r[%.*s%*s] %3d %%", filled,
            "========================================", BAR_WIDTH - filled, "", filled * 100 / BAR_WIDTH);
}

/* Waits for the processes. −1 if one of them did not end well. */
static int await(const struct backtest *backtest, int jobs, struct err *err)
{
    bool bar = isatty(STDERR_FILENO), broken = false;
    while (jobs > 0) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno != EINTR)
            break;
        if (pid > 0) {
            jobs--;
            broken |= !WIFEXITED(status) || WEXITSTATUS(status) != 0;
            continue;
        }
        if (bar)
            draw_bar(backtest);
        usleep(LOOK_EVERY_US);
    }
    if (bar)
        fprintf(stderr, "\r\033[K");
    if (broken || jobs > 0)
        return err_set(err, ERR_NO_INPUT,
                       "see that no log file is cut while it is read, and that memory suffices",
                       "a process of the backtest came to a bad end");
    return 0;
}

static int run_jobs(struct backtest *backtest, int jobs, struct err *err)
{
    int started = 0;
    fflush(NULL);
    for (; started < jobs; started++) {
        pid_t pid = fork();
        if (pid < 0)
            break;
        if (pid == 0)
            _exit(work(backtest, started, err) < 0 ? term_error(err) : 0);
    }
    return started == 0 ? work(backtest, 0, err) : await(backtest, started, err);
}

/* --- Correlations --- */

static void count_correlation(void *arg, const struct finding *finding, uint64_t ordinal)
{
    struct backtest *backtest = arg;
    (void)ordinal;
    for (size_t i = 0; i < correlation_count(backtest->ruleset); i++)
        if (correlation_about(backtest->ruleset, i)->id.p == finding->rule_id.p)
            backtest->correlation_hits[i]++;
}

static int correlate(struct backtest *backtest, struct err *err)
{
    size_t *pieces = calloc(backtest->file_count + 1, sizeof *pieces);
    assert(pieces);
    for (size_t i = 0; i < backtest->file_count; i++)
        pieces[i] = pieces_of(&backtest->files[i]);
    rule_replay_span(backtest->replay, atomic_load(&backtest->tally->from),
                     atomic_load(&backtest->tally->until));
    int result =
        rule_replay_run(backtest->replay, pieces, backtest->file_count, count_correlation, backtest, err);
    free(pieces);
    return result;
}

/* --- What is told --- */

/* A rule, or a correlation. */
struct place {
    const struct rule *about;
    const struct rule_tally *tally; /* NULL: a correlation, of which nothing but hits is known */
    uint64_t hits;
    nanos time;
    bool silent; /* it only feeds correlations */
    size_t order;
};

/* Most hits first; then most time, and in order of loading. */
static int by_hits(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->hits != y->hits)
        return x->hits < y->hits ? 1 : -1;
    if (x->time != y->time)
        return x->time < y->time ? 1 : -1;
    return (x->order > y->order) - (x->order < y->order);
}

static double seconds(nanos time)
{
    return (double)time / (double)NANOS_PER_SECOND;
}

static void print_json(const struct place *place)
{
    json_t *object = json_object();
    json_object_set_new(object, "rule", report_text(place->about->id));
    json_object_set_new(object, "title", report_text(place->about->title));
    json_object_set_new(object, "level", json_string(severity_name(place->about->severity)));
    json_object_set_new(object, "hits", json_integer((json_int_t)place->hits));
    json_object_set_new(object, "alerts", json_boolean(!place->silent));
    if (place->tally) {
        json_object_set_new(object, "tried", json_integer((json_int_t)atomic_load(&place->tally->tried)));
        json_object_set_new(object, "cpu_s", json_real(seconds(place->time)));
    }
    report_line_new(object);
}

/* Rules that fired, and those that only took time. */
static void print_row(const struct place *place, nanos all)
{
    unsigned percent = all ? (unsigned)(place->time * 100 / all) : 0;
    if (!place->hits && percent < SHARE_SHOWN_PERCENT)
        return;
    printf("%10llu ", (unsigned long long)place->hits);
    if (place->tally)
        printf("%10.3f s %3u %%", seconds(place->time), percent);
    else
        printf("%18s", "");
    printf("  %-13s ", severity_name(place->about->severity));
    term_text(stdout, place->about->title);
    if (place->silent)
        term_print(stdout, TERM_DIM, " (for correlations only)");
    putchar('\n');
}

static void print_summary(const struct backtest *backtest, size_t fired)
{
    const struct tally *tally = backtest->tally;
    double took = seconds(atomic_load(&tally->time));
    term_print(stdout, TERM_DIM, "%zu of %zu rules fired on %llu events; %.1f MB per second of a processor\n",
               fired, ruleset_count(backtest->ruleset) + correlation_count(backtest->ruleset),
               (unsigned long long)atomic_load(&tally->events),
               took > 0 ? (double)atomic_load(&tally->bytes) / 1e6 / took : 0);
}

static struct place place_of(const struct backtest *backtest, size_t i)
{
    size_t rules = ruleset_count(backtest->ruleset);
    if (i >= rules)
        return (struct place){.about = correlation_about(backtest->ruleset, i - rules),
                              .hits = backtest->correlation_hits[i - rules],
                              .order = i};
    const struct rule_tally *tally = &backtest->tally->rules[i];
    return (struct place){.about = ruleset_rule(backtest->ruleset, i),
                          .tally = tally,
                          .hits = atomic_load(&tally->hits),
                          .time = atomic_load(&tally->time),
                          .silent = correlation_silences(backtest->ruleset, i),
                          .order = i};
}

static void print(const struct backtest *backtest)
{
    size_t count = ruleset_count(backtest->ruleset) + correlation_count(backtest->ruleset), fired = 0;
    bool any = false;
    nanos all = 0;
    struct place *places = calloc(count + 1, sizeof *places);
    assert(places);
    for (size_t i = 0; i < count; i++) {
        places[i] = place_of(backtest, i);
        all += places[i].time;
        any |= places[i].hits > 0;
        fired += places[i].hits > 0 && !places[i].silent;
    }
    qsort(places, count, sizeof *places, by_hits);
    if (!backtest->json && any)
        term_print(stdout, TERM_BOLD, "%10s %12s %5s  %-13s rule\n", "hits", "processor", "share", "level");
    for (size_t i = 0; i < count; i++)
        if (backtest->json)
            print_json(&places[i]);
        else
            print_row(&places[i], all);
    free(places);
    if (!backtest->json)
        print_summary(backtest, fired);
}

static int map_files(struct backtest *backtest, char **paths, int count, struct err *err)
{
    backtest->files = calloc((size_t)count + 1, sizeof *backtest->files);
    assert(backtest->files);
    for (int i = 0; i < count; i++) {
        if (map_file(&backtest->files[i], paths[i], err) < 0)
            return -1;
        backtest->file_count++;
        backtest->total_bytes += backtest->files[i].bytes.n;
    }
    return 0;
}

static int backtest_files(struct backtest *backtest, int jobs, struct err *err)
{
    size_t size = sizeof *backtest->tally + ruleset_count(backtest->ruleset) * sizeof *backtest->tally->rules,
           pieces = 0;
    for (size_t i = 0; i < backtest->file_count; i++)
        pieces += pieces_of(&backtest->files[i]);
    backtest->correlation_hits =
        calloc(correlation_count(backtest->ruleset) + 1, sizeof *backtest->correlation_hits);
    assert(backtest->correlation_hits);
    backtest->tally = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (backtest->tally == MAP_FAILED)
        return err_set(err, ERR_SYSTEM, "free some memory", "share memory between processes");
    if (rule_replay_new(&backtest->replay, backtest->ruleset, (size_t)jobs, pieces, err) < 0 ||
        run_jobs(backtest, jobs, err) < 0 || correlate(backtest, err) < 0)
        return -1;
    print(backtest);
    return 0;
}

int cmd_rules_backtest(int argc, char **argv)
{
    struct backtest backtest = {0};
    int64_t jobs = sysconf(_SC_NPROCESSORS_ONLN);
    const struct option_spec specs[] = {
        EVENT_FORM_OPTION(backtest.form),
        EVENT_SOURCE_OPTION(backtest.form),
        EVENT_ZONE_OPTION(backtest.form),
        {"jobs", 'j', OPTION_NUMBER, "N", "processes (default: one per core)", &jobs},
        {"json", 0, OPTION_FLAG, NULL, "one JSON object a rule, those that never fired too", &backtest.json},
        RULE_PATHS_OPTIONS(backtest.paths),
    };
    int exit_code;
    struct err err;
    if (!command_options("rules backtest", specs, sizeof specs / sizeof *specs, &argc, argv, &exit_code))
        return exit_code;
    if (argc == 0) {
        err_set(&err, ERR_USAGE, "name log files: vedette rules backtest /var/log/auth.log",
                "there is nothing to read");
        return term_error(&err);
    }
    if (options_range("jobs", jobs, 1, JOBS_MAX, &err) < 0 || event_form_read(&backtest.form, &err) < 0)
        return term_error(&err);
    backtest.ruleset = rule_paths_load(&backtest.paths, false, rule_paths_tell, NULL, &exit_code);
    if (!backtest.ruleset) {
        event_form_end(&backtest.form);
        return exit_code;
    }
    rule_paths_advise(backtest.ruleset);
    bool done =
        map_files(&backtest, argv, argc, &err) == 0 && backtest_files(&backtest, (int)jobs, &err) == 0;
    exit_code = done ? 0 : term_error(&err);
    rule_replay_free(backtest.replay);
    free(backtest.correlation_hits);
    free(backtest.files);
    ruleset_free(backtest.ruleset);
    event_form_end(&backtest.form);
    return exit_code;
}
