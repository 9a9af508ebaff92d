/* The watches over paths, with gateways and name servers that change between two looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "courier/testing_world.h"
#include "io/testing_certificates.h"
#include "io/testing_dns.h"

#include <stdio.h>
#include <stdlib.h>

/* A gateway with STARTTLS of an authority of our own, and a second one in the clear. */
struct scene {
    struct world *w;
    struct testing_certificate ca;
    struct tls_context *contexts[4]; /* of certificates shown so far */
    size_t context_count;
    const char *resolver; /* where the first gateway's name is asked; NULL: it has none */
    const char *host;
};

/* The first gateway shows a new certificate from now on. */
static void show_certificate(struct scene *s, const struct testing_certificate *issuer, int days)
{
    char cert[128], key[128];
    struct err err;
    struct testing_certificate leaf =
        testing_certificate_make("gateway", "DNS:mail.example.org", issuer, 0, days);
    snprintf(cert, sizeof cert, "%s/cert.pem", s->w->directory);
    snprintf(key, sizeof key, "%s/key.pem", s->w->directory);
    testing_certificate_write(cert, &leaf, issuer);
    testing_certificate_write_key(key, &leaf);
    testing_certificate_free(&leaf);
    assert_true(s->context_count < sizeof s->contexts / sizeof *s->contexts);
    struct tls_context **context = &s->contexts[s->context_count++];
    if (tls_server_context(cert, key, NULL, context, &err) < 0)
        fail_msg("%s", err.cause);
    s->w->first.tls = *context;
}

static void start(struct scene *s)
{
    struct world *w = s->w;
    char text[2048];
    struct err err;
    struct store *store;
    snprintf(text, sizeof text,
             "sender: vedette@example.org\nrecipients: [soc@example.org]\nstate_directory: %s\n"
             "paths: {probe: 200ms, trouble_after: 300ms}\ndelivery: {hold_down: 200ms}\n%s%s%s"
             "gateways:\n"
             "  - {name: first, address: 127.0.0.1, port: %d, security: starttls, %s%s%s\n"
             "     verify_name: mail.example.org, ca_file: %s/ca.pem, stage_timeout: 500ms}\n"
             "  - {name: second, address: 127.0.0.1, port: %d, security: none, stage_timeout: 500ms}\n",
             w->directory, s->resolver ? "resolvers: ['" : "", s->resolver ? s->resolver : "",
             s->resolver ? "']\n" : "", w->first.port, s->host ? "host: " : "", s->host ? s->host : "",
             s->host ? "," : "", w->directory, w->second.port);
    w->config = world_parse(text);
    assert_int_equal(store_open(w->directory, &store, &err), 0);
    if (courier_new(w->loop, w->config, store, w->keeper, &w->courier, &err) < 0)
        fail_msg("%s", err.cause);
    courier_subscribe(w->courier, world_step, w);
    courier_start(w->courier);
}

static int open_scene(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    char path[128];
    assert_non_null(s);
    s->w = world_open();
    s->ca = testing_certificate_make("Test CA", NULL, NULL, 1, 900);
    snprintf(path, sizeof path, "%s/ca.pem", s->w->directory);
    testing_certificate_write(path, &s->ca, NULL);
    show_certificate(s, &s->ca, 200);
    *state = s;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *s = *state;
    world_close(s->w);
    for (size_t i = 0; i < s->context_count; i++)
        tls_context_free(s->contexts[i]);
    testing_certificate_free(&s->ca);
    free(s);
    return 0;
}

/* Long enough for a look or two at each gateway. */
static void look(struct scene *s)
{
    world_turn(s->w, 700 * NANOS_PER_MS);
}

/* How many steps of that name had this text. */
static int told(const struct scene *s, const char *step, const char *text)
{
    int n = 0;
    for (size_t i = 0; i < s->w->step_count; i++)
        n += strcmp(s->w->steps[i].step, step) == 0 && strstr(s->w->steps[i].text, text) != NULL;
    return n;
}

/* How many mails with this in their subject came to that peer. */
static int mails(const struct peer *peer, const char *subject)
{
    int n = 0;
    for (int i = 0; i < peer->mail_count; i++)
        n += strstr(peer->mails[i].subject, subject) != NULL;
    return n;
}

static void a_quiet_gateway_raises_nothing_and_gets_no_mail(void **state)
{
    struct scene *s = *state;
    start(s);
    look(s);
    look(s);
    assert_int_equal(world_count(s->w, "path-trouble"), 0);
    assert_int_equal(s->w->first.mails_begun, 0);
    assert_true(s->w->first.connections >= 3);
}

static void another_certificate_is_told_once_and_over_the_other_gateway(void **state)
{
    struct scene *s = *state;
    start(s);
    look(s);
    show_certificate(s, &s->ca, 300);
    world_wait(s->w, "path-trouble", 1);
    look(s);
    look(s);
    assert_int_equal(told(s, "path-trouble", "the old one was not about to expire"), 1);
    assert_int_equal(world_count(s->w, "path-trouble"), 1);
    assert_int_equal(mails(&s->w->second, "shows another certificate"), 1);
    assert_int_equal(s->w->first.mail_count, 0);
}

static void a_certificate_of_somebody_else_is_told_as_not_trusted_too(void **state)
{
    struct scene *s = *state;
    struct testing_certificate other = testing_certificate_make("Other CA", NULL, NULL, 1, 900);
    start(s);
    look(s);
    show_certificate(s, &other, 200);
    testing_certificate_free(&other);
    world_wait(s->w, "path-trouble", 2);
    look(s);
    assert_int_equal(told(s, "path-trouble", "another issuer"), 1);
    assert_int_equal(told(s, "path-trouble", "is not trusted, and no mail goes over it"), 1);
    s->w->first.tls = s->contexts[0];
    world_wait(s->w, "path-well", 2);
}

