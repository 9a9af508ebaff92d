/* What the files of the proofreading share. Private to them. */
#ifndef VEDETTE_CMD_PROOFREAD_PRIVATE_H
#define VEDETTE_CMD_PROOFREAD_PRIVATE_H

#include "cmd/confine.h"
#include "cmd/proofread.h"

/* An error in the configuration, at that place. */
#define COMPLAIN(check, place, ...) \
    config_errors_add(&(check)->errors, (place)->file, (place)->line, (place)->column, __VA_ARGS__)

void proofread_warn(struct proofread *check, const char *text);

/* As root we can say whether a process, which will be another user, gets at a file; true where we cannot. */
bool proofread_role_reads(const struct proofread *check, enum confine_role role, const struct config *config,
                          const char *path);

/* What a TLS server's files are like to the process that serves with them. */
struct proofread_server {
    const char *label; /* whose they are */
    enum confine_role role;
    const char *certificate, *key, *client_ca; /* NULL: there is none */
    struct config_place certificate_place, key_place, client_ca_place;
};
void proofread_server(struct proofread *check, const struct config *config,
                      const struct proofread_server *server);

/* How a server that we send to is trusted. */
struct proofread_peer {
    const char *kind, *name; /* "gateway", "primary" */
    enum confine_role role;
    enum smtp_security security;
    const char *ca_file, *ca_directory, *pin;
    const struct config_place *place;
};
void proofread_peer(struct proofread *check, const struct config *config, const struct proofread_peer *peer);

/* The services that accounts name. */
void proofread_pam(struct proofread *check, const struct config *config);

#endif
