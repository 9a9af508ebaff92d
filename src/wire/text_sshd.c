/* OpenSSH's server. A user's name in its messages is whatever the client sent, " from 192.0.2.1" included:
 * the address is what stands behind the last " from ". */
#include "wire/text_private.h"

#include "base/ascii.h"
#include "wire/derive.h"

enum { METHOD_BYTES_MAX = 32 };

/* What follows the words that a message begins with. */
enum shape {
    METHOD_USER_FROM, /* METHOD for [invalid user ]USER from ADDRESS port N … */
    USER_FROM,        /* [invalid user ]USER from ADDRESS [port N] … */
    SESSION,          /* shell [on TTY] for USER from ADDRESS port N … */
    KIND_USER_PEER,   /* [authenticating |invalid ]user USER ADDRESS port N …, or as PEER */
    PEER,             /* ADDRESS [port N] … */
    NAME_PEER,        /* NAME [ADDRESS] … */
};

enum outcome { NO_OUTCOME, SUCCESS, FAILURE };

static const struct message {
    sv words;
    enum shape shape;
    enum outcome outcome;
    sv action;
} messages[] = {
    {SV_INIT("Failed "), METHOD_USER_FROM, FAILURE, SV_INIT("ssh_login")},
    {SV_INIT("Accepted "), METHOD_USER_FROM, SUCCESS, SV_INIT("ssh_login")},
    {SV_INIT("Postponed "), METHOD_USER_FROM, NO_OUTCOME, SV_INIT("ssh_login")},
    {SV_INIT("Partial "), METHOD_USER_FROM, NO_OUTCOME, SV_INIT("ssh_login")},
    {SV_INIT("Invalid user "), USER_FROM, FAILURE, SV_INIT("ssh_invalid_user")},
    {SV_INIT("Illegal user "), USER_FROM, FAILURE, SV_INIT("ssh_invalid_user")},
    {SV_INIT("Connection closed by "), KIND_USER_PEER, NO_OUTCOME, SV_INIT("ssh_disconnect")},
    {SV_INIT("Connection reset by "), KIND_USER_PEER, NO_OUTCOME, SV_INIT("ssh_disconnect")},
    {SV_INIT("Disconnected from "), KIND_USER_PEER, NO_OUTCOME, SV_INIT("ssh_disconnect")},
    {SV_INIT("Received disconnect from "), PEER, NO_OUTCOME, SV_INIT("ssh_disconnect")},
    {SV_INIT("Disconnecting "), KIND_USER_PEER, FAILURE, SV_INIT("ssh_disconnect")},
    {SV_INIT("error: maximum authentication attempts exceeded for "), USER_FROM, FAILURE,
     SV_INIT("ssh_max_attempts")},
    {SV_INIT("maximum authentication attempts exceeded for "), USER_FROM, FAILURE,
     SV_INIT("ssh_max_attempts")},
    {SV_INIT("error: PAM: Authentication failure for "), USER_FROM, FAILURE, SV_INIT("ssh_login")},
    {SV_INIT("error: PAM: User not known to the underlying authentication module for "), USER_FROM, FAILURE,
     SV_INIT("ssh_login")},
    {SV_INIT("User "), USER_FROM, FAILURE, SV_INIT("ssh_login_denied")},
    {SV_INIT("ROOT LOGIN REFUSED FROM "), PEER, FAILURE, SV_INIT("ssh_root_refused")},
    {SV_INIT("Did not receive identification string from "), PEER, NO_OUTCOME, SV_INIT("ssh_no_banner")},
    {SV_INIT("Unable to negotiate with "), PEER, FAILURE, SV_INIT("ssh_negotiation")},
    {SV_INIT("banner exchange: Connection from "), PEER, FAILURE, SV_INIT("ssh_negotiation")},
    {SV_INIT("fatal: Timeout before authentication for "), PEER, FAILURE, SV_INIT("ssh_timeout")},
    {SV_INIT("Timeout before authentication for connection from "), PEER, FAILURE, SV_INIT("ssh_timeout")},
    {SV_INIT("Connection from "), PEER, NO_OUTCOME, SV_INIT("ssh_connect")},
    {SV_INIT("Starting session: "), SESSION, NO_OUTCOME, SV_INIT("ssh_session_start")},
    {SV_INIT("Close session: user "), USER_FROM, NO_OUTCOME, SV_INIT("ssh_session_end")},
    {SV_INIT("reverse mapping checking getaddrinfo for "), NAME_PEER, NO_OUTCOME,
     SV_INIT("ssh_reverse_mapping")},
};

/* What a message was found to say. */
struct said {
    sv method, user, address, port, rest;
    bool invalid;
};

