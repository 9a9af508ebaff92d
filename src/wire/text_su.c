/* su, as util-linux, shadow and the BSDs write it. */
#include "wire/text_private.h"

#include "wire/derive.h"

static void add(struct decoding *decoding, sv from, sv to, bool success)
{
    ecs_add(decoding, ECS_EVENT_ACTION, SV("su"));
    ecs_add(decoding, ECS_EVENT_OUTCOME, success ? SV("success") : SV("failure"));
    ecs_add(decoding, ECS_USER_NAME, from);
    ecs_add(decoding, ECS_USER_TARGET_NAME, to);
    ecs_add(decoding, ECS_USER_EFFECTIVE_NAME, to);
}

/* "(to root) alice on pts/0" */
static bool read_to(struct decoding *decoding, sv s, bool success)
{
    sv to, from;
    if (!sv_take(&s, SV("(to ")) || !text_take_until(&s, SV(") "), &to))
        return false;
    if (!text_take_until_last(&s, SV(" on "), &from)) {
        from = s;
        s = SV_NONE;
    }
    add(decoding, from, to, success);
    decoding_add_known(decoding, SV("su.tty"), s);
    return true;
}

/* "root by alice" */
static bool read_by(struct decoding *decoding, sv s, bool success)
{
    sv to;
    if (!text_take_until_last(&s, SV(" by "), &to))
        return false;
    add(decoding, s, to, success);
    return true;
}

/* "+ pts/0 alice:root" or "- pts/0 alice:root" */
static bool read_signed(struct decoding *decoding, sv s, bool success)
{
    sv tty = sv_word(&s), from;
    s = sv_trim(s);
    if (tty.n == 0 || !text_take_until_last(&s, SV(":"), &from))
        return false;
    add(decoding, from, s, success);
    decoding_add_known(decoding, SV("su.tty"), tty);
    return true;
}

/* "alice to root on /dev/pts/0" */
static bool read_bsd(struct decoding *decoding, sv s, bool success)
{
    sv from, to;
    if (!text_take_until(&s, SV(" to "), &from))
        return false;
    if (!text_take_until_last(&s, SV(" on "), &to)) {
        to = s;
        s = SV_NONE;
    }
    add(decoding, from, to, success);
    decoding_add_known(decoding, SV("su.tty"), s);
    return true;
}

bool text_su(struct decoding *decoding, sv message)
{
    sv s = message;
    if (sv_starts(s, SV("(to ")))
        return read_to(decoding, s, true);
    if (sv_take(&s, SV("FAILED SU ")) || sv_take(&s, SV("FAILED su ")))
        return sv_take(&s, SV("for ")) ? read_by(decoding, s, false) : read_to(decoding, s, false);
    if (sv_take(&s, SV("Successful su for ")))
        return read_by(decoding, s, true);
    if (sv_take(&s, SV("+ ")))
        return read_signed(decoding, s, true);
    if (sv_take(&s, SV("- ")))
        return read_signed(decoding, s, false);
    return sv_take(&s, SV("BAD SU ")) && read_bsd(decoding, s, false);
}

/* The program's name in each form that a header gives it. */
void text_su_derive(const struct derive *derive)
{
    static const sv marks[] = {SV_INIT("su["), SV_INIT("su:"), SV_INIT(" su "), SV_INIT("\"su\"")};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        derive_action(derive, marks[i], SV("su"), SV("success"));
        derive_value(derive, SV("event.outcome"), SV("failure"), marks[i]);
        derive_name(derive, SV("su.tty"), marks[i]);
    }
}
