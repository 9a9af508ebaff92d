/* sudo: "USER : [what went wrong ; ]TTY=… ; PWD=… ; USER=… ; COMMAND=…". The command is the last and may hold
 * anything. */
#include "wire/text_private.h"

#include "wire/derive.h"

static const struct names variables = {
    .by_length = {[3] = NAMES(NAME("TTY", 0), NAME("PWD", 0), NAME("CWD", 0), NAME("ENV", 0)),
                  [4] = NAMES(NAME("USER", 0), NAME("HOST", 0), NAME("TSID", 0)),
                  [5] = NAMES(NAME("GROUP", 0)),
                  [6] = NAMES(NAME("CHROOT", 0)),
                  [7] = NAMES(NAME("COMMAND", 0))}};

static bool is_variable(sv segment)
{
    size_t equals = sv_find_char(segment, '=');
    return equals != SV_NPOS && names_find(&variables, sv_first(segment, equals)) >= 0;
}

/* The ECS name that goes with a variable, or −1. */
static int ecs_of(sv name)
{
    if (sv_eq(name, SV("USER")))
        return ECS_USER_TARGET_NAME;
    if (sv_eq(name, SV("COMMAND")))
        return ECS_PROCESS_COMMAND_LINE;
    if (sv_eq(name, SV("PWD")))
        return ECS_PROCESS_WORKING_DIRECTORY;
    return sv_eq(name, SV("GROUP")) ? ECS_GROUP_NAME : -1;
}

static void add_variable(struct decoding *decoding, sv segment)
{
    sv value = segment;
    sv name = sv_split(&value, '=');
    decoding_add(decoding, name, value);
    int ecs = ecs_of(name);
    if (ecs >= 0)
        ecs_add(decoding, (enum ecs)ecs, value);
    if (ecs == ECS_USER_TARGET_NAME)
        ecs_add(decoding, ECS_USER_EFFECTIVE_NAME, value);
}

bool text_sudo(struct decoding *decoding, sv message)
{
    sv user, reason = SV_NONE, s = message;
    if (!text_take_until(&s, SV(" : "), &user) || sv_trim(user).n == 0)
        return false;
    sv_take(&s, SV("(command continued) "));
    if (!is_variable(s) && !text_take_until(&s, SV(" ; "), &reason)) {
        reason = s;
        s = SV_NONE;
    }
    ecs_add(decoding, ECS_EVENT_ACTION, SV("sudo"));
    ecs_add(decoding, ECS_EVENT_OUTCOME, reason.n ? SV("failure") : SV("success"));
    ecs_add(decoding, ECS_EVENT_REASON, reason);
    decoding_add_known(decoding, SV("sudo.reason"), reason);
    ecs_add(decoding, ECS_USER_NAME, sv_trim(user));
    while (s.n) {
        sv segment = s;
        if (sv_starts(s, SV("COMMAND=")) || !text_take_until(&s, SV(" ; "), &segment))
            s = SV_NONE;
        if (is_variable(segment))
            add_variable(decoding, segment);
    }
    return true;
}

/* Whose program is named sudo has that word in its record; by its words alone it is told by a COMMAND. */
void text_sudo_derive(const struct derive *derive)
{
    static const sv marks[] = {SV_INIT("sudo"), SV_INIT("COMMAND=")};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        derive_action(derive, marks[i], SV("sudo"), SV("success"));
        derive_value(derive, SV("event.outcome"), SV("failure"), marks[i]);
    }
    derive_name(derive, SV("sudo.reason"), SV(" : "));
}