/* "ADDRESS[ port N][: or space and more]". */
static bool take_peer(sv s, struct said *said)
{
    sv address = sv_word(&s), port;
    while (address.n && memchr(":;,", address.p[address.n - 1], 3))
        address.n--;
    if (sv_take(&s, SV(" port "))) {
        size_t n = 0;
        while (n < s.n && ascii_digit(s.p[n]))
            n++;
        port = sv_first(s, n);
        bool word = n < s.n && ascii_letter(s.p[n]);
        said->port = word ? SV_NONE : port; /* "22x" is none */
        s = sv_from(s, n);
    }
    said->address = address;
    said->rest = s;
    return address.n > 0;
}

static bool take_user(sv s, struct said *said)
{
    said->invalid = sv_take(&s, SV("invalid user ")) || sv_take(&s, SV("illegal user "));
    return text_take_until_last(&s, SV(" from "), &said->user) && take_peer(s, said);
}

/* The first " from " counts where the user is a real one: what follows the address may hold any words, a
 * certificate's among them. */
static bool take_real_user(sv s, struct said *said)
{
    return text_take_until(&s, SV(" from "), &said->user) && take_peer(s, said);
}

static bool take_method(sv s, const struct message *message, struct said *said)
{
    if (!text_take_until(&s, SV(" for "), &said->method) || said->method.n > METHOD_BYTES_MAX)
        return false;
    return message->outcome == SUCCESS ? take_real_user(s, said) : take_user(s, said);
}

static bool take_kind(sv s, struct said *said)
{
    bool named = sv_take(&s, SV("authenticating user ")) || sv_take(&s, SV("user "));
    if (!named && sv_take(&s, SV("invalid user ")))
        named = said->invalid = true;
    if (!named)
        return take_peer(s, said);
    sv front, rest = s;
    if (!text_take_until_last(&rest, SV(" port "), &front))
        return false;
    sv user = SV_NONE, address = front;
    text_take_until_last(&address, SV(" "), &user);
    said->user = user;
    return take_peer(sv_from(s, (size_t)(address.p - s.p)), said);
}

static bool read(sv s, const struct message *message, struct said *said)
{
    sv name;
    switch (message->shape) {
    case METHOD_USER_FROM:
        return take_method(s, message, said);
    case USER_FROM:
        return take_user(s, said);
    case SESSION:
        return text_take_until(&s, SV(" for "), &name) && take_real_user(s, said);
    case KIND_USER_PEER:
        return take_kind(s, said);
    case PEER:
        return take_peer(s, said);
    case NAME_PEER:
        if (!text_take_until(&s, SV(" ["), &name))
            return false;
        said->address = sv_first(s, sv_find_char(s, ']'));
        return said->address.n > 0;
    }
    return false;
}

static void add(struct decoding *decoding, const struct message *message, const struct said *said)
{
    sv rest = said->rest;
    ecs_add(decoding, ECS_EVENT_ACTION, message->action);
    if (message->outcome != NO_OUTCOME)
        ecs_add(decoding, ECS_EVENT_OUTCOME, message->outcome == SUCCESS ? SV("success") : SV("failure"));
    ecs_add(decoding, ECS_USER_NAME, said->user);
    ecs_add(decoding, ECS_SOURCE, said->address);
    ecs_add(decoding, ECS_SOURCE_PORT, said->port);
    decoding_add_known(decoding, SV("sshd.method"), said->method);
    if (said->invalid || sv_eq(message->action, SV("ssh_invalid_user")))
        decoding_add_typed(decoding, SV("sshd.invalid_user"), SV("true"), EVENT_BOOLEAN);
    if (message->outcome == SUCCESS && sv_take(&rest, SV(" ssh2: ")))
        decoding_add_known(decoding, SV("sshd.key"), rest);
}

bool text_sshd(struct decoding *decoding, sv text)
{
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (!sv_starts(text, messages[i].words))
            continue;
        struct said said = {0};
        if (!read(sv_from(text, messages[i].words.n), &messages[i], &said))
            return false;
        add(decoding, &messages[i], &said);
        return true;
    }
    return false;
}

void text_sshd_derive(const struct derive *derive)
{
    static const sv invalid[] = {SV_INIT("invalid user "), SV_INIT("illegal user "), SV_INIT("Invalid user "),
                                 SV_INIT("Illegal user ")};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        const struct message *message = &messages[i];
        sv outcome = message->outcome == NO_OUTCOME ? SV_NONE
                     : message->outcome == SUCCESS  ? SV("success")
                                                    : SV("failure");
        derive_action(derive, message->words, message->action, outcome);
        if (message->shape == METHOD_USER_FROM)
            derive_name(derive, SV("sshd.method"), message->words);
        if (message->outcome == SUCCESS)
            derive_name(derive, SV("sshd.key"), message->words);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        derive_name(derive, SV("sshd.invalid_user"), invalid[i]);
        derive_value(derive, SV("sshd.invalid_user"), SV("true"), invalid[i]);
    }
}
