/* Linux-PAM's modules: "pam_unix(sshd:auth): authentication failure; logname= uid=0 … user=root". */
#include "wire/text_private.h"

#include "wire/derive.h"

enum { WORDS_BYTES_MAX = 64 };

struct head {
    sv module, service, type;
};

/* "pam_unix(sshd:auth): "; some modules leave the parentheses out. */
static bool take_head(sv *s, struct head *head)
{
    sv rest = *s, inside;
    size_t n = 0;
    while (n < rest.n && rest.p[n] != '(' && rest.p[n] != ':' && rest.p[n] != ' ')
        n++;
    head->module = sv_first(rest, n);
    rest = sv_from(rest, n);
    if (sv_take(&rest, SV("("))) {
        if (!text_take_until(&rest, SV(")"), &inside))
            return false;
        head->type = inside;
        head->service = sv_split(&head->type, ':');
    }
    if (!sv_take(&rest, SV(":")))
        return false;
    sv_take(&rest, SV(" "));
    *s = rest;
    return true;
}

static sv value_of(sv s, sv key)
{
    size_t at = sv_find(s, key);
    if (at == SV_NPOS)
        return SV_NONE;
    sv rest = sv_from(s, at + key.n);
    return rest.n && rest.p[0] != ' ' ? sv_word(&rest) : SV_NONE;
}

/* "logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=root" */
static void add_pairs(struct decoding *decoding, sv s)
{
    sv pairs = s;
    for (sv word = sv_word(&pairs); word.n; word = sv_word(&pairs)) {
        sv value = word;
        sv name = sv_split(&value, '=');
        if (value.p && name.n)
            decoding_add(decoding, name, value);
    }
    sv user = value_of(s, SV(" user=")), from = value_of(s, SV(" ruser="));
    bool becomes = from.n && !sv_eq(from, user);
    ecs_add(decoding, ECS_USER_NAME, becomes ? from : user);
    if (becomes)
        ecs_add(decoding, ECS_USER_TARGET_NAME, user);
    ecs_add(decoding, ECS_SOURCE, value_of(s, SV(" rhost=")));
}

/* "root(uid=0)" → "root" */
static sv without_id(sv s)
{
    size_t at = sv_find_char(s, '(');
    return at == SV_NPOS ? s : sv_first(s, at);
}

/* "root(uid=0) by alice(uid=1000)", "root by (uid=0)", "root" */
static void add_session(struct decoding *decoding, sv s)
{
    sv user = sv_word(&s), by = SV_NONE;
    if (sv_take(&s, SV(" by ")))
        by = without_id(sv_word(&s));
    user = without_id(user);
    ecs_add(decoding, ECS_USER_NAME, by.n ? by : user);
    if (by.n)
        ecs_add(decoding, ECS_USER_TARGET_NAME, user);
}

static void add_outcome(struct decoding *decoding, sv action, sv outcome)
{
    ecs_add(decoding, ECS_EVENT_ACTION, action);
    ecs_add(decoding, ECS_EVENT_OUTCOME, outcome);
}

static void add_body(struct decoding *decoding, sv s)
{
    size_t semicolon = sv_find_char(s, ';');
    sv words = sv_first(s, semicolon == SV_NPOS ? s.n : semicolon), rest = s;
    if (sv_find(sv_first(words, WORDS_BYTES_MAX), SV("authentication failure")) != SV_NPOS ||
        sv_find(sv_first(words, WORDS_BYTES_MAX), SV("authentication success")) != SV_NPOS) {
        bool success = sv_ends(words, SV("success"));
        add_outcome(decoding, SV("authentication"), success ? SV("success") : SV("failure"));
        add_pairs(decoding, sv_from(s, words.n + 1));
    } else if (sv_take(&rest, SV("session opened for user "))) {
        add_outcome(decoding, SV("session_opened"), SV("success"));
        add_session(decoding, rest);
    } else if (sv_take(&rest, SV("session closed for user "))) {
        add_outcome(decoding, SV("session_closed"), SV_NONE);
        add_session(decoding, rest);
    } else if (sv_take(&rest, SV("check pass; user unknown"))) {
        add_outcome(decoding, SV("unknown_user"), SV("failure"));
    } else if (sv_take(&rest, SV("password changed for "))) {
        add_outcome(decoding, SV("password_changed"), SV("success"));
        ecs_add(decoding, ECS_USER_TARGET_NAME, sv_word(&rest));
    } else if (sv_take(&rest, SV("Consecutive login failures for user "))) {
        add_outcome(decoding, SV("account_locked"), SV("failure"));
        ecs_add(decoding, ECS_USER_NAME, sv_word(&rest));
    }
}

bool text_pam(struct decoding *decoding, sv message)
{
    struct head head = {0};
    sv s = message;
    if (sv_starts(s, SV("PAM "))) {
        /* sshd: "PAM 2 more authentication failures; logname= …" */
        if (sv_find(sv_first(s, WORDS_BYTES_MAX), SV("authentication failure")) == SV_NPOS)
            return false;
    } else if (!take_head(&s, &head)) {
        return false;
    }
    decoding_add_known(decoding, SV("pam.module"), head.module);
    decoding_add_known(decoding, SV("pam.service"), head.service);
    decoding_add_known(decoding, SV("pam.type"), head.type);
    add_body(decoding, s);
    return true;
}

void text_pam_derive(const struct derive *derive)
{
    static const sv fields[] = {SV_INIT("pam.module"), SV_INIT("pam.service"), SV_INIT("pam.type")};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        derive_name(derive, fields[i], SV("pam_"));
    /* The words may hold both, and then their last one counts. */
    derive_action(derive, SV("authentication failure"), SV("authentication"), SV("failure"));
    derive_action(derive, SV("authentication success"), SV("authentication"), SV("success"));
    derive_value(derive, SV("event.outcome"), SV("failure"), SV("authentication success"));
    derive_value(derive, SV("event.outcome"), SV("success"), SV("authentication failure"));
    derive_action(derive, SV("session opened for user "), SV("session_opened"), SV("success"));
    derive_action(derive, SV("session closed for user "), SV("session_closed"), SV_NONE);
    derive_action(derive, SV("check pass; user unknown"), SV("unknown_user"), SV("failure"));
    derive_action(derive, SV("password changed for "), SV("password_changed"), SV("success"));
    derive_action(derive, SV("Consecutive login failures for user "), SV("account_locked"), SV("failure"));
}
