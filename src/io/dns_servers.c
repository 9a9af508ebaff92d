#include "io/dns_private.h"

#include "base/buf.h"
#include "io/durable.h"

enum { RESOLV_CONF_MAX = 64 * 1024 };

bool dns_server_parse(sv text, struct address *ret)
{
    return address_parse(text, DNS_PORT, ret, NULL) == 0 ||
           (!sv_starts(text, SV(":")) && address_parse_pair(text, ret, NULL) == 0);
}

/* The next word of *line; resolv.conf(5) parts them by spaces and tabs. */
static sv word(sv *line)
{
    *line = sv_trim(*line);
    size_t n = 0;
    while (n < line->n && line->p[n] != ' ' && line->p[n] != '\t')
        n++;
    sv found = sv_first(*line, n);
    *line = sv_from(*line, n);
    return found;
}

size_t dns_servers_of(sv resolv_conf, char ret[static DNS_SERVERS_MAX][DNS_SERVER_TEXT_MAX])
{
    size_t n = 0;
    while (resolv_conf.p && n < DNS_SERVERS_MAX) {
        sv line = sv_split(&resolv_conf, '\n');
        if (!sv_eq(word(&line), SV("nameserver")))
            continue;
        struct address address;
        sv server = word(&line);
        if (server.n < DNS_SERVER_TEXT_MAX && address_parse(server, DNS_PORT, &address, NULL) == 0)
            sv_copy(ret[n++], DNS_SERVER_TEXT_MAX, server);
    }
    return n;
}

size_t dns_system_servers(char ret[static DNS_SERVERS_MAX][DNS_SERVER_TEXT_MAX])
{
    struct buf text = BUF_INIT(RESOLV_CONF_MAX);
    size_t n = file_read("/etc/resolv.conf", &text, NULL) == 0 ? dns_servers_of(buf_view(&text), ret) : 0;
    buf_free(&text);
    return n;
}
