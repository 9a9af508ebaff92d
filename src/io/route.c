#include "io/route.h"

#include <assert.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 8192, ANY_PORT = 9 };

/* The kernel's answer to RTM_GETROUTE. */
struct found {
    unsigned char type;
    unsigned interface;
    struct address router;
};

static int no_way(const struct address *to, int system, struct err *err)
{
    char text[ADDRESS_TEXT_MAX];
    errno = system;
    err_set(err, ERR_SYSTEM, "see the routes of this machine: ip route get", "no way leads to %s",
            address_ip_text(to, text));
    if (err && (system == ENETUNREACH || system == EHOSTUNREACH || system == EACCES || system == EINVAL ||
                system == EAFNOSUPPORT || system == ENETDOWN || system == EADDRNOTAVAIL))
        err->class = ERR_UNAVAILABLE;
    return -1;
}

static int open_to(const struct address *to, struct err *err)
{
    struct address with_port = *to;
    struct sockaddr_in in; /* the port stands at the same place in both families */
    memcpy(&in, &with_port.storage, sizeof in);
    in.sin_port = htons(ANY_PORT);
    memcpy(&with_port.storage, &in, sizeof in);
    int fd = socket(to->storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return no_way(to, errno, err);
    if (connect(fd, (const struct sockaddr *)&with_port.storage, with_port.length) < 0) {
        no_way(to, errno, err);
        close(fd);
        return -1;
    }
    return fd;
}

/* Where a datagram would start, and how long it may be: asking for that sends nothing. */
static int ask_socket(const struct address *to, struct ip_route *ret, struct err *err)
{
    int fd = open_to(to, err), mtu = 0;
    if (fd < 0)
        return -1;
    bool v6 = to->storage.ss_family == AF_INET6;
    socklen_t n = sizeof mtu;
    ret->source.length = sizeof ret->source.storage;
    int rc = getsockname(fd, (struct sockaddr *)&ret->source.storage, &ret->source.length);
    if (rc == 0)
        rc = getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &n);
    if (rc < 0)
        err_set(err, ERR_SYSTEM, NULL, "ask for the source address and the MTU");
    close(fd);
    ret->mtu = (uint32_t)mtu;
    struct sockaddr_in in;
    memcpy(&in, &ret->source.storage, sizeof in);
    in.sin_port = 0;
    memcpy(&ret->source.storage, &in, sizeof in);
    return rc;
}

static const void *bytes_of(const struct address *address, unsigned char *ret_n)
{
    const struct sockaddr_storage *storage = &address->storage;
    if (storage->ss_family == AF_INET) {
        *ret_n = sizeof(struct in_addr);
        return (const char *)storage + offsetof(struct sockaddr_in, sin_addr);
    }
    *ret_n = sizeof(struct in6_addr);
    return (const char *)storage + offsetof(struct sockaddr_in6, sin6_addr);
}

struct question {
    struct nlmsghdr header;
    struct rtmsg route;
    char attributes[64];
};

static void put_attribute(struct question *question, unsigned short type, const void *bytes, size_t n)
{
    size_t at = NLMSG_ALIGN(question->header.nlmsg_len);
    struct rtattr attribute = {.rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(n)};
    assert(at + RTA_SPACE(n) <= sizeof *question);
    memcpy((char *)question + at, &attribute, sizeof attribute);
    memcpy((char *)question + at + RTA_LENGTH(0), bytes, n);
    question->header.nlmsg_len = (unsigned)(at + RTA_SPACE(n));
}

static ssize_t ask_kernel(const struct address *to, char *answer, size_t cap)
{
    struct question question = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
                                           .nlmsg_type = RTM_GETROUTE,
                                           .nlmsg_flags = NLM_F_REQUEST},
                                .route = {.rtm_family = (unsigned char)to->storage.ss_family}};
    unsigned char n;
    const void *bytes = bytes_of(to, &n);
    question.route.rtm_dst_len = (unsigned char)(n * 8);
    put_attribute(&question, RTA_DST, bytes, n);
    struct sockaddr_in6 in;
    memcpy(&in, &to->storage, sizeof in);
    if (to->storage.ss_family == AF_INET6 && in.sin6_scope_id)
        put_attribute(&question, RTA_OIF, &in.sin6_scope_id, sizeof in.sin6_scope_id);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0)
        return -1;
    /* The answer lies ready when send returns. */
    ssize_t got = send(fd, &question, question.header.nlmsg_len, 0) < 0 ? -1 : recv(fd, answer, cap, 0);
    int system = errno;
    close(fd);
    errno = system;
    return got;
}

