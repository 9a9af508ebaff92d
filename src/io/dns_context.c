#include "io/dns_private.h"

#include "base/buf.h"
#include "io/durable.h"
#include "io/loop_private.h"

#include <netinet/in.h>
#include <stdio.h>
#include <unbound-event.h>
#include <unbound.h>

enum { ANCHOR_TEXT_MAX = 64 * 1024 };

static int options(struct ub_ctx *ctx, const char *const *unsigned_zones)
{
    /* Gateways live on private networks and resolvers on loopback: neither is to be answered or left out from
     * built-in knowledge. A resolver that was away is asked again soon. Questions do not wait for each other:
     * DNS_QUERIES_MAX. */
    static const struct {
        const char *name, *value;
    } fixed[] = {
        {"do-not-query-localhost:", "no"}, {"unblock-lan-zones:", "yes"},
        {"insecure-lan-zones:", "yes"},    {"infra-host-ttl:", "60"},
        {"infra-keep-probing:", "yes"},    {"msg-cache-size:", "1m"},
        {"rrset-cache-size:", "1m"},       {"key-cache-size:", "1m"},
        {"neg-cache-size:", "256k"},       {"use-syslog:", "no"},
        {"outgoing-range:", "256"},        {"num-queries-per-thread:", "256"},
    };
    int rc = ub_ctx_debugout(ctx, NULL);
    for (size_t i = 0; rc == 0 && i < sizeof fixed / sizeof *fixed; i++)
        rc = ub_ctx_set_option(ctx, fixed[i].name, fixed[i].value);
    for (size_t i = 0; rc == 0 && unsigned_zones && unsigned_zones[i]; i++)
        rc = ub_ctx_set_option(ctx, "domain-insecure:", unsigned_zones[i]);
    return rc;
}

static int forward(struct ub_ctx *ctx, const struct address *servers, size_t count)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        char ip[ADDRESS_TEXT_MAX], text[ADDRESS_TEXT_MAX + 8];
        struct sockaddr_in in; /* the port stands at the same place in both families */
        memcpy(&in, &servers[i].storage, sizeof in);
        snprintf(text, sizeof text, "%s@%u", address_ip_text(&servers[i], ip), ntohs(in.sin_port));
        rc = ub_ctx_set_fwd(ctx, text);
    }
    return rc;
}

/* What libunbound would answer from built-in knowledge although laboratories use it. */
static int open_zones(struct ub_ctx *ctx)
{
    static const char *const zones[] = {"test.", "127.in-addr.arpa."};
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < sizeof zones / sizeof *zones; i++)
        rc = ub_ctx_zone_remove(ctx, zones[i]);
    return rc;
}

int dns_context_new(const struct dns_context *setup, struct ub_ctx **ret, struct err *err)
{
    struct ub_ctx *ctx = ub_ctx_create_event(loop_base(setup->loop));
    int rc = ctx ? options(ctx, setup->unsigned_zones) : UB_NOMEM;
    if (rc == 0)
        rc = forward(ctx, setup->servers, setup->server_count);
    if (rc == 0 && setup->anchor_file)
        rc = ub_ctx_add_ta_file(ctx, setup->anchor_file);
    if (rc == 0)
        rc = open_zones(ctx); /* the first call that reads the files */
    if (rc == 0) {
        *ret = ctx;
        return 0;
    }
    ub_ctx_delete(ctx);
    if (rc == UB_INITFAIL && setup->anchor_file)
        return err_set(err, ERR_CONFIG, "it holds DS or DNSKEY records, one a line",
                       "the trust anchor %s cannot be used", setup->anchor_file);
    return err_set(err, ERR_INTERNAL, NULL, "libunbound does not start: %s", ub_strerror(rc));
}

int dns_anchor_name(const char *path, char ret[static DNS_NAME_TEXT_MAX], struct err *err)
{
    struct buf text = BUF_INIT(ANCHOR_TEXT_MAX);
    int rc = file_read(path, &text, err);
    if (rc < 0)
        err_prefix(err, "the DNSSEC trust anchor");
    sv rest = buf_view(&text), name = SV_NONE;
    while (rc == 0 && rest.p && !name.n) {
        sv line = sv_trim(sv_split(&rest, '\n'));
        if (!line.n || *line.p == ';')
            continue;
        size_t n = 0;
        while (n < line.n && line.p[n] != ' ' && line.p[n] != '\t')
            n++;
        name = sv_first(line, n);
    }
    if (rc == 0 && !name.n)
        rc = err_set(err, ERR_CONFIG, "it holds DS or DNSKEY records, one a line",
                     "the trust anchor %s cannot be used", path);
    if (rc == 0)
        sv_copy(ret, DNS_NAME_TEXT_MAX, name);
    buf_free(&text);
    return rc;
}
