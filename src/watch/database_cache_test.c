#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs its types first. */
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "watch/database_cache.h"

enum { KEPT_BYTES_MAX = 1 << 20, TEXTS_MAX = 4 };

struct fixture {
    char folder[64];
    int fd;
    char name[DATABASE_NAME_BYTES]; /* of what was kept last, */
    struct buf content;             /* and its bytes */
    unsigned kept;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "/tmp/vedette-databases-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->fd = open(f->folder, O_PATH | O_DIRECTORY);
    f->content = BUF_INIT(KEPT_BYTES_MAX);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    unlinkat(f->fd, f->name, 0);
    rmdir(f->folder);
    close(f->fd);
    buf_free(&f->content);
    free(f);
    return 0;
}

static void keep(void *arg, const char *name, sv content)
{
    struct fixture *f = arg;
    f->kept++;
    sv_copy(f->name, sizeof f->name, sv_of(name));
    buf_clear(&f->content);
    assert_int_equal(buf_put(&f->content, content), 0);
}

static void write_file(struct fixture *f, sv content, mode_t mode)
{
    unlinkat(f->fd, f->name, 0);
    int fd = openat(f->fd, f->name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.p, content.n), content.n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

/* --- What is made --- */

struct literals {
    const char *texts[TEXTS_MAX];
    unsigned flags[TEXTS_MAX], ids[TEXTS_MAX];
    size_t sizes[TEXTS_MAX], count;
};

static const struct literals two = {{"root", "/etc/shadow"}, {HS_FLAG_CASELESS, 0}, {0, 1}, {4, 11}, 2};

static struct database_source source_of(const struct literals *literals)
{
    return (struct database_source){literals->texts, literals->sizes, literals->flags, literals->ids,
                                    literals->count};
}

static int on_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)from, (void)to, (void)flags;
    *(unsigned *)arg |= 1U << id;
    return 0;
}

/* The ids met in a text that has "ROOT" and "/etc/shadow", as bits. */
static unsigned hits(const hs_database_t *database)
{
    static const char text[] = "ROOT reads /etc/shadow";
    hs_scratch_t *scratch = NULL;
    unsigned found = 0;
    assert_int_equal(hs_alloc_scratch(database, &scratch), HS_SUCCESS);
    assert_int_equal(hs_scan(database, text, sizeof text - 1, 0, scratch, on_hit, &found), HS_SUCCESS);
    hs_free_scratch(scratch);
    return found;
}

/* Makes it with what lies in the folder; the database must do its work wherever it comes from. True if it was
 * found. */
static bool is_found(struct fixture *f, const struct literals *literals, unsigned expected_hits)
{
    struct database_cache cache = {.folder = f->fd, .keep = keep, .arg = f};
    struct database_source source = source_of(literals);
    int refused;
    hs_database_t *database = database_make(&cache, &source, &refused);
    assert_non_null(database);
    assert_int_equal(hits(database), expected_hits);
    hs_free_database(database);
    assert_int_equal(cache.found + cache.compiled, 1);
    return cache.found == 1;
}

static void what_one_run_compiles_the_next_one_finds(void **state)
{
    struct fixture *f = *state;
    assert_false(is_found(f, &two, 3));
    assert_int_equal(f->kept, 1);
    assert_true(database_name_is_valid(sv_of(f->name)));
    write_file(f, buf_view(&f->content), 0644);
    assert_true(is_found(f, &two, 3));
    assert_int_equal(f->kept, 1);
}

static void what_is_made_of_anything_else_has_another_name(void **state)
{
    struct fixture *f = *state;
    static const struct {
        struct literals literals;
        unsigned hits;
    } others[] = {
        {{{"root", "/etc/shadow"}, {0, 0}, {0, 1}, {4, 11}, 2}, 2},                /* flags */
        {{{"/etc/shadow", "root"}, {0, HS_FLAG_CASELESS}, {0, 1}, {11, 4}, 2}, 3}, /* order */
        {{{"root", "/etc/shadow"}, {HS_FLAG_CASELESS, 0}, {1, 0}, {4, 11}, 2}, 3}, /* ids */
        {{{"root", "/etc/shadow"}, {HS_FLAG_CASELESS, 0}, {0, 1}, {3, 11}, 2}, 3}, /* sizes */
        {{{"root", "/etc/passwd"}, {HS_FLAG_CASELESS, 0}, {0, 1}, {4, 11}, 2}, 1}, /* texts */
        {{{"root"}, {HS_FLAG_CASELESS}, {0}, {4}, 1}, 1},                          /* count */
    };
    char name[sizeof f->name];
    assert_false(is_found(f, &two, 3));
    sv_copy(name, sizeof name, sv_of(f->name));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_false(is_found(f, &others[i].literals, others[i].hits));
        assert_string_not_equal(f->name, name);
    }
}

static void expressions_are_kept_too_and_are_not_taken_for_literals(void **state)
{
    struct fixture *f = *state;
    struct database_cache cache = {.folder = f->fd, .keep = keep, .arg = f};
    struct database_source source = source_of(&two);
    int refused;
    assert_false(is_found(f, &two, 3));
    char literal_name[sizeof f->name];
    sv_copy(literal_name, sizeof literal_name, sv_of(f->name));
    source.sizes = NULL;
    hs_database_t *database = database_make(&cache, &source, &refused);
    assert_non_null(database);
    assert_string_not_equal(f->name, literal_name);
    hs_free_database(database);
    write_file(f, buf_view(&f->content), 0644);
    database = database_make(&cache, &source, &refused);
    assert_int_equal(cache.found, 1);
    assert_int_equal(hits(database), 3);
    hs_free_database(database);
}

