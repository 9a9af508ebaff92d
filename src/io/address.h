/* Socket addresses in the forms the configuration uses: "192.0.2.25", "2001:db8::1", "[::1]:5514". */
#ifndef VEDETTE_IO_ADDRESS_H
#define VEDETTE_IO_ADDRESS_H

#include "base/err.h"
#include "base/sv.h"

#include <sys/socket.h>
#include <sys/un.h>

enum { ADDRESS_TEXT_MAX = 64 };

struct address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* A literal IPv4 or IPv6 address (a zone "%eth0" is allowed) and a port. Never asks DNS. */
int address_parse(sv ip, uint16_t port, struct address *ret, struct err *err);

/* "host:port", "[v6]:port" or ":port" (all addresses). */
int address_parse_pair(sv text, struct address *ret, struct err *err);

/* "192.0.2.25:587" or "[2001:db8::1]:587". Returns text. */
char *address_text(const struct address *address, char text[static ADDRESS_TEXT_MAX]);

/* Without the port and the brackets. */
char *address_ip_text(const struct address *address, char text[static ADDRESS_TEXT_MAX]);

uint16_t address_port(const struct address *address);
void address_set_port(struct address *address, uint16_t port);

bool address_is_loopback(const struct address *address);

/* Whether somebody has a Unix socket open there, and did not only leave its file behind. type: what we take
 * it for. */
bool address_is_served(const struct sockaddr_un *where, int type);

#endif
