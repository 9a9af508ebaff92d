/* What a delivery into a Maildir promises, disk full included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "gateway/maildir.h"
#include "gateway/trace.h"
#include "io/durable.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const nanos NOW = 1795500000 * NANOS_PER_SECOND;

static char *scratch(char *path)
{
    snprintf(path, 512, "%s/vedette-maildir-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

/* Files in a folder of the Maildir; the last one's path goes into found. */
static size_t count(const char *root, const char *folder, char *found)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", root, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            n++;
            if (found)
                snprintf(found, PATH_MAX, "%s/%s/%s", root, folder, entry->d_name);
        }
    closedir(dir);
    return n;
}

static void a_message_is_seen_whole_or_not_at_all(void **state)
{
    (void)state;
    char root[512], found[PATH_MAX] = "";
    struct maildir *maildir = NULL;
    struct maildir_delivery *delivery = NULL;
    assert_int_equal(maildir_open(scratch(root), NOW, &maildir, NULL), 0);
    assert_int_equal(maildir_begin(maildir, SV("id1"), SV("gw.example.org"), NOW, &delivery, NULL), 0);
    maildir_put(delivery, SV("A: b\r"));
    maildir_put(delivery, SV("\n\r\nx\ry\r\n"));
    assert_int_equal(count(root, "new", NULL), 0);
    assert_int_equal(count(root, "tmp", NULL), 1);
    assert_int_equal(maildir_publish(delivery, NULL), 0);
    assert_int_equal(count(root, "tmp", NULL), 0);
    assert_int_equal(count(root, "new", found), 1);
    assert_non_null(strstr(found, "/new/1795500000.id1.gw.example.org"));
    struct buf content = BUF_INIT(1000);
    assert_int_equal(file_read(found, &content, NULL), 0);
    assert_true(sv_eq(buf_view(&content), SV("A: b\n\nx\ry\n")));
    struct stat st;
    assert_int_equal(stat(found, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    buf_free(&content);
    maildir_free(maildir);
}

static void the_group_reads_only_where_the_folder_was_given_to_it(void **state)
{
    (void)state;
    static const struct {
        mode_t root, folder, file;
    } cases[] = {{0700, 0700, 0600}, {0750, 0700, 0600}, {S_ISGID | 0750, 0750, 0640}};
    mode_t before = umask(027);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char root[512], path[PATH_MAX];
        struct stat st;
        struct maildir *maildir = NULL;
        struct maildir_delivery *delivery = NULL;
        assert_int_equal(chmod(scratch(root), cases[i].root), 0);
        assert_int_equal(maildir_open(root, NOW, &maildir, NULL), 0);
        assert_int_equal(maildir_begin(maildir, SV("id1"), SV("gw.example.org"), NOW, &delivery, NULL), 0);
        assert_int_equal(maildir_publish(delivery, NULL), 0);
        assert_int_equal(count(root, "new", path), 1);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, cases[i].file);
        snprintf(path, sizeof path, "%s/new", root);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, cases[i].folder);
        maildir_free(maildir);
    }
    umask(before);
}

static void one_name_is_never_given_twice(void **state)
{
    (void)state;
    char root[512];
    struct maildir *maildir = NULL;
    struct maildir_delivery *first = NULL, *second = NULL;
    struct err err = {.class = ERR_NONE};
    assert_int_equal(maildir_open(scratch(root), NOW, &maildir, NULL), 0);
    assert_int_equal(maildir_begin(maildir, SV("id1"), SV("gw"), NOW, &first, NULL), 0);
    assert_int_equal(maildir_begin(maildir, SV("id1"), SV("gw"), NOW, &second, &err), -1);
    assert_int_equal(err.class, ERR_IO);
    maildir_free(maildir); /* the delivery under way still ends */
    maildir_abandon(first);
    assert_int_equal(count(root, "tmp", NULL), 0);
}

static void a_write_that_fails_leaves_nothing_behind(void **state)
{
    (void)state;
    char root[512];
    struct maildir *maildir = NULL;
    struct maildir_delivery *delivery = NULL;
    struct err err = {.class = ERR_NONE};
    assert_int_equal(maildir_open(scratch(root), NOW, &maildir, NULL), 0);
    assert_int_equal(maildir_begin(maildir, SV("id1"), SV("gw"), NOW, &delivery, NULL), 0);
    struct rlimit before, small = {.rlim_cur = 4096};
    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    char block[8192];
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 8; i++)
        maildir_put(delivery, sv_make(block, sizeof block));
    int failed = maildir_publish(delivery, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(failed, -1);
    assert_int_equal(err.class, ERR_IO); /* EFBIG stands for ENOSPC, which alone would be ERR_TEMPORARY */
    assert_int_equal(count(root, "tmp", NULL) + count(root, "new", NULL), 0);
    maildir_free(maildir);
}

static void what_a_crash_left_long_ago_is_cleared(void **state)
{
    (void)state;
    char root[512], path[PATH_MAX];
    struct maildir *maildir = NULL;
    assert_int_equal(maildir_open(scratch(root), NOW, &maildir, NULL), 0);
    maildir_free(maildir);
    static const char *const names[] = {"old", "young"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/tmp/%s", root, names[i]);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        struct timespec at[2] = {{.tv_sec = NOW / NANOS_PER_SECOND - (i ? 60 : 200000)}};
        at[1] = at[0];
        futimens(fd, at);
        close(fd);
    }
    assert_int_equal(maildir_open(root, NOW, &maildir, NULL), 0);
    assert_int_equal(count(root, "tmp", path), 1);
    assert_non_null(strstr(path, "young"));
    maildir_free(maildir);
}

static void the_trace_names_the_way_the_message_came(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    sv recipients[] = {SV_INIT("b@example.org"), SV_INIT("c@example.org")};
    struct trace trace = {.recipients = recipients,
                          .recipient_count = 1,
                          .client_name = SV("client"),
                          .client_ip = SV("127.0.0.1"),
                          .our_name = SV("gw.example.org"),
                          .extended = true,
                          .id = SV("id1"),
                          .now = NOW};
    assert_int_equal(trace_write(&out, &trace), 0);
    assert_true(
        sv_eq(buf_view(&out),
              SV("Received: from client ([127.0.0.1])\r\n\tby gw.example.org (Vedette) with ESMTP id id1\r\n"
                 "\tfor <b@example.org>;\r\n\tTue, 24 Nov 2026 06:00:00 +0000\r\n")));
    buf_clear(&out);
    trace.recipient_count = 2;
    trace.client_ip = SV("::1");
    trace.utf8 = true;
    assert_int_equal(trace_write(&out, &trace), 0);
    assert_true(sv_find(buf_view(&out), SV("for <")) == SV_NPOS);
    assert_true(sv_find(buf_view(&out), SV("([IPv6:::1])")) != SV_NPOS);
    assert_true(sv_find(buf_view(&out), SV("with UTF8SMTP id")) != SV_NPOS);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_seen_whole_or_not_at_all),
        cmocka_unit_test(the_group_reads_only_where_the_folder_was_given_to_it),
        cmocka_unit_test(one_name_is_never_given_twice),
        cmocka_unit_test(a_write_that_fails_leaves_nothing_behind),
        cmocka_unit_test(what_a_crash_left_long_ago_is_cleared),
        cmocka_unit_test(the_trace_names_the_way_the_message_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
