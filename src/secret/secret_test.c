/* Where secrets come from, what is refused, and how they travel from the keeper to who asked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secret/keeper.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/vedette-secret-XXXXXX";

static void put(const char *name, sv content, mode_t mode)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.p, content.n), (ssize_t)content.n);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    const char *names[] = {"plain", "lines", "open", "group", "empty", "newline", "largest",
                           "large", "link",  "dir",  "fifo",  "other", "cred",    ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        remove(path);
    }
    return 0;
}

static void a_secret_file_gives_its_bytes_without_one_newline(void **state)
{
    (void)state;
    static char largest[SECRET_BYTES_MAX];
    memset(largest, 'x', sizeof largest);
    put("plain", SV("correct horse"), 0400);
    put("lines", SV("a\nb\n\n"), 0600);
    put("largest", sv_make(largest, sizeof largest), 0400);
    put("cred", SV("from systemd\n"), 0440);
    const struct {
        sv reference, bytes;
    } cases[] = {
        {SV("file/plain"), SV("correct horse")},
        {SV("file/lines"), SV("a\nb\n")},
        {SV("file/largest"), sv_make(largest, sizeof largest)},
        {SV("systemd/cred"), SV("from systemd")},
    };
    struct provider_context context = {.secrets_directory = dir, .credentials_directory = dir};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct secret *secret = NULL;
        struct err err;
        if (provider_fetch(&context, cases[i].reference, &secret, &err) < 0)
            fail_msg("%s", err.cause);
        assert_true(sv_eq(secret_reveal(secret), cases[i].bytes));
        assert_int_equal(provider_look(&context, cases[i].reference, &err), 0);
        secret_free(secret);
    }
    secret_free(NULL);
}

static void what_is_not_safe_is_refused_with_the_remedy(void **state)
{
    (void)state;
    static char large[SECRET_BYTES_MAX + 1];
    char path[128];
    memset(large, 'x', sizeof large);
    put("open", SV("hush"), 0444);
    put("group", SV("hush"), 0640);
    put("empty", SV(""), 0400);
    put("newline", SV("\n"), 0400);
    put("large", sv_make(large, sizeof large), 0400);
    put("plain", SV("hush"), 0400);
    snprintf(path, sizeof path, "%s/link", dir);
    assert_int_equal(symlink("plain", path), 0);
    snprintf(path, sizeof path, "%s/dir", dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/fifo", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    const struct {
        const char *reference, *says, *advises;
        enum err_class class;
    } cases[] = {
        {"file/open", "mode 0444", "chmod 0400 ", ERR_PERMISSION},
        {"file/group", "mode 0640", "chmod 0400 ", ERR_PERMISSION},
        {"file/empty", "is empty", "write the secret", ERR_NO_INPUT},
        {"file/newline", "is empty", "write the secret", ERR_NO_INPUT},
        {"file/large", "larger than 16384", "nothing but", ERR_LIMIT},
        {"file/link", "secret:file/link", "links are not followed", ERR_NO_INPUT},
        {"file/dir", "not a regular file", "put a file", ERR_PERMISSION},
        {"file/fifo", "not a regular file", "put a file", ERR_PERMISSION},
        {"file/missing", "No such file", "install -m 0400 /dev/stdin ", ERR_NO_INPUT},
        {"systemd/missing", "No such file", "LoadCredential=missing:", ERR_NO_INPUT},
        {"vault/x", "provider that does not exist", "file and systemd", ERR_CONFIG},
        {"File/x", "provider that does not exist", "file and systemd", ERR_CONFIG},
        {"/x", "provider that does not exist", "file and systemd", ERR_CONFIG},
        {"file", "not a reference", "secret:PROVIDER/NAME", ERR_CONFIG},
        {"file/", "not a reference", "secret:PROVIDER/NAME", ERR_CONFIG},
        {"", "not a reference", "secret:PROVIDER/NAME", ERR_CONFIG},
        {"file/.hidden", "not a reference", "secret:PROVIDER/NAME", ERR_CONFIG},
        {"file/..", "not a reference", "secret:PROVIDER/NAME", ERR_CONFIG},
        {"file/../etc/passwd", "not a reference", "secret:PROVIDER/NAME", ERR_CONFIG},
        {"file/a b", "not a reference", "secret:PROVIDER/NAME", ERR_CONFIG},
        {"file/a\r\nb", "not printable", "secret:PROVIDER/NAME", ERR_CONFIG},
    };
    struct provider_context context = {.secrets_directory = dir, .credentials_directory = dir};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct secret *secret = NULL;
        struct err err;
        assert_int_equal(provider_fetch(&context, sv_of(cases[i].reference), &secret, &err), -1);
        assert_null(secret);
        if (!strstr(err.cause, cases[i].says) || !strstr(err.advice, cases[i].advises) ||
            err.class != cases[i].class)
            fail_msg("%s: %s; %s", cases[i].reference, err.cause, err.advice);
        assert_null(strstr(err.cause, "hush"));
        /* Who only looks is told the same, but for what stands inside; a link is no regular file to it. */
        bool inside = strcmp(cases[i].reference, "file/newline") == 0;
        bool link = strcmp(cases[i].reference, "file/link") == 0;
        assert_int_equal(provider_look(&context, sv_of(cases[i].reference), &err), inside ? 0 : -1);
        if (!inside && !strstr(err.cause, link ? "not a regular file" : cases[i].says))
            fail_msg("%s, looked at: %s", cases[i].reference, err.cause);
    }
    char name[140] = "file/";
    memset(name + 5, 'n', 129);
    assert_int_equal(provider_fetch(&context, sv_of(name), &(struct secret *){NULL}, NULL), -1);
}

