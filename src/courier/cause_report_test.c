#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <spawn.h>
#include <sys/wait.h>

#include "base/buf.h"
#include "courier/cause.h"

extern char **environ;

/* sisimai's reasons, and the causes that are right for each. */
static const struct {
    const char *reason, *causes;
} REASONS[] = {
    {"userunknown", "recipient"},
    {"filtered", "recipient"},
    {"suspend", "recipient"},
    {"hasmoved", "recipient"},
    {"mailboxfull", "mailbox-full"},
    {"hostunknown", "routing dns"},
    {"expired", "routing dns"},
    {"networkerror", "routing dns"},
    {"notaccept", "routing dns"},
    {"norelaying", "relay-policy"},
    {"rejected", "sender-policy relay-policy"},
    {"policyviolation", "sender-policy relay-policy"},
    {"securityerror", "tls authentication"},
    {"authfailure", "sender-authentication"},
    {"blocked", "reputation"},
    {"requireptr", "reputation"},
    {"badreputation", "reputation"},
    {"spamdetected", "reputation"},
    {"toomanyconn", "rate"},
    {"speeding", "rate"},
    {"mesgtoobig", "size"},
    {"exceedlimit", "size"},
    {"contenterror", "content"},
    {"notcompliantrfc", "content"},
    {"virusdetected", "content"},
    {"syntaxerror", "content"},
    {"systemerror", "gateway-fault"},
    {"mailererror", "gateway-fault"},
    {"systemfull", "gateway-fault"},
    {"vacation", "no-bounce"},
    {"delivered", "no-bounce"},
    {"undefined", "unknown"},
    {"onhold", "unknown"},
};

static sv corpus_folder(char *path, size_t cap)
{
    const char *shared = getenv("VEDETTE_SHARED");
    const char *root = getenv("VEDETTE_SOURCE");
    if (shared)
        snprintf(path, cap, "%s/corpora/bounces", shared);
    else
        snprintf(path, cap, "%s/../shared/corpora/bounces", root ? root : "..");
    return sv_of(path);
}

static bool read_file(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    char piece[4096];
    size_t n;
    if (!file)
        return false;
    while ((n = fread(piece, 1, sizeof piece, file)) > 0)
        if (buf_put(out, sv_make(piece, n)) < 0)
            break;
    fclose(file);
    return true;
}

static bool is_right(sv reason, const char *cause)
{
    char word[64], list[128];
    snprintf(word, sizeof word, " %s ", cause);
    for (size_t i = 0; i < sizeof REASONS / sizeof *REASONS; i++) {
        if (!sv_eq(reason, sv_of(REASONS[i].reason)))
            continue;
        snprintf(list, sizeof list, " %s ", REASONS[i].causes);
        return strstr(list, word) != NULL;
    }
    return false;
}

static const char *cause_found(const struct dsn *dsn, uint64_t number)
{
    if (dsn->kind != DSN_FAILED && dsn->kind != DSN_DELAYED)
        return "no-bounce";
    if (number == 0 || number > dsn->recipient_count)
        return "missing";
    return cause_name(cause_of_report(&dsn->recipients[number - 1]).cause);
}

struct score {
    int right, all;
};

static void judge_row(sv line, const char *folder, struct score *score)
{
    sv file = sv_split(&line, '\t'), number = sv_split(&line, '\t'), status = sv_split(&line, '\t');
    sv reply = sv_split(&line, '\t'), reason = sv_trim(line);
    uint64_t n;
    (void)status;
    (void)reply;
    if (!sv_to_u64(number, &n))
        return;
    char path[512];
    snprintf(path, sizeof path, "%s/%.*s", folder, SV_ARG(file));
    struct buf mail = BUF_INIT(8 * 1024 * 1024);
    struct dsn *dsn = calloc(1, sizeof *dsn);
    assert_non_null(dsn);
    score->all++; /* a mail that is not there counts as wrong */
    if (read_file(path, &mail)) {
        dsn_read(buf_view(&mail), dsn);
        const char *found = cause_found(dsn, n);
        bool right = is_right(reason, found);
        score->right += right;
        if (!right && getenv("VEDETTE_SHOW"))
            print_message("%.*s\t%d\t%.*s\t%s\tsaid=%s\ttold=%s\t%d.%d.%d %d stage %d\n", SV_ARG(file),
                          (int)n, SV_ARG(reason), found,
                          n <= dsn->recipient_count ? dsn->recipients[n - 1].said : "",
                          n <= dsn->recipient_count ? dsn->recipients[n - 1].told : "",
                          n <= dsn->recipient_count ? dsn->recipients[n - 1].status[0] : 0,
                          n <= dsn->recipient_count ? dsn->recipients[n - 1].status[1] : 0,
                          n <= dsn->recipient_count ? dsn->recipients[n - 1].status[2] : 0,
                          n <= dsn->recipient_count ? dsn->recipients[n - 1].code : 0,
                          n <= dsn->recipient_count ? dsn->recipients[n - 1].stage : 0);
    }
    free(dsn);
    buf_free(&mail);
}

static int run_program(const char *const *argv)
{
    pid_t pid;
    int status = -1;
    char *words[8];
    size_t n = 0;
    for (; argv[n] && n < 7; n++)
        words[n] = strdup(argv[n]);
    words[n] = NULL;
    if (posix_spawnp(&pid, words[0], NULL, NULL, words, environ) == 0)
        waitpid(pid, &status, 0);
    while (n)
        free(words[--n]);
    return status;
}

static void real_reports_are_told_right(void **state)
{
    (void)state;
    char corpus[400], labels[512], archive[512], folder[] = "/tmp/vedette-bounces-XXXXXX";
    struct buf list = BUF_INIT(4 * 1024 * 1024);
    struct score score = {0, 0};
    corpus_folder(corpus, sizeof corpus);
    snprintf(labels, sizeof labels, "%s/labels.tsv", corpus);
    snprintf(archive, sizeof archive, "%s/mails.tar.xz", corpus);
    if (!read_file(labels, &list) || access(archive, R_OK) != 0) {
        buf_free(&list);
        skip();
    }
    assert_non_null(mkdtemp(folder));
    assert_int_equal(run_program((const char *const[]){"tar", "-xJf", archive, "-C", folder, NULL}), 0);
    for (sv rest = buf_view(&list); rest.n;)
        judge_row(sv_split(&rest, '\n'), folder, &score);
    buf_free(&list);
    assert_int_equal(run_program((const char *const[]){"rm", "-rf", folder, NULL}), 0);
    assert_true(score.all > 0);
    print_message("%d of %d causes right: %.1f %%\n", score.right, score.all,
                  100.0 * score.right / score.all);
    assert_true(score.right * 100 >= score.all * 95);
}

static void a_mail_that_was_tried_until_its_time_was_up_says_where_the_reason_stands(void **state)
{
    static const char *const said[] = {"retry time not reached for any host after a long failure period",
                                       "retry timeout exceeded",
                                       "all hosts have been failing for a long time"};
    (void)state;
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        struct dsn_recipient *recipient = calloc(1, sizeof *recipient);
        assert_non_null(recipient);
        recipient->stage = -1;
        sv_copy(recipient->said, sizeof recipient->said, sv_of(said[i]));
        struct cause_told told = cause_of_report(recipient);
        assert_int_equal(told.cause, CAUSE_ROUTING);
        assert_non_null(strstr(told.advice, "why the first attempts failed"));
        free(recipient);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mail_that_was_tried_until_its_time_was_up_says_where_the_reason_stands),
        cmocka_unit_test(real_reports_are_told_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
