#include "secret/provider.h"

#include "base/ascii.h"
#include "secret/provider_private.h"

static const struct {
    const char *name;
    provider_fn *fetch;
} providers[] = {
    {"file", provider_file},
    {"systemd", provider_systemd},
};

static bool name_is_good(sv name)
{
    if (name.n == 0 || name.n > SECRET_NAME_BYTES_MAX || name.p[0] == '.')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!ascii_alnum(c) && (c == '\0' || !strchr("._-", c)))
            return false;
    }
    return true;
}

int provider_look(const struct provider_context *context, sv reference, struct err *err)
{
    return provider_fetch(context, reference, NULL, err);
}

int provider_fetch(const struct provider_context *context, sv reference, struct secret **ret, struct err *err)
{
    sv rest = reference, shown = sv_first(reference, 160);
    sv provider = sv_split(&rest, '/');
    if (!sv_printable(shown))
        shown = SV("(not printable)");
    if (!name_is_good(rest))
        return err_set(err, ERR_CONFIG,
                       "write secret:PROVIDER/NAME; a name has letters, digits, \".\", \"_\" and \"-\" only",
                       "secret:%.*s is not a reference to a secret", SV_ARG(shown));
    char name[SECRET_NAME_BYTES_MAX + 1];
    sv_copy(name, sizeof name, rest);
    for (size_t i = 0; i < sizeof providers / sizeof *providers; i++) {
        if (!sv_eq(provider, sv_of(providers[i].name)))
            continue;
        if (providers[i].fetch(context, name, ret, err) == 0)
            return 0;
        return err_prefix(err, "secret:%.*s", SV_ARG(shown));
    }
    return err_set(err, ERR_CONFIG, "the providers are file and systemd",
                   "secret:%.*s names a provider that does not exist", SV_ARG(shown));
}