static void a_file_of_somebody_else_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char path[128];
    put("other", SV("hush"), 0400);
    snprintf(path, sizeof path, "%s/other", dir);
    assert_int_equal(chown(path, 65534, 65534), 0);
    struct provider_context context = {.secrets_directory = dir};
    struct secret *secret = NULL;
    struct err err;
    assert_int_equal(provider_fetch(&context, SV("file/other"), &secret, &err), -1);
    assert_non_null(strstr(err.cause, "belongs to user 65534"));
    assert_non_null(strstr(err.advice, "chown root"));
}

static void a_provider_that_is_not_set_up_says_how_to_set_it_up(void **state)
{
    (void)state;
    struct err err;
    struct secret *secret = NULL;
    assert_int_equal(provider_fetch(&(struct provider_context){0}, SV("systemd/relay"), &secret, &err), -1);
    assert_non_null(strstr(err.advice, "LoadCredential=relay:"));
    assert_int_equal(provider_fetch(&(struct provider_context){0}, SV("file/relay"), &secret, &err), -1);
    assert_int_equal(err.class, ERR_CONFIG);
}

struct asker {
    struct loop *loop;
    struct keeper_client *client;
    int answers, stop_at;
    char bytes[64];
    struct err err;
    bool asks_again;
};

static void answered(void *arg, const struct secret *secret, const struct err *err)
{
    struct asker *asker = arg;
    assert_true(!secret == !!err);
    if (secret)
        sv_copy(asker->bytes, sizeof asker->bytes, secret_reveal(secret));
    else
        asker->err = *err;
    if (asker->asks_again) {
        asker->asks_again = false;
        keeper_client_get(asker->client, "file/plain", answered, asker);
    }
    if (++asker->answers == asker->stop_at)
        loop_stop(asker->loop);
}

static void keeper_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    assert_int_equal(type, CONTROL_SECRET_GET);
    assert_int_equal(fd, -1);
    keeper_answer(arg, channel, body);
}

static void client_message(void *arg, struct channel *channel, enum control_type type, sv body, int fd)
{
    (void)channel;
    assert_int_equal(fd, -1);
    keeper_client_message(((struct asker *)arg)->client, type, body);
}

static void closed(void *arg, struct channel *channel, const struct err *err)
{
    (void)arg;
    (void)channel;
    (void)err;
    fail();
}

static void the_keeper_answers_over_its_channel(void **state)
{
    (void)state;
    put("plain", SV("correct horse"), 0400);
    struct asker asker = {.loop = loop_new(), .stop_at = 3, .asks_again = true};
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    struct keeper *keeper = keeper_new(&(struct provider_context){.secrets_directory = dir});
    struct channel *serving = channel_new(asker.loop, fds[0], keeper_message, closed, keeper);
    struct channel *asking = channel_new(asker.loop, fds[1], client_message, closed, &asker);
    asker.client = keeper_client_new(asker.loop);
    keeper_client_connect(asker.client, asking);
    keeper_client_get(asker.client, "file/missing", answered, &asker);
    keeper_client_get(asker.client, "file/plain", answered, &asker);
    assert_int_equal(asker.answers, 0);
    loop_run(asker.loop);
    assert_string_equal(asker.bytes, "correct horse");
    assert_non_null(strstr(asker.err.cause, "secret:file/missing"));
    keeper_answer(keeper, serving, SV("no request")); /* passed over */
    keeper_client_message(asker.client, CONTROL_SECRET, SV("no answer"));
    assert_int_equal(asker.answers, 3);
    keeper_client_free(asker.client);
    channel_free(serving);
    channel_free(asking);
    keeper_free(keeper);
    loop_free(asker.loop);
}

