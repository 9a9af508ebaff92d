#include "courier/testing_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void on_limit(void *arg)
{
    struct world *w = arg;
    for (size_t i = 0; i < w->step_count; i++)
        print_message("%s %s %s\n", w->steps[i].gateway ? w->steps[i].gateway : "", w->steps[i].step,
                      w->steps[i].text);
    fail_msg("it took too long");
}

int world_count(const struct world *w, const char *name)
{
    int n = 0;
    for (size_t i = 0; i < w->step_count; i++)
        n += strcmp(w->steps[i].step, name) == 0;
    return n;
}

int64_t world_last_mail(const struct world *w, const char *name)
{
    for (size_t i = w->step_count; i-- > 0;)
        if (strcmp(w->steps[i].step, name) == 0)
            return w->steps[i].mail_id;
    return 0;
}

void world_step(void *arg, const struct courier_step *step)
{
    struct world *w = arg;
    assert_true(w->step_count < STEPS_MAX);
    w->steps[w->step_count++] = *step;
    if (w->until_step && strcmp(w->until_step, step->step) == 0 && --w->until_count <= 0)
        loop_stop(w->loop);
}

/* Turns the loop until the step was told so many times altogether. */
void world_wait(struct world *w, const char *step, int count)
{
    assert_non_null(step);
    w->until_step = step;
    w->until_count = count - world_count(w, step);
    loop_timer_set(w->limit, 60 * NANOS_PER_SECOND);
    while (world_count(w, step) < count)
        loop_run(w->loop);
    w->until_step = NULL;
    loop_timer_cancel(w->limit);
}

static void on_pause(void *arg)
{
    loop_stop(arg);
}

void world_turn(struct world *w, nanos length)
{
    struct loop_timer *timer = loop_timer_new(w->loop, on_pause, w->loop);
    loop_timer_set(timer, length);
    loop_run(w->loop);
    loop_timer_free(timer);
}

static bool said(const struct world *w, const char *words)
{
    for (size_t i = 0; i < w->step_count; i++)
        if (strstr(w->steps[i].text, words))
            return true;
    return false;
}

void world_wait_for_words(struct world *w, const char *words)
{
    loop_timer_set(w->limit, 60 * NANOS_PER_SECOND);
    while (!said(w, words))
        world_turn(w, 20 * NANOS_PER_MS);
    loop_timer_cancel(w->limit);
}

struct config *world_parse(const char *text)
{
    struct config_errors errors;
    config_errors_init(&errors);
    struct config_source source = {"/etc/vedette/vedette.yaml", sv_of(text)};
    struct config *config = config_parse(&source, 1, "host.example.org", &errors);
    for (size_t i = 0; i < errors.count; i++)
        print_error("%d: %s\n", errors.items[i].line, errors.items[i].message);
    assert_non_null(config);
    config_errors_free(&errors);
    return config;
}

struct config *world_configure(const struct world *w, int gateways, const char *more)
{
    char text[4096];
    int n = snprintf(text, sizeof text,
                     "sender: Vedette <vedette@example.org>\n"
                     "recipients: [soc@example.org, night@example.org]\n"
                     "state_directory: %s\nalerts: {throttle: 0s}\n"
                     "gateways:\n"
                     "  - {name: first, address: 127.0.0.1, port: %d, security: none, %s"
                     "landing: {maildir: %s/inbox}}\n",
                     w->directory, w->first.port, w->patient ? "" : "stage_timeout: 500ms, ", w->directory);
    if (gateways > 1)
        n += snprintf(
            text + n, sizeof text - (size_t)n,
            "  - {name: second, address: 127.0.0.1, port: %d, security: none, stage_timeout: 500ms}\n",
            w->second.port);
    snprintf(text + n, sizeof text - (size_t)n, "%s", more ? more : "delivery: {retry_first: 100ms}\n");
    return world_parse(text);
}

struct world *world_open(void)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->loop = loop_new();
    w->limit = loop_timer_new(w->loop, on_limit, w);
    snprintf(w->directory, sizeof w->directory, "/tmp/vedette-courier-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    w->keeper = keeper_client_new(w->loop);
    peer_open(&w->first, w->loop, 0);
    peer_open(&w->second, w->loop, 0);
    return w;
}

void world_start(struct world *w, int gateways, const char *more)
{
    struct err err;
    struct store *store;
    w->config = world_configure(w, gateways, more);
    if (store_open(w->directory, &store, &err) < 0)
        fail_msg("%s", err.cause);
    if (courier_new(w->loop, w->config, store, w->keeper, &w->courier, &err) < 0)
        fail_msg("%s", err.cause);
    courier_subscribe(w->courier, world_step, w);
    courier_start(w->courier);
}

void world_stop(struct world *w)
{
    courier_free(w->courier);
    config_free(w->config);
    w->courier = NULL;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir) {
        unlink(path);
        return;
    }
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char name[512];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_all(name);
    }
    closedir(dir);
    rmdir(path);
}

void world_close(struct world *w)
{
    if (w->courier)
        world_stop(w);
    peer_die(&w->first);
    peer_die(&w->second);
    keeper_client_free(w->keeper);
    loop_timer_free(w->limit);
    loop_free(w->loop);
    remove_all(w->directory);
    free(w);
}

struct world *world_with(int gateways)
{
    struct world *w = world_open();
    world_start(w, gateways, NULL);
    return w;
}

static void on_submitted(void *arg, int64_t alert_id, int64_t mail_id, const struct err *err)
{
    struct world *w = arg;
    assert_null(err);
    w->alert_id = alert_id;
    w->mail_id = mail_id;
    w->submitted = true;
    loop_stop(w->loop);
}

void world_submit(struct world *w, const char *id, const char *only_gateway)
{
    char content[512];
    snprintf(content, sizeof content,
             "From: a@example.org\r\nSubject: raw\r\nMessage-ID: <%s@example.org>\r\n"
             "\r\n.hello\r\n",
             id);
    w->submitted = false;
    courier_submit(
        w->courier,
        &(struct courier_submission){.content = sv_of(content), .only_gateway = sv_of(only_gateway)},
        on_submitted, w);
    while (!w->submitted)
        loop_run(w->loop);
}

static int see_message(void *arg, const struct store_message *message)
{
    struct listed *listed = arg;
    if (listed->id && message->id != listed->id)
        return 0;
    listed->count++;
    listed->message = *message;
    sv_copy(listed->reply, sizeof listed->reply, message->reply);
    sv_copy(listed->gateway, sizeof listed->gateway, message->gateway);
    sv_copy(listed->cause, sizeof listed->cause, message->cause);
    return 0;
}

static int list_job(struct store *store, void *arg, struct err *err)
{
    struct listed *listed = arg;
    listed->count = 0;
    return store_messages(store, 0, true, see_message, listed, err);
}

static void list_done(void *arg, const struct err *err)
{
    struct listed *listed = arg;
    assert_null(err);
    listed->done = true;
    loop_stop(listed->loop);
}

/* The message as the store has it now. */
struct listed world_message(struct world *w, int64_t id)
{
    struct listed listed = {.id = id, .loop = w->loop};
    courier_read(w->courier, list_job, list_done, &listed);
    while (!listed.done)
        loop_run(w->loop);
    return listed;
}
