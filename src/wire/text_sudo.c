/* sudo: "USER : [what went wrong ; ]TTY=… ; PWD=… ; USER=… ; COMMAND=…". The command is the last and may hold
 * anything. */
#include "wire/text_private.h"

#include "wire/derive.h"

/* Each with the ECS name that goes with it. */
enum { NO_ECS = 0xff };

static const struct names variables = {
    .by_length = {[3] = NAMES(NAME("TTY", NO_ECS), NAME("PWD", ECS_PROCESS_WORKING_DIRECTORY),
                              NAME("CWD", NO_ECS), NAME("ENV", NO_ECS)),
                  [4] = NAMES(NAME("USER", ECS_USER_TARGET_NAME), NAME("HOST", NO_ECS), NAME("TSID", NO_ECS)),
                  [5] = NAMES(NAME("GROUP", ECS_GROUP_NAME)),
                  [6] = NAMES(NAME("CHROOT", NO_ECS)),
                  [7] = NAMES(NAME("COMMAND", ECS_PROCESS_COMMAND_LINE))}};

/* What the variable that s begins with stands for, −1 if it begins with none; where its name ends. */
static inline int find_variable(sv s, size_t *ret_equals)
{
    *ret_equals = bytes_find(s, '=');
    return *ret_equals < s.n ? names_find(&variables, sv_first(s, *ret_equals)) : -1;
}

static void add_variable(struct decoding *decoding, sv segment)
{
    size_t equals;
    int ecs = find_variable(segment, &equals);
    sv value = sv_from(segment, equals + 1);
    if (ecs < 0)
        return;
    decoding_add(decoding, sv_first(segment, equals), value);
    if (ecs != NO_ECS)
        ecs_add(decoding, (enum ecs)ecs, value);
    if (ecs == ECS_USER_TARGET_NAME)
        ecs_add(decoding, ECS_USER_EFFECTIVE_NAME, value);
}

bool text_sudo(struct decoding *decoding, sv message)
{
    sv user, reason = SV_NONE, s = message;
    size_t equals;
    if (!text_take_until(&s, SV(" : "), &user) || sv_trim(user).n == 0)
        return false;
    sv_take(&s, SV("(command continued) "));
    if (find_variable(s, &equals) < 0 && !text_take_until(&s, SV(" ; "), &reason)) {
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
