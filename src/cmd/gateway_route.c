#include "cmd/gateway_route.h"

#include "cmd/report.h"
#include "cmd/term.h"
#include "gateway/next_hop.h"
#include "wire/smtp_address.h"

#include <stdio.h>
#include <stdlib.h>

struct hop_search {
    const struct route *route;
    struct loop *loop;
    json_t *next_hops, *problem;
};

static void add_hop(const struct hop_search *search, const struct route_hop *of, const char *name,
                    const char *address, int preference)
{
    json_t *json = json_object();
    json_object_set_new(json, "name", report_text(sv_of(name)));
    json_object_set_new(json, "address", address ? json_string(address) : json_null());
    json_object_set_new(json, "port", json_integer(of->gateway.port));
    json_object_set_new(json, "preference", json_integer(preference));
    json_object_set_new(json, "tls", json_string(route_tls_word(search->route, of)));
    json_array_append_new(search->next_hops, json);
}

static void on_found(void *arg, const struct lookup_result *result)
{
    struct hop_search *search = arg;
    char address[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < result->count; i++) {
        const struct lookup_place *place = &result->places[i];
        add_hop(search, place->of, place->of->gateway.name ? place->of->gateway.name : place->host,
                address_ip_text(&place->address, address), place->preference);
    }
    if (result->verdict != MX_HOSTS)
        search->problem = report_text(sv_of(result->why));
    loop_stop(search->loop);
}

static void ask_dns(struct hop_search *search, const struct config *config, const struct route *route,
                    sv domain)
{
    char text[SMTP_DOMAIN_MAX + 1], ascii[IDN_TEXT_MAX];
    search->loop = loop_new();
    struct asker *asker = asker_new(search->loop, config);
    struct ourselves *ourselves = ourselves_new(config);
    const struct lookup_setup setup = {.asker = asker,
                                       .ourselves = ourselves,
                                       .route = route,
                                       .domain = route->kind == ROUTE_MX ? text : NULL,
                                       .chance = arc4random()};
    sv_copy(text, sizeof text, idn_to_ascii(domain, ascii));
    lookup_start(&setup, search->loop, on_found, search);
    loop_run(search->loop);
    ourselves_free(ourselves);
    asker_free(asker);
    loop_free(search->loop);
}

static void find_hops(struct hop_search *search, const struct config *config, const struct route *route,
                      sv domain)
{
    if (route_asks_dns(route)) {
        ask_dns(search, config, route, domain);
        return;
    }
    for (size_t i = 0; i < route->hop_count; i++) {
        const struct route_hop *hop = &route->hops[i];
        add_hop(search, hop, hop->gateway.name, hop->gateway.address, hop->preference);
    }
    if (route->kind == ROUTE_MAILDIR)
        json_array_append_new(search->next_hops, json_pack("{s:o, s:n, s:n, s:n, s:n}", "name",
                                                           report_text(sv_of(route->maildir)), "address",
                                                           "port", "preference", "tls"));
}

json_t *gateway_route_find(const struct config *config, const char *name, const char *recipient)
{
    struct hop_search search = {.next_hops = json_array()};
    struct route_table *table = NULL;
    const struct route *route = NULL;
    struct smtp_address parts;
    struct err err = {.class = ERR_NONE};
    bool parsed = smtp_address_parse(sv_of(recipient), &parts) == SMTP_ADDRESS_NONE;
    sv domain = parsed ? parts.domain : SV_NONE;
    if (route_table_new(config, &table, &err) < 0)
        search.problem = report_text(sv_of(err.cause));
    else
        route = name ? route_named(table, sv_of(name)) : route_for(table, domain);
    search.route = route;
    if (route && !route_has_mailbox(route, sv_of(recipient)))
        search.problem = json_string("the route has no such mailbox");
    else if (route)
        find_hops(&search, config, route, domain);
    else if (!search.problem)
        search.problem = json_string("no route leads there");
    json_t *json = json_object();
    json_object_set_new(json, "route", route ? json_string(route->name) : json_null());
    json_object_set_new(json, "next_hops", search.next_hops);
    json_object_set_new(json, "problem", search.problem ? search.problem : json_null());
    route_table_free(table);
    return json;
}

static void print_label(const char *label)
{
    printf("  %-9s ", label);
}

void gateway_route_print(const json_t *found)
{
    size_t i;
    const json_t *hop;
    const char *route = json_string_value(json_object_get(found, "route"));
    const json_t *problem = json_object_get(found, "problem");
    if (route) {
        print_label("goes by");
        term_text(stdout, sv_of(route));
        putchar('\n');
    }
    json_array_foreach(json_object_get(found, "next_hops"), i, hop)
    {
        const char *address = json_string_value(json_object_get(hop, "address"));
        print_label(i ? "" : "to");
        report_print(hop, "name");
        if (address)
            printf(" [%s]:%lld, preference %lld, tls: %s", address, report_number(hop, "port"),
                   report_number(hop, "preference"), json_string_value(json_object_get(hop, "tls")));
        putchar('\n');
    }
    if (json_is_string(problem)) {
        print_label("problem");
        term_text(stdout, sv_of(json_string_value(problem)));
        putchar('\n');
    }
}
