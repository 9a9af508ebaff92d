/* The sections as tables, drawn from schema.h. */
#include "config/section.h"

#include <assert.h>

/* clang-format off */
#define FIELDS(section, list)                                                             \
    static const struct config_field section##_fields[] = {list};                         \
    static_assert(sizeof section##_fields / sizeof *section##_fields <= CONFIG_KEYS_MAX, "too many keys")

#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_landing, k), d, h},
FIELDS(landing, CONFIG_LANDING(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_gateway, k), d, h},
FIELDS(gateway, CONFIG_GATEWAY(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_input, k), d, h},
FIELDS(input, CONFIG_INPUT(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_alerts, k), d, h},
FIELDS(alerts, CONFIG_ALERTS(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_delivery, k), d, h},
FIELDS(delivery, CONFIG_DELIVERY(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_relay, k), d, h},
FIELDS(relay, CONFIG_RELAY(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_listener, k), d, h},
FIELDS(listener, CONFIG_LISTENER(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_rule, k), d, h},
FIELDS(rule, CONFIG_RULE(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_account, k), d, h},
FIELDS(account, CONFIG_ACCOUNT(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_route, k), d, h},
FIELDS(route, CONFIG_ROUTE(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_smarthost, k), d, h},
FIELDS(smarthost, CONFIG_SMARTHOST(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_dkim, k), d, h},
FIELDS(dkim, CONFIG_DKIM(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_canary, k), d, h},
FIELDS(canary, CONFIG_CANARY(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_paths, k), d, h},
FIELDS(paths, CONFIG_PATHS(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_bounces, k), d, h},
FIELDS(bounces, CONFIG_BOUNCES(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_way, k), d, h},
FIELDS(way, CONFIG_WAY(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_heartbeat, k), d, h},
FIELDS(heartbeat, CONFIG_HEARTBEAT(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_list, k), d, h},
FIELDS(list, CONFIG_LIST(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config_correlation, k), d, h},
FIELDS(correlation, CONFIG_CORRELATION(X));
#undef X
#define X(k, t, d, h) {#k, CONFIG_TYPE_##t, offsetof(struct config, k), d, h},
FIELDS(top, CONFIG_TOP(X));
#undef X
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof *(array))

