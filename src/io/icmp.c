#include "io/icmp.h"

#include "io/route.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/errqueue.h>

enum { ERRORS_MAX = 16, CONTROL_BYTES = 512, PACKET_BYTES = 256 };

void icmp_watch(int fd, int family)
{
    setsockopt(fd, IPPROTO_IP, IP_RECVERR, &(int){1}, sizeof(int));
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &(int){1}, sizeof(int));
}

static enum icmp_meaning meaning_v4(uint8_t type, uint8_t code)
{
    static const enum icmp_meaning unreachable[] = {
        [ICMP_NET_UNREACH] = ICMP_NO_ROUTE,      [ICMP_HOST_UNREACH] = ICMP_NO_HOST,
        [ICMP_PROT_UNREACH] = ICMP_OTHER,        [ICMP_PORT_UNREACH] = ICMP_PORT_CLOSED,
        [ICMP_FRAG_NEEDED] = ICMP_TOO_BIG,       [ICMP_SR_FAILED] = ICMP_OTHER,
        [ICMP_NET_UNKNOWN] = ICMP_NO_ROUTE,      [ICMP_HOST_UNKNOWN] = ICMP_NO_HOST,
        [ICMP_HOST_ISOLATED] = ICMP_NO_HOST,     [ICMP_NET_ANO] = ICMP_PROHIBITED,
        [ICMP_HOST_ANO] = ICMP_PROHIBITED,       [ICMP_NET_UNR_TOS] = ICMP_NO_ROUTE,
        [ICMP_HOST_UNR_TOS] = ICMP_NO_HOST,      [ICMP_PKT_FILTERED] = ICMP_PROHIBITED,
        [ICMP_PREC_VIOLATION] = ICMP_PROHIBITED, [ICMP_PREC_CUTOFF] = ICMP_PROHIBITED,
    };
    if (type == ICMP_TIME_EXCEEDED)
        return ICMP_EXPIRED;
    if (type == ICMP_DEST_UNREACH && code < sizeof unreachable / sizeof *unreachable)
        return unreachable[code];
    return ICMP_OTHER;
}

static enum icmp_meaning meaning_v6(uint8_t type, uint8_t code)
{
    enum { FAILED_POLICY = 5, REJECT_ROUTE = 6 }; /* RFC 4443 §3.1 */
    static const enum icmp_meaning unreachable[] = {
        [ICMP6_DST_UNREACH_NOROUTE] = ICMP_NO_ROUTE,
        [ICMP6_DST_UNREACH_ADMIN] = ICMP_PROHIBITED,
        [ICMP6_DST_UNREACH_BEYONDSCOPE] = ICMP_NO_ROUTE,
        [ICMP6_DST_UNREACH_ADDR] = ICMP_NO_HOST,
        [ICMP6_DST_UNREACH_NOPORT] = ICMP_PORT_CLOSED,
        [FAILED_POLICY] = ICMP_PROHIBITED,
        [REJECT_ROUTE] = ICMP_PROHIBITED,
    };
    if (type == ICMP6_TIME_EXCEEDED)
        return ICMP_EXPIRED;
    if (type == ICMP6_PACKET_TOO_BIG)
        return ICMP_TOO_BIG;
    if (type == ICMP6_DST_UNREACH && code < sizeof unreachable / sizeof *unreachable)
        return unreachable[code];
    return ICMP_OTHER;
}

static void take_offender(const struct sockaddr_in6 *from, struct icmp_error *ret)
{
    if (from->sin6_family == AF_INET)
        ret->from.length = sizeof(struct sockaddr_in);
    else if (from->sin6_family == AF_INET6)
        ret->from.length = sizeof(struct sockaddr_in6);
    memcpy(&ret->from.storage, from, ret->from.length);
    struct ip_route route;
    ret->own = ret->from.length && route_to(&ret->from, &route, NULL) == 0 && route.own;
}

static bool read_error(const struct cmsghdr *control, struct icmp_error *ret)
{
    bool v4 = control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_RECVERR;
    bool v6 = control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_RECVERR;
    /* The address of who says it, of either family, lies behind the header (SO_EE_OFFENDER). */
    struct {
        struct sock_extended_err error;
        struct sockaddr_in6 offender;
    } told = {.error = {.ee_errno = 0}};
    size_t n = control->cmsg_len - CMSG_LEN(0);
    if ((!v4 && !v6) || n < sizeof told.error)
        return false;
    memcpy(&told, CMSG_DATA(control), n < sizeof told ? n : sizeof told);
    if (told.error.ee_origin != SO_EE_ORIGIN_ICMP && told.error.ee_origin != SO_EE_ORIGIN_ICMP6)
        return false;
    *ret = (struct icmp_error){.v6 = told.error.ee_origin == SO_EE_ORIGIN_ICMP6,
                               .type = told.error.ee_type,
                               .code = told.error.ee_code,
                               .system = (int)told.error.ee_errno};
    ret->meaning = ret->v6 ? meaning_v6(ret->type, ret->code) : meaning_v4(ret->type, ret->code);
    if (ret->meaning == ICMP_TOO_BIG)
        ret->mtu = told.error.ee_info;
    take_offender(&told.offender, ret);
    return true;
}

bool icmp_take(int fd, struct icmp_error *ret)
{
    for (int i = 0; i < ERRORS_MAX; i++) {
        char packet[PACKET_BYTES];
        union {
            struct cmsghdr header;
            char bytes[CONTROL_BYTES];
        } control;
        struct iovec iov = {packet, sizeof packet};
        struct msghdr message = {
            .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (n < 0)
            return false;
        for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at; at = CMSG_NXTHDR(&message, at))
            if (read_error(at, ret)) {
                ret->quoted_bytes = (size_t)n < ICMP_QUOTED_MAX ? (size_t)n : ICMP_QUOTED_MAX;
                memcpy(ret->quoted, packet, ret->quoted_bytes);
                return true;
            }
    }
    return false;
}

char *icmp_text(const struct icmp_error *error, char text[static ICMP_TEXT_MAX])
{
    static const char *const words[] = {
        [ICMP_NONE] = "nothing",
        [ICMP_NO_ROUTE] = "network unreachable",
        [ICMP_NO_HOST] = "host unreachable",
        [ICMP_PROHIBITED] = "administratively prohibited",
        [ICMP_PORT_CLOSED] = "port unreachable",
        [ICMP_TOO_BIG] = "packet too big",
        [ICMP_EXPIRED] = "hop limit ran out",
        [ICMP_OTHER] = "error",
    };
    char from[ADDRESS_TEXT_MAX];
    snprintf(text, ICMP_TEXT_MAX, "%s (ICMP%s %u/%u) from %s", words[error->meaning], error->v6 ? "v6" : "",
             error->type, error->code,
             error->from.length ? address_ip_text(&error->from, from) : "an unknown place");
    return text;
}