static void starttls_that_is_stripped_is_told_and_its_return_too(void **state)
{
    struct scene *s = *state;
    start(s);
    look(s);
    s->w->first.tls = NULL;
    world_wait(s->w, "path-trouble", 1);
    assert_int_equal(told(s, "path-trouble", "first no longer offers what it did: STARTTLS"), 1);
    s->w->first.tls = s->contexts[0];
    world_wait(s->w, "path-well", 1);
    assert_int_equal(told(s, "path-well", "first offers what it did"), 1);
}

static void a_dead_gateway_is_told_over_the_other_until_it_is_back(void **state)
{
    struct scene *s = *state;
    int port = s->w->first.port;
    start(s);
    look(s);
    peer_die(&s->w->first);
    world_wait(s->w, "path-trouble", 1);
    assert_int_equal(told(s, "path-trouble", "No session with gateway first"), 1);
    world_wait(s->w, "handed-over", 1);
    assert_int_equal(mails(&s->w->second, "does not take mail"), 1);
    peer_open(&s->w->first, s->w->loop, port);
    world_wait(s->w, "path-well", 1);
    world_wait(s->w, "handed-over", 2);
    assert_int_equal(mails(&s->w->second, "Well again"), 1);
    assert_int_equal(world_count(s->w, "path-trouble"), 1);
}

static void a_start_in_the_middle_of_a_trouble_does_not_tell_it_twice(void **state)
{
    struct scene *s = *state;
    start(s);
    look(s);
    show_certificate(s, &s->ca, 300);
    world_wait(s->w, "path-trouble", 1);
    world_stop(s->w); /* as kill -9 leaves it: nothing was drained */
    start(s);
    look(s);
    look(s);
    assert_int_equal(world_count(s->w, "path-trouble"), 1);
    s->w->first.tls = s->contexts[0];
    world_wait(s->w, "path-well", 1); /* and its end is not forgotten */
}

static void what_changed_while_nobody_watched_is_told_after_the_start(void **state)
{
    struct scene *s = *state;
    start(s);
    look(s);
    world_stop(s->w);
    show_certificate(s, &s->ca, 300);
    start(s);
    world_wait(s->w, "path-trouble", 1);
    assert_int_equal(told(s, "path-trouble", "shows another certificate"), 1);
}

static void a_flapping_gateway_is_told_once_for_a_while(void **state)
{
    struct scene *s = *state;
    int port = s->w->first.port;
    start(s);
    look(s);
    for (int i = 0; i < 3; i++) {
        peer_die(&s->w->first);
        look(s);
        look(s);
        peer_open(&s->w->first, s->w->loop, port);
        look(s);
        look(s);
    }
    assert_int_equal(mails(&s->w->second, "does not take mail"), 2); /* that it is down, and well again */
}

static void on_reviewed(void *arg, const struct err *err)
{
    assert_null(err);
    loop_stop(arg);
}

static void a_review_ends_what_is_to_stay(void **state)
{
    struct scene *s = *state;
    start(s);
    look(s);
    show_certificate(s, &s->ca, 300);
    world_wait(s->w, "path-trouble", 1);
    courier_reviewed(s->w->courier, SV("first"), on_reviewed, s->w->loop);
    loop_run(s->w->loop);
    world_wait(s->w, "path-well", 1);
    look(s);
    assert_int_equal(world_count(s->w, "path-trouble"), 1);
}

static void a_name_is_compared_with_the_pinned_address(void **state)
{
    struct scene *s = *state;
    static const struct {
        enum testing_dns_manner manner;
        const char *host, *says;
    } cases[] = {
        {TESTING_DNS_PLAIN, "mail.example.org",
         "leads to 192.0.2.25, 2001:db8::25, and the configuration has"},
        {TESTING_DNS_PLAIN, "absent.example.org", "NXDOMAIN"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct testing_dns *server = testing_dns_new(cases[i].manner);
        s->resolver = testing_dns_where(server);
        s->host = cases[i].host;
        s->w->step_count = 0;
        start(s);
        world_wait(s->w, "path-trouble", 1);
        assert_int_equal(told(s, "path-trouble", cases[i].says), 1);
        world_stop(s->w);
        testing_dns_free(server);
    }
}

int main(void)
{
#define IN_A_SCENE(test) cmocka_unit_test_setup_teardown(test, open_scene, close_scene)
    const struct CMUnitTest tests[] = {
        IN_A_SCENE(a_quiet_gateway_raises_nothing_and_gets_no_mail),
        IN_A_SCENE(another_certificate_is_told_once_and_over_the_other_gateway),
        IN_A_SCENE(a_certificate_of_somebody_else_is_told_as_not_trusted_too),
        IN_A_SCENE(starttls_that_is_stripped_is_told_and_its_return_too),
        IN_A_SCENE(a_dead_gateway_is_told_over_the_other_until_it_is_back),
        IN_A_SCENE(a_start_in_the_middle_of_a_trouble_does_not_tell_it_twice),
        IN_A_SCENE(what_changed_while_nobody_watched_is_told_after_the_start),
        IN_A_SCENE(a_flapping_gateway_is_told_once_for_a_while),
        IN_A_SCENE(a_review_ends_what_is_to_stay),
        IN_A_SCENE(a_name_is_compared_with_the_pinned_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
