/* Decodes the plain-text messages of the programs through which people get privileges on a Linux host. */
#ifndef VEDETTE_WIRE_TEXT_EVENT_H
#define VEDETTE_WIRE_TEXT_EVENT_H

#include "wire/decoding.h"

enum text_kind {
    TEXT_PLAIN, /* none of them */
    TEXT_SSHD,
    TEXT_SUDO,
    TEXT_SU,
    TEXT_PAM,
    TEXT_AUDITD,
    TEXT_ACCOUNT, /* useradd, usermod, passwd, gpasswd and their like */
    TEXT_CRON,
};

/* Tells by decoding->program, or by the words if that is empty, who wrote the message, and adds its fields
 * and log source. A message of a known program in words that we do not know gets the log source only. */
enum text_kind text_event_decode(struct decoding *decoding, sv message);

/* True if the name is that of a program whose messages are known. */
bool text_event_program(sv program);

/* The log source that text_event_decode would tell of a message of that program, without its service; false
 * if it is not sure. */
bool text_event_source(sv program, sv message, struct logsource *ret);

#endif
