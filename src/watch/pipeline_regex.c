/* Regular expressions of pipelines: Python's, as far as PCRE2 has them; each may take so many steps. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "watch/pipeline_priv.h"

#include <pcre2.h>

#include "base/ascii.h"

enum { STEPS_MAX = 200000, REPLACED_BYTES_MAX = 16 * 1024 };

bool pipeline_regex_add(struct pipelines *pipelines, const struct yaml_node *at, bool anchored, char *ret_why,
                        size_t why_size)
{
    int code;
    PCRE2_SIZE place;
    uint32_t options =
        PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C | (anchored ? PCRE2_ANCHORED : 0);
    pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)at->text.p, at->text.n, options, &code, &place, NULL);
    struct pipeline_regex *regex = compiled ? arena_alloc(pipelines->arena, sizeof *regex) : NULL;
    if (!compiled)
        pcre2_get_error_message(code, (PCRE2_UCHAR *)ret_why, why_size);
    else if (!regex)
        sv_copy(ret_why, why_size, SV("there is no more room for pipelines"));
    if (!regex) {
        pcre2_code_free(compiled);
        return false;
    }
    *regex = (struct pipeline_regex){at, compiled, pipelines->regexes};
    pipelines->regexes = regex;
    return true;
}

void pipeline_regex_free(struct pipelines *pipelines)
{
    for (const struct pipeline_regex *regex = pipelines->regexes; regex; regex = regex->next)
        pcre2_code_free(regex->code);
    pipelines->regexes = NULL;
}

static const pcre2_code *code_at(const struct pipelines *pipelines, const struct yaml_node *at)
{
    const struct pipeline_regex *regex = pipelines->regexes;
    while (regex && regex->at != at)
        regex = regex->next;
    return regex ? regex->code : NULL;
}

static pcre2_match_context *bounds(void)
{
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(context, STEPS_MAX);
    return context;
}

int pipeline_regex_match(const struct pipelines *pipelines, const struct yaml_node *at, sv text)
{
    const pcre2_code *code = code_at(pipelines, at);
    if (!code)
        return -1;
    pcre2_match_context *context = bounds();
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    int found = pcre2_match(code, (PCRE2_SPTR)text.p, text.n, 0, 0, data, context);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return found == PCRE2_ERROR_NOMATCH ? 0 : found > 0 ? 1 : -1;
}

bool pipeline_regex_replace(const struct pipelines *pipelines, const struct yaml_node *at, sv replacement,
                            sv text, struct arena *arena, sv *ret)
{
    const pcre2_code *code = code_at(pipelines, at);
    char out[REPLACED_BYTES_MAX];
    PCRE2_SIZE size = sizeof out;
    if (!code)
        return false;
    pcre2_match_context *context = bounds();
    int done = pcre2_substitute(code, (PCRE2_SPTR)text.p, text.n, 0,
                                PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY, NULL, context,
                                (PCRE2_SPTR)replacement.p, replacement.n, (PCRE2_UCHAR *)out, &size);
    pcre2_match_context_free(context);
    *ret = done < 0 ? SV_NONE : arena_sv(arena, sv_make(out, size));
    return ret->p != NULL;
}

/* \g<1>, \g<name>: what stands between the brackets. */
static sv take_group(sv *rest)
{
    size_t end = rest->n && rest->p[0] == '<' ? sv_find_char(*rest, '>') : SV_NPOS;
    sv name = end == SV_NPOS ? SV("") : sv_make(rest->p + 1, end - 1);
    *rest = sv_from(*rest, end == SV_NPOS ? 0 : end + 1);
    return name;
}

static sv take_number(sv *rest)
{
    size_t n = 0;
    while (n < rest->n && n < 2 && ascii_digit(rest->p[n]))
        n++;
    sv number = sv_first(*rest, n);
    *rest = sv_from(*rest, n);
    return number;
}

/* The character that \n and the like stand for; '\0': none. */
static char escaped(char c)
{
    static const char names[] = "ntrfva\\", meant[] = "\n\t\r\f\v\a\\";
    const char *at = c ? strchr(names, c) : NULL;
    return at ? meant[at - names] : '\0';
}

/* What stands behind a backslash. */
static bool put_escape(char *out, size_t *n, sv *rest, const char **ret_why)
{
    char c = rest->n ? rest->p[0] : '\0';
    sv group;
    if (c >= '1' && c <= '9') {
        group = take_number(rest);
    } else if (c == 'g') {
        *rest = sv_from(*rest, 1);
        group = take_group(rest);
        *ret_why = "\\g stands before the number or name of a group: \\g<1>";
        if (group.n == 0)
            return false;
    } else if (escaped(c)) {
        out[(*n)++] = escaped(c);
        *rest = sv_from(*rest, 1);
        return true;
    } else {
        *ret_why =
            "a backslash stands before the number of a group, g<name>, n, t, r, f, v, a or a backslash";
        return false;
    }
    out[(*n)++] = '$';
    out[(*n)++] = '{';
    memcpy(out + *n, group.p, group.n);
    *n += group.n;
    out[(*n)++] = '}';
    return true;
}

bool pipeline_regex_template(sv python, struct arena *arena, sv *ret, const char **ret_why)
{
    char *out = arena_alloc(arena, 2 * python.n + 1);
    size_t n = 0;
    *ret_why = "there is no more room for pipelines";
    if (!out)
        return false;
    for (sv rest = python; rest.n;) {
        char c = rest.p[0];
        rest = sv_from(rest, 1);
        if (c == '\\' && !put_escape(out, &n, &rest, ret_why))
            return false;
        if (c == '$')
            out[n++] = '$';
        if (c != '\\')
            out[n++] = c;
    }
    *ret = sv_make(out, n);
    return true;
}