static void an_expression_that_is_refused_is_named_and_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    struct database_cache cache = {.folder = f->fd, .keep = keep, .arg = f};
    static const struct literals bad = {{"root", "(a"}, {0, 0}, {0, 1}, {0}, 2};
    struct database_source source = source_of(&bad);
    int refused;
    source.sizes = NULL;
    assert_null(database_make(&cache, &source, &refused));
    assert_int_equal(refused, 1);
    assert_null(database_make(NULL, &source, &refused));
    assert_int_equal(refused, 1);
    assert_int_equal(f->kept + cache.found + cache.compiled, 0);
}

/* --- What is not believed --- */

static void a_file_that_is_damaged_anywhere_is_not_believed_and_made_anew(void **state)
{
    struct fixture *f = *state;
    assert_false(is_found(f, &two, 3));
    size_t n = buf_view(&f->content).n;
    char *bytes = malloc(n);
    memcpy(bytes, buf_view(&f->content).p, n);
    for (size_t at = 0; at < n; at += at < 128 ? 1 : 97) {
        bytes[at] ^= 1;
        write_file(f, sv_make(bytes, n), 0644);
        assert_false(is_found(f, &two, 3));
        bytes[at] ^= 1;
    }
    write_file(f, buf_view(&f->content), 0644); /* as it was kept again */
    assert_true(is_found(f, &two, 3));
    free(bytes);
}

static void a_file_that_is_cut_or_longer_is_not_believed(void **state)
{
    struct fixture *f = *state;
    assert_false(is_found(f, &two, 3));
    size_t n = buf_view(&f->content).n;
    char *bytes = calloc(1, n + 1);
    memcpy(bytes, buf_view(&f->content).p, n);
    for (size_t cut = 0; cut < n; cut += cut < 128 ? 1 : 97) {
        write_file(f, sv_make(bytes, cut), 0644);
        assert_false(is_found(f, &two, 3));
    }
    write_file(f, sv_make(bytes, n + 1), 0644);
    assert_false(is_found(f, &two, 3));
    free(bytes);
}

static void the_file_of_another_database_is_not_believed_under_this_name(void **state)
{
    struct fixture *f = *state;
    static const struct literals other = {{"nobody"}, {0}, {0}, {6}, 1};
    assert_false(is_found(f, &two, 3));
    char name[sizeof f->name];
    sv_copy(name, sizeof name, sv_of(f->name));
    assert_false(is_found(f, &other, 0));
    sv_copy(f->name, sizeof f->name, sv_of(name));
    write_file(f, buf_view(&f->content), 0644);
    assert_false(is_found(f, &two, 3));
}

static void a_file_that_others_may_write_or_own_is_not_believed(void **state)
{
    struct fixture *f = *state;
    static const mode_t modes[] = {0664, 0646, 0666};
    assert_false(is_found(f, &two, 3));
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        write_file(f, buf_view(&f->content), modes[i]);
        assert_false(is_found(f, &two, 3));
    }
    if (geteuid() != 0)
        return;
    write_file(f, buf_view(&f->content), 0644);
    assert_int_equal(fchownat(f->fd, f->name, 65534, 65534, 0), 0);
    assert_false(is_found(f, &two, 3));
}

static void what_is_no_plain_file_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    char elsewhere[sizeof f->folder + 16];
    assert_false(is_found(f, &two, 3));
    write_file(f, buf_view(&f->content), 0644);
    snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", f->folder);
    assert_int_equal(renameat(f->fd, f->name, AT_FDCWD, elsewhere), 0);
    assert_int_equal(symlinkat(elsewhere, f->fd, f->name), 0);
    assert_false(is_found(f, &two, 3));
    unlinkat(f->fd, f->name, 0);
    unlink(elsewhere);
    assert_int_equal(mkfifoat(f->fd, f->name, 0644), 0);
    assert_false(is_found(f, &two, 3));
    unlinkat(f->fd, f->name, 0);
    assert_int_equal(mkdirat(f->fd, f->name, 0755), 0);
    assert_false(is_found(f, &two, 3));
    unlinkat(f->fd, f->name, AT_REMOVEDIR);
}

static void only_names_of_databases_are_valid(void **state)
{
    (void)state;
    assert_true(database_name_is_valid(SV("0123456789abcdef0123456789abcdef01234567.hsdb")));
    assert_false(database_name_is_valid(SV("0123456789abcdef0123456789abcdef0123456.hsdb")));
    assert_false(database_name_is_valid(SV("0123456789ABCDEF0123456789abcdef01234567.hsdb")));
    assert_false(database_name_is_valid(SV("../3456789abcdef0123456789abcdef01234567.hsdb")));
    assert_false(database_name_is_valid(sv_make("0123456789abcdef0123456789abcdef0123456\0.hsdb", 45)));
    assert_false(database_name_is_valid(SV("0123456789abcdef0123456789abcdef01234567.hsdx")));
    assert_false(database_name_is_valid(SV("")));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_one_run_compiles_the_next_one_finds),
        TEST(what_is_made_of_anything_else_has_another_name),
        TEST(expressions_are_kept_too_and_are_not_taken_for_literals),
        TEST(an_expression_that_is_refused_is_named_and_nothing_is_kept),
        TEST(a_file_that_is_damaged_anywhere_is_not_believed_and_made_anew),
        TEST(a_file_that_is_cut_or_longer_is_not_believed),
        TEST(the_file_of_another_database_is_not_believed_under_this_name),
        TEST(a_file_that_others_may_write_or_own_is_not_believed),
        TEST(what_is_no_plain_file_is_not_waited_for),
        cmocka_unit_test(only_names_of_databases_are_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
