#include "io/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <unistd.h>

static const char advice[] = "write an IP address such as 192.0.2.25 or 2001:db8::25, not a name";

static bool parse_v4(const char *text, uint16_t port, struct address *ret)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, text, &in.sin_addr) != 1)
        return false;
    *ret = (struct address){.length = sizeof in};
    memcpy(&ret->storage, &in, sizeof in);
    return true;
}

static bool parse_v6(char *text, uint16_t port, struct address *ret)
{
    struct sockaddr_in6 in = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    char *zone = strchr(text, '%');
    if (zone) {
        *zone++ = '\0';
        in.sin6_scope_id = if_nametoindex(zone);
        if (!in.sin6_scope_id)
            return false;
    }
    if (inet_pton(AF_INET6, text, &in.sin6_addr) != 1)
        return false;
    *ret = (struct address){.length = sizeof in};
    memcpy(&ret->storage, &in, sizeof in);
    return true;
}

int address_parse(sv ip, uint16_t port, struct address *ret, struct err *err)
{
    char text[ADDRESS_TEXT_MAX];
    if (ip.n == 0 || ip.n >= sizeof text || memchr(ip.p, '\0', ip.n))
        return err_set(err, ERR_DATA, advice, "\"%.*s\" is not an IP address", SV_ARG(sv_first(ip, 100)));
    sv_copy(text, sizeof text, ip);
    if (!parse_v4(text, port, ret) && !parse_v6(text, port, ret))
        return err_set(err, ERR_DATA, advice, "\"%.*s\" is not an IP address", SV_ARG(ip));
    return 0;
}

/* Splits at the colon in front of the port; a v6 address must be in brackets to have one. */
static bool split_pair(sv text, sv *ret_host, sv *ret_port)
{
    if (sv_starts(text, SV("["))) {
        size_t end = sv_find(text, SV("]:"));
        if (end == SV_NPOS || end == 1)
            return false;
        *ret_host = (sv){text.p + 1, end - 1};
        *ret_port = sv_from(text, end + 2);
        return true;
    }
    size_t colon = sv_find_char(text, ':');
    if (colon == SV_NPOS)
        return false;
    *ret_host = sv_first(text, colon);
    *ret_port = sv_from(text, colon + 1);
    return true;
}

int address_parse_pair(sv text, struct address *ret, struct err *err)
{
    sv host, port_text;
    uint64_t port;
    if (!split_pair(text, &host, &port_text) || !sv_to_u64(port_text, &port) || port > UINT16_MAX)
        return err_set(err, ERR_DATA, "write it as 127.0.0.1:5514, [::1]:5514 or :5514",
                       "\"%.*s\" is not an address with a port", SV_ARG(sv_first(text, 100)));
    return address_parse(host.n ? host : SV("::"), (uint16_t)port, ret, err);
}

static void ip_text(const struct address *address, char *text, socklen_t cap)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->storage, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, text, cap);
    } else if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, &address->storage, sizeof in);
        if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) {
            inet_ntop(AF_INET, &in.sin6_addr.s6_addr[12], text, cap);
            return;
        }
        inet_ntop(AF_INET6, &in.sin6_addr, text, cap);
        char zone[IF_NAMESIZE];
        size_t used = strlen(text);
        if (in.sin6_scope_id && if_indextoname(in.sin6_scope_id, zone))
            snprintf(text + used, cap - used, "%%%s", zone);
    } else {
        snprintf(text, cap, "%s", address->storage.ss_family == AF_UNIX ? "local" : "unknown");
    }
}

char *address_ip_text(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
    ip_text(address, text, ADDRESS_TEXT_MAX);
    return text;
}

static uint16_t port_of(const struct address *address)
{
    struct sockaddr_in in; /* the port stands at the same place in both families */
    static_assert(offsetof(struct sockaddr_in, sin_port) == offsetof(struct sockaddr_in6, sin6_port), "");
    memcpy(&in, &address->storage, sizeof in);
    return ntohs(in.sin_port);
}

char *address_text(const struct address *address, char text[static ADDRESS_TEXT_MAX])
{
    char ip[ADDRESS_TEXT_MAX - 8];
    ip_text(address, ip, sizeof ip);
    bool inet = address->storage.ss_family == AF_INET || address->storage.ss_family == AF_INET6;
    if (!inet)
        snprintf(text, ADDRESS_TEXT_MAX, "%s", ip);
    else
        snprintf(text, ADDRESS_TEXT_MAX, strchr(ip, ':') ? "[%s]:%u" : "%s:%u", ip, port_of(address));
    return text;
}

uint16_t address_port(const struct address *address)
{
    const void *at = &address->storage;
    if (address->storage.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)at)->sin6_port);
    return ntohs(((const struct sockaddr_in *)at)->sin_port);
}

void address_set_port(struct address *address, uint16_t port)
{
    void *at = &address->storage;
    if (address->storage.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)at)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)at)->sin_port = htons(port);
}

bool address_is_loopback(const struct address *address)
{
    if (address->storage.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &address->storage, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127;
    }
    if (address->storage.ss_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, &address->storage, sizeof in);
        return IN6_IS_ADDR_LOOPBACK(&in.sin6_addr) ||
               (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr) && in.sin6_addr.s6_addr[12] == 127);
    }
    return false;
}

bool address_is_served(const struct sockaddr_un *where, int type)
{
    int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool served = fd >= 0 && (connect(fd, (const struct sockaddr *)where, sizeof *where) == 0 ||
                              errno == EAGAIN || errno == EPROTOTYPE);
    if (fd >= 0)
        close(fd);
    return served;
}