#define SECTION(ident, text, ctype)                                                 \
    static const struct config_section section_##ident = {.name = (text),           \
                                                          .size = sizeof(ctype),    \
                                                          .fields = ident##_fields, \
                                                          .field_count = COUNT(ident##_fields)}

SECTION(landing, "landing", struct config_landing);
SECTION(input, "inputs", struct config_input);
SECTION(alerts, "alerts", struct config_alerts);
SECTION(delivery, "delivery", struct config_delivery);
SECTION(rule, "rules", struct config_rule);
SECTION(account, "accounts", struct config_account);
SECTION(route, "routes", struct config_route);
SECTION(smarthost, "smarthosts", struct config_smarthost);
SECTION(dkim, "dkim", struct config_dkim);
SECTION(canary, "canary", struct config_canary);
SECTION(paths, "paths", struct config_paths);
SECTION(bounces, "bounces", struct config_bounces);
SECTION(way, "ways_out", struct config_way);
SECTION(list, "lists", struct config_list);
SECTION(heartbeat, "heartbeat", struct config_heartbeat);
SECTION(correlation, "correlation", struct config_correlation);

static const struct config_child gateway_children[] = {
    {"landing", &section_landing, offsetof(struct config_gateway, landing), 0, 0,
     "Where messages over this gateway can be seen to land."},
};

static const struct config_section section_gateway = {
    .name = "gateways",
    .size = sizeof(struct config_gateway),
    .fields = gateway_fields,
    .field_count = COUNT(gateway_fields),
    .children = gateway_children,
    .child_count = COUNT(gateway_children),
};

static const struct config_section section_listener = {
    .name = "listen",
    .size = sizeof(struct config_listener),
    .fields = listener_fields,
    .field_count = COUNT(listener_fields),
    .shorthand = true,
};

static const struct config_child relay_children[] = {
    [CONFIG_RELAY_LISTEN] = {"listen", &section_listener, offsetof(struct config_relay, listen),
                             offsetof(struct config_relay, listen_count), CONFIG_LISTENERS_MAX,
                             "Addresses of our own gateway: one of its own alone, or with what holds there."},
    [CONFIG_RELAY_RULES] =
        {"rules", &section_rule, offsetof(struct config_relay, rules),
         offsetof(struct config_relay, rule_count), CONFIG_RULES_MAX,
         "Guard rails, read from top to bottom: the first whose conditions all hold decides. "
         "Without one nothing is relayed."},
    [CONFIG_RELAY_ACCOUNTS] = {"accounts", &section_account, offsetof(struct config_relay, accounts),
                               offsetof(struct config_relay, account_count), CONFIG_ACCOUNTS_MAX,
                               "Who may authenticate."},
    [CONFIG_RELAY_ROUTES] = {"routes", &section_route, offsetof(struct config_relay, routes),
                             offsetof(struct config_relay, route_count), CONFIG_ROUTES_MAX,
                             "Where mail goes that is not delivered here."},
    [CONFIG_RELAY_SMARTHOSTS] = {"smarthosts", &section_smarthost, offsetof(struct config_relay, smarthosts),
                                 offsetof(struct config_relay, smarthost_count), CONFIG_SMARTHOSTS_MAX,
                                 "Next hops that routes name."},
    [CONFIG_RELAY_DKIM] = {"dkim", &section_dkim, offsetof(struct config_relay, dkim),
                           offsetof(struct config_relay, dkim_count), CONFIG_DKIM_MAX,
                           "Keys that sign what leaves."},
};

static const struct config_section section_relay = {
    .name = "relay",
    .size = sizeof(struct config_relay),
    .fields = relay_fields,
    .field_count = COUNT(relay_fields),
    .children = relay_children,
    .child_count = COUNT(relay_children),
};

static const struct config_child top_children[] = {
    [CONFIG_TOP_GATEWAYS] = {"gateways", &section_gateway, offsetof(struct config, gateways),
                             offsetof(struct config, gateway_count), CONFIG_GATEWAYS_MAX,
                             "SMTP gateways that take our mail, tried in this order."},
    [CONFIG_TOP_INPUTS] =
        {"inputs", &section_input, offsetof(struct config, inputs), offsetof(struct config, input_count),
         CONFIG_INPUTS_MAX,
         "Where events come from: each exactly one of syslog, relp, file, journal and stdin."},
    [CONFIG_TOP_ALERTS] = {"alerts", &section_alerts, offsetof(struct config, alerts), 0, 0,
                           "When a finding becomes a mail."},
    [CONFIG_TOP_DELIVERY] = {"delivery", &section_delivery, offsetof(struct config, delivery), 0, 0,
                             "How long and how often delivery is tried."},
    [CONFIG_TOP_RELAY] = {"relay", &section_relay, offsetof(struct config, relay), 0, 0,
                          "Our own gateway; off unless present."},
    [CONFIG_TOP_CANARY] = {"canary", &section_canary, offsetof(struct config, canary), 0, 0,
                           "Test messages that are waited for at their landing."},
    [CONFIG_TOP_PATHS] = {"paths", &section_paths, offsetof(struct config, paths), 0, 0,
                          "What is watched of the gateways between the canaries."},
    [CONFIG_TOP_BOUNCES] = {"bounces", &section_bounces, offsetof(struct config, bounces), 0, 0,
                            "Where delivery reports come back to, and are read."},
    [CONFIG_TOP_WAYS] = {"ways_out", &section_way, offsetof(struct config, ways),
                         offsetof(struct config, way_count), CONFIG_WAYS_MAX,
                         "Other ways out when mail itself is broken: each exactly one of webhook, syslog, "
                         "command and console."},
    [CONFIG_TOP_HEARTBEAT] = {"heartbeat", &section_heartbeat, offsetof(struct config, heartbeat), 0, 0,
                              "A dead-man's switch: an outside watcher that is told that Vedette lives."},
    [CONFIG_TOP_LISTS] = {"lists", &section_list, offsetof(struct config, lists),
                          offsetof(struct config, list_count), CONFIG_LISTS_MAX,
                          "Lists that rules name as %name%."},
    [CONFIG_TOP_CORRELATION] = {"correlation", &section_correlation, offsetof(struct config, correlation), 0,
                                0, "Windows and baselines over events: doc/correlations.md."},
};

static_assert(COUNT(top_children) <= CONFIG_CHILDREN_MAX, "too many sections");

const struct config_section config_section_top = {
    .name = "the file itself",
    .size = sizeof(struct config),
    .fields = top_fields,
    .field_count = COUNT(top_fields),
    .children = top_children,
    .child_count = COUNT(top_children),
};

static void describe_field(struct buf *out, const struct config_field *field, unsigned indent)
{
    buf_printf(out, "%*s%s: %s", (int)indent, "", field->key, config_type_expected(field->type));
    if (field->fallback && field->fallback[0] == CONFIG_REQUIRED[0])
        buf_printf(out, "; required");
    else if (field->fallback)
        buf_printf(out, "; default %s", field->fallback);
    buf_printf(out, "\n%*s%s\n", (int)indent + 4, "", field->help);
}

static void describe_fields(struct buf *out, const struct config_section *section, unsigned indent)
{
    for (size_t i = 0; i < section->field_count; i++)
        describe_field(out, &section->fields[i], indent);
}

static const char *kind_of(const struct config_child *child)
{
    if (!child->max)
        return "section";
    return child->section->shorthand ? "list of sections, or of their first keys' values"
                                     : "list of sections";
}

void config_describe(struct buf *out)
{
    describe_fields(out, &config_section_top, 0);
    for (size_t i = 0; i < COUNT(top_children); i++) {
        const struct config_child *child = &top_children[i];
        buf_printf(out, "\n%s: a %s\n    %s\n", child->key, kind_of(child), child->help);
        describe_fields(out, child->section, 2);
        for (size_t j = 0; j < child->section->child_count; j++) {
            const struct config_child *inner = &child->section->children[j];
            buf_printf(out, "  %s: a %s\n      %s\n", inner->key, kind_of(inner), inner->help);
            describe_fields(out, inner->section, 4);
        }
    }
}