static void take_router(struct found *found, int family, const void *bytes, size_t n)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_scope_id = found->interface};
    if (family == AF_INET && n == sizeof v4.sin_addr) {
        memcpy(&v4.sin_addr, bytes, n);
        found->router.length = sizeof v4;
        memcpy(&found->router.storage, &v4, sizeof v4);
    } else if (family == AF_INET6 && n == sizeof v6.sin6_addr) {
        memcpy(&v6.sin6_addr, bytes, n);
        if (!IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr))
            v6.sin6_scope_id = 0;
        found->router.length = sizeof v6;
        memcpy(&found->router.storage, &v6, sizeof v6);
    }
}

static void take_attribute(struct found *found, int family, unsigned type, const char *bytes, size_t n)
{
    unsigned short via_family; /* struct rtvia: a family, then the address */
    if (type == RTA_OIF && n == sizeof found->interface)
        memcpy(&found->interface, bytes, n);
    if (type == RTA_GATEWAY)
        take_router(found, family, bytes, n);
    if (type == RTA_VIA && n > sizeof via_family) {
        memcpy(&via_family, bytes, sizeof via_family);
        take_router(found, via_family, bytes + sizeof via_family, n - sizeof via_family);
    }
}

/* 0 or an errno. */
static int read_answer(const char *bytes, size_t n, struct found *ret)
{
    struct nlmsghdr header;
    struct nlmsgerr error;
    struct rtmsg route;
    if (n < sizeof header)
        return EPROTO;
    memcpy(&header, bytes, sizeof header);
    if (header.nlmsg_len > n)
        return EPROTO;
    if (header.nlmsg_type == NLMSG_ERROR && header.nlmsg_len >= NLMSG_LENGTH(sizeof error.error)) {
        memcpy(&error.error, bytes + NLMSG_LENGTH(0), sizeof error.error);
        return error.error ? -error.error : EPROTO;
    }
    if (header.nlmsg_type != RTM_NEWROUTE || header.nlmsg_len < NLMSG_LENGTH(sizeof route))
        return EPROTO;
    memcpy(&route, bytes + NLMSG_LENGTH(0), sizeof route);
    ret->type = route.rtm_type;
    for (size_t at = NLMSG_SPACE(sizeof route); at + sizeof(struct rtattr) <= header.nlmsg_len;) {
        struct rtattr attribute;
        memcpy(&attribute, bytes + at, sizeof attribute);
        if (attribute.rta_len < sizeof attribute || at + attribute.rta_len > header.nlmsg_len)
            return EPROTO;
        take_attribute(ret, route.rtm_family, attribute.rta_type, bytes + at + RTA_LENGTH(0),
                       attribute.rta_len - RTA_LENGTH(0));
        at += RTA_ALIGN(attribute.rta_len);
    }
    return 0;
}

int route_to(const struct address *to, struct ip_route *ret, struct err *err)
{
    struct ip_route route = {.mtu = 0};
    struct found found = {.type = RTN_UNSPEC};
    char answer[ANSWER_BYTES_MAX];
    if (to->storage.ss_family != AF_INET && to->storage.ss_family != AF_INET6)
        return no_way(to, EAFNOSUPPORT, err);
    if (ask_socket(to, &route, err) < 0)
        return -1;
    ssize_t n = ask_kernel(to, answer, sizeof answer);
    if (n < 0)
        return err_set(err, ERR_SYSTEM, NULL, "ask the kernel for a route");
    int system = read_answer(answer, (size_t)n, &found);
    if (system)
        return no_way(to, system, err);
    route.own = found.type == RTN_LOCAL;
    route.router = found.router;
    route.on_link = !found.router.length;
    if (!if_indextoname(found.interface, route.interface))
        route.interface[0] = '\0';
    *ret = route;
    return 0;
}
