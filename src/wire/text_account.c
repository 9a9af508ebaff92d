/* The shadow tools, which make, change and remove accounts, and cron. */
#include "wire/text_private.h"

#include "wire/derive.h"

/* "name=bob, UID=1001, GID=1001, home=/home/bob, shell=/bin/bash, from=/dev/pts/1" */
static void add_list(struct decoding *decoding, sv s)
{
    while (s.p) {
        sv value = sv_trim(sv_split(&s, ','));
        sv name = sv_split(&value, '=');
        if (value.p && name.n)
            decoding_add(decoding, name, value);
    }
}

static sv list_name(sv s)
{
    return sv_take(&s, SV("name=")) ? sv_split(&s, ',') : SV_NONE;
}

/* The text between the next two of the quotes `'`. */
static bool take_quoted(sv *s, sv *ret)
{
    sv front;
    return text_take_until(s, SV("'"), &front) && text_take_until(s, SV("'"), ret);
}

static void add(struct decoding *decoding, sv action, sv user, sv group)
{
    ecs_add(decoding, ECS_EVENT_ACTION, action);
    ecs_add(decoding, ECS_EVENT_OUTCOME, SV("success"));
    ecs_add(decoding, ECS_USER_TARGET_NAME, user);
    ecs_add(decoding, ECS_GROUP_NAME, group);
}

/* "user bob added by root to group sudo" (gpasswd) */
static bool read_gpasswd(struct decoding *decoding, sv s, bool adds)
{
    sv user = SV_NONE, by = SV_NONE;
    bool known =
        adds ? text_take_until(&s, SV(" added by "), &user) && text_take_until(&s, SV(" to group "), &by)
             : text_take_until(&s, SV(" removed by "), &user) && text_take_until(&s, SV(" from group "), &by);
    if (!known)
        return false;
    add(decoding, adds ? SV("group_member_added") : SV("group_member_removed"), user, s);
    ecs_add(decoding, ECS_USER_NAME, by);
    return true;
}

static bool read_new(struct decoding *decoding, sv s)
{
    if (sv_take(&s, SV("new user: ")))
        add(decoding, SV("user_added"), list_name(s), SV_NONE);
    else if (sv_take(&s, SV("new group: ")))
        add(decoding, SV("group_added"), SV_NONE, list_name(s));
    else
        return false;
    add_list(decoding, s);
    return true;
}

static bool read_quoted(struct decoding *decoding, sv s)
{
    sv first, second = SV_NONE, rest = s;
    if (!take_quoted(&rest, &first))
        return false;
    sv tail = rest;
    take_quoted(&rest, &second);
    if (sv_starts(s, SV("add '")) && sv_find(tail, SV("group '")) != SV_NPOS)
        add(decoding, SV("group_member_added"), first, second);
    else if (sv_starts(s, SV("delete user '")))
        add(decoding, SV("user_deleted"), first, SV_NONE);
    else if (sv_starts(s, SV("delete '")) && sv_find(tail, SV("group '")) != SV_NPOS)
        add(decoding, SV("group_member_removed"), first, second);
    else if (sv_starts(s, SV("change user '")))
        add(decoding, SV("user_changed"), first, SV_NONE);
    else if (sv_starts(s, SV("lock user '")))
        add(decoding, SV("user_locked"), first, SV_NONE);
    else if (sv_starts(s, SV("unlock user '")))
        add(decoding, SV("user_unlocked"), first, SV_NONE);
    else if (sv_starts(s, SV("password for '"))) {
        add(decoding, SV("password_changed"), first, SV_NONE);
        ecs_add(decoding, ECS_USER_NAME, second);
    } else
        return false;
    return true;
}

bool text_account(struct decoding *decoding, sv message)
{
    sv s = message;
    if (read_new(decoding, s))
        return true;
    if (sv_take(&s, SV("user ")) && (read_gpasswd(decoding, s, true) || read_gpasswd(decoding, s, false)))
        return true;
    return read_quoted(decoding, message);
}

/* "(root) CMD (run-parts /etc/cron.hourly)" */
bool text_cron(struct decoding *decoding, sv message)
{
    sv user, action, s = message;
    if (!sv_take(&s, SV("(")) || !text_take_until(&s, SV(") "), &user))
        return false;
    if (!text_take_until(&s, SV(" ("), &action))
        action = s;
    ecs_add(decoding, ECS_EVENT_ACTION, action);
    ecs_add(decoding, ECS_USER_NAME, user);
    if (sv_eq(action, SV("CMD")) && s.n)
        ecs_add(decoding, ECS_PROCESS_COMMAND_LINE, sv_first(s, s.n - sv_ends(s, SV(")"))));
    return true;
}

void text_account_derive(const struct derive *derive)
{
    static const struct {
        sv words, action;
    } said[] = {{SV_INIT("new user: "), SV_INIT("user_added")},
                {SV_INIT("new group: "), SV_INIT("group_added")},
                {SV_INIT(" added by "), SV_INIT("group_member_added")},
                {SV_INIT("add '"), SV_INIT("group_member_added")},
                {SV_INIT(" removed by "), SV_INIT("group_member_removed")},
                {SV_INIT("delete '"), SV_INIT("group_member_removed")},
                {SV_INIT("delete user '"), SV_INIT("user_deleted")},
                {SV_INIT("change user '"), SV_INIT("user_changed")},
                {SV_INIT("lock user '"), SV_INIT("user_locked")},
                {SV_INIT("unlock user '"), SV_INIT("user_unlocked")},
                {SV_INIT("password for '"), SV_INIT("password_changed")}};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        derive_action(derive, said[i].words, said[i].action, SV("success"));
}