static void credentials_of_systemd_outlast_the_right_to_read_them(void **state)
{
    (void)state;
    put("given", SV("battery staple"), 0400);
    struct asker asker = {.loop = loop_new(), .stop_at = 1};
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    struct keeper *keeper = keeper_new(&(struct provider_context){.credentials_directory = dir});
    put("given", SV("not allowed to us any more"), 0404);
    keeper_reload(keeper, &(struct provider_context){.credentials_directory = dir});
    struct channel *serving = channel_new(asker.loop, fds[0], keeper_message, closed, keeper);
    struct channel *asking = channel_new(asker.loop, fds[1], client_message, closed, &asker);
    asker.client = keeper_client_new(asker.loop);
    keeper_client_connect(asker.client, asking);
    keeper_client_get(asker.client, "systemd/given", answered, &asker);
    loop_run(asker.loop);
    assert_string_equal(asker.bytes, "battery staple");
    keeper_client_free(asker.client);
    channel_free(serving);
    channel_free(asking);
    keeper_free(keeper);
    loop_free(asker.loop);
}

static void who_asks_while_the_keeper_is_away_hears_so_later_and_once(void **state)
{
    (void)state;
    struct asker asker = {.loop = loop_new(), .stop_at = 2}, forgetful = {.loop = asker.loop};
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    struct channel *asking = channel_new(asker.loop, fds[1], client_message, closed, &asker);
    asker.client = keeper_client_new(asker.loop);
    keeper_client_connect(asker.client, asking);
    keeper_client_get(asker.client, "file/plain", answered, &asker);
    keeper_client_get(asker.client, "file/plain", answered, &forgetful);
    keeper_client_connect(asker.client, NULL);
    keeper_client_get(asker.client, "file/plain", answered, &asker);
    keeper_client_get(asker.client, "file/plain", answered, &forgetful);
    keeper_client_forget(asker.client, &forgetful);
    assert_int_equal(asker.answers, 0);
    loop_run(asker.loop);
    assert_int_equal(asker.answers, 2);
    assert_int_equal(forgetful.answers, 0);
    assert_int_equal(asker.err.class, ERR_TEMPORARY);
    keeper_client_get(asker.client, "file/plain", answered, &asker);
    keeper_client_free(asker.client);
    channel_free(asking);
    close(fds[0]);
    loop_free(asker.loop);
}

static void more_requests_than_the_bound_are_put_off(void **state)
{
    (void)state;
    struct asker asker = {.loop = loop_new(), .stop_at = 1};
    int fds[2];
    assert_int_equal(channel_pair(fds, NULL), 0);
    struct channel *asking = channel_new(asker.loop, fds[1], client_message, closed, &asker);
    asker.client = keeper_client_new(asker.loop);
    keeper_client_connect(asker.client, asking);
    for (int i = 0; i <= KEEPER_REQUESTS_MAX; i++)
        keeper_client_get(asker.client, "file/plain", answered, &asker);
    loop_run(asker.loop);
    assert_int_equal(asker.err.class, ERR_TEMPORARY);
    assert_non_null(strstr(asker.err.cause, "1024"));
    keeper_client_free(asker.client);
    channel_free(asking);
    close(fds[0]);
    loop_free(asker.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_file_gives_its_bytes_without_one_newline),
        cmocka_unit_test(what_is_not_safe_is_refused_with_the_remedy),
        cmocka_unit_test(a_file_of_somebody_else_is_refused),
        cmocka_unit_test(a_provider_that_is_not_set_up_says_how_to_set_it_up),
        cmocka_unit_test(the_keeper_answers_over_its_channel),
        cmocka_unit_test(credentials_of_systemd_outlast_the_right_to_read_them),
        cmocka_unit_test(who_asks_while_the_keeper_is_away_hears_so_later_and_once),
        cmocka_unit_test(more_requests_than_the_bound_are_put_off),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
