#include "cmd/options.h"

#define ADVICE "--help lists the options"
enum { NAMES_COLUMNS = 30 };

static const struct option_spec *find_long(const struct option_spec *specs, size_t count, sv name)
{
    for (size_t i = 0; i < count; i++)
        if (sv_eq(sv_of(specs[i].name), name))
            return &specs[i];
    return NULL;
}

static const struct option_spec *find_letter(const struct option_spec *specs, size_t count, char letter)
{
    for (size_t i = 0; i < count; i++)
        if (specs[i].letter == letter)
            return &specs[i];
    return NULL;
}

static int take_value(const struct option_spec *spec, const char *value, struct err *err)
{
    switch (spec->kind) {
    case OPTION_FLAG:
        if (value)
            return err_set(err, ERR_USAGE, ADVICE, "--%s takes no argument", spec->name);
        *(bool *)spec->target = true;
        return 0;
    case OPTION_TEXT:
        *(const char **)spec->target = value;
        return 0;
    case OPTION_NUMBER:
        if (!sv_to_i64(sv_of(value), spec->target))
            return err_set(err, ERR_USAGE, NULL, "--%s wants a number, not \"%s\"", spec->name, value);
        return 0;
    case OPTION_LIST: {
        struct option_list *list = spec->target;
        if (list->count == OPTION_LIST_MAX)
            return err_set(err, ERR_USAGE, NULL, "--%s was given more than %d times", spec->name,
                           OPTION_LIST_MAX);
        list->items[list->count++] = value;
        return 0;
    }
    }
    return 0;
}

/* The option at argv[*at]; moves *at to its argument if it takes the next word. */
static int take_option(const struct option_spec *specs, size_t count, int argc, char **argv, int *at,
                       struct err *err)
{
    const char *word = argv[*at];
    bool is_long = word[1] == '-';
    for (; !is_long && word[1] && word[2]; word++) { /* "-ti" is "-t -i" */
        const struct option_spec *flag = find_letter(specs, count, word[1]);
        if (!flag || flag->kind != OPTION_FLAG)
            break;
        *(bool *)flag->target = true;
    }
    const char *equals = is_long ? strchr(word, '=') : NULL;
    sv name = equals ? sv_make(word + 2, (size_t)(equals - word) - 2) : sv_of(word + 2);
    const struct option_spec *spec =
        is_long ? find_long(specs, count, name) : find_letter(specs, count, word[1]);
    if (!spec)
        return err_set(err, ERR_USAGE, ADVICE, "there is no option %s", argv[*at]);
    const char *value = equals ? equals + 1 : !is_long && word[2] ? word + 2 : NULL;
    if (spec->kind != OPTION_FLAG && !value) {
        if (*at + 1 >= argc)
            return err_set(err, ERR_USAGE, ADVICE, "--%s wants an argument: %s", spec->name, spec->argument);
        value = argv[++*at];
    }
    return take_value(spec, value, err);
}

int options_parse(const struct option_spec *specs, size_t count, int argc, char **argv, int *ret_left,
                  struct err *err)
{
    int left = 0;
    bool ended = false;
    for (int i = 0; i < argc; i++) {
        bool is_option = !ended && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option && strcmp(argv[i], "--") == 0)
            ended = true;
        else if (!is_option)
            argv[left++] = argv[i];
        else if (take_option(specs, count, argc, argv, &i, err) < 0)
            return -1;
    }
    *ret_left = left;
    return 0;
}

int options_range(const char *name, int64_t value, int64_t min, int64_t max, struct err *err)
{
    if (value >= min && value <= max)
        return 0;
    return err_set(err, ERR_USAGE, ADVICE, "--%s wants %lld to %lld, not %lld", name, (long long)min,
                   (long long)max, (long long)value);
}

void options_help(const struct option_spec *specs, size_t count, FILE *out)
{
    for (size_t i = 0; i < count; i++) {
        const struct option_spec *spec = &specs[i];
        char names[64];
        snprintf(names, sizeof names, "%c%c%s--%s%s%s", spec->letter ? '-' : ' ',
                 spec->letter ? spec->letter : ' ', spec->letter ? ", " : "  ", spec->name,
                 spec->argument ? " " : "", spec->argument ? spec->argument : "");
        int beyond = 0; /* bytes that take no column of their own */
        for (const char *p = names; *p; p++)
            beyond += ((unsigned char)*p & 0xc0) == 0x80;
        fprintf(out, "  %-*s %s\n", NAMES_COLUMNS + beyond, names, spec->help);
    }
}
