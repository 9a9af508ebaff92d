#include "cmd/load.h"

#include "cmd/term.h"
#include "io/durable.h"
#include "io/zone_file.h"
#include "wire/pack.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

static int add_file(struct load *load, const char *path, struct err *err)
{
    if (load->count == LOAD_FILES_MAX)
        return err_set(err, ERR_LIMIT, NULL, "more than %d configuration files", LOAD_FILES_MAX);
    struct buf text = BUF_INIT(LOAD_FILE_BYTES_MAX);
    int outcome = file_read(path, &text, err);
    if (outcome == 0) {
        struct config_source *source = &load->sources[load->count++];
        source->name = arena_cstr(load->arena, sv_of(path));
        source->text = arena_sv(load->arena, buf_view(&text));
    }
    buf_free(&text);
    return outcome;
}

static int is_yaml(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && sv_ends(sv_of(entry->d_name), SV(".yaml"));
}

static int add_folder(struct load *load, const char *main_path, struct err *err)
{
    const char *slash = strrchr(main_path, '/');
    sv folder = slash ? sv_make(main_path, (size_t)(slash - main_path)) : SV(".");
    const char *path = arena_printf(load->arena, "%.*s/conf.d", SV_ARG(folder)).p;
    struct dirent **entries;
    int n = scandir(path, &entries, is_yaml, alphasort);
    if (n < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, "make it readable", "read the folder %s", path);
    int outcome = 0;
    for (int i = 0; i < n; i++) {
        if (outcome == 0)
            outcome = add_file(load, arena_printf(load->arena, "%s/%s", path, entries[i]->d_name).p, err);
        free(entries[i]);
    }
    free(entries);
    return outcome;
}

int load_files(const char *path, struct load *ret, struct err *err)
{
    char whole[PATH_MAX];
    struct load load = {.arena = arena_new((size_t)LOAD_FILES_MAX * (LOAD_FILE_BYTES_MAX + PATH_MAX))};
    if (!path)
        path = LOAD_DEFAULT_PATH;
    /* Absolute, so that relative paths in it mean the same in every process. */
    if (!realpath(path, whole)) {
        err_set(err, ERR_IO, "name a configuration with -c FILE; examples/quickstart.yaml is one", "read %s",
                path);
        err->class = errno == ENOENT ? ERR_NO_INPUT : ERR_IO;
        load_free(&load);
        return -1;
    }
    if (add_file(&load, whole, err) < 0 || add_folder(&load, whole, err) < 0) {
        load_free(&load);
        return -1;
    }
    *ret = load;
    return 0;
}

void load_free(struct load *load)
{
    arena_free(load->arena);
    *load = (struct load){0};
}

void load_pack(const struct load *load, struct buf *out)
{
    struct pack pack = PACK_INTO(out);
    pack_u32(&pack, (uint32_t)load->count);
    for (size_t i = 0; i < load->count; i++) {
        pack_sv(&pack, sv_of(load->sources[i].name));
        pack_sv(&pack, load->sources[i].text);
    }
}

int load_unpack(sv body, struct load *ret, struct err *err)
{
    struct unpack unpack = UNPACK_FROM(body);
    struct load load = {.arena = arena_new(body.n * 2 + LOAD_FILES_MAX * 64)};
    uint32_t count = unpack_u32(&unpack);
    for (uint32_t i = 0; i < count && i < LOAD_FILES_MAX; i++) {
        load.sources[i].name = arena_cstr(load.arena, unpack_sv(&unpack));
        load.sources[i].text = arena_sv(load.arena, unpack_sv(&unpack));
    }
    load.count = count;
    if (!unpack_done(&unpack) || count > LOAD_FILES_MAX) {
        load_free(&load);
        return err_set(err, ERR_PROTOCOL, NULL, "the configuration that the parent sent is damaged");
    }
    *ret = load;
    return 0;
}

struct config *load_parse_checked(const struct load *load, struct config_errors *errors)
{
    char machine[HOST_NAME_MAX + 1] = "";
    gethostname(machine, sizeof machine - 1);
    return config_parse_faulty(load->sources, load->count, machine[0] ? machine : "localhost", errors);
}

static void look_up_zones(const struct config *config, struct config_errors *errors)
{
    for (size_t i = 0; i < config->input_count; i++) {
        const struct config_input *input = &config->inputs[i];
        if (input->time_zone && !zone_exists(sv_of(input->time_zone)))
            config_errors_add(errors, input->zone_place.file, input->zone_place.line,
                              input->zone_place.column, ZONE_ADVICE, "time_zone: there is no zone \"%s\"",
                              input->time_zone);
    }
}

struct config *load_parse_faulty(const struct load *load, struct config_errors *errors)
{
    struct config *config = load_parse_checked(load, errors);
    if (config)
        look_up_zones(config, errors);
    return config;
}

struct config *load_parse(const struct load *load, struct config_errors *errors)
{
    size_t before = errors->count;
    struct config *config = load_parse_faulty(load, errors);
    if (errors->count == before)
        return config;
    config_free(config);
    return NULL;
}

void load_print_errors(const struct config_errors *errors)
{
    size_t shown = errors->count < CONFIG_ERRORS_MAX ? errors->count : CONFIG_ERRORS_MAX;
    for (size_t i = 0; i < shown; i++) {
        const struct config_error *error = &errors->items[i];
        if (error->line)
            term_print(stderr, TERM_BOLD, "%s:%d:%d: ", error->file, error->line, error->column);
        else if (error->file)
            term_print(stderr, TERM_BOLD, "%s: ", error->file);
        term_text(stderr, sv_of(error->message));
        putc('\n', stderr);
        if (error->advice && *error->advice)
            fprintf(stderr, "  %s\n", error->advice);
    }
    if (errors->count > shown)
        fprintf(stderr, "and %zu more\n", errors->count - shown);
}

struct config *load_kept_or_complain(const char *path, struct load *ret_load, int *ret_exit)
{
    struct load load;
    struct err err;
    if (load_files(path, &load, &err) < 0) {
        *ret_exit = term_error(&err);
        return NULL;
    }
    struct config_errors errors;
    config_errors_init(&errors);
    struct config *config = load_parse(&load, &errors);
    if (!config) {
        load_print_errors(&errors);
        load_free(&load);
        err = (struct err){.class = ERR_CONFIG};
        *ret_exit = err_exit_code(&err);
    } else
        *ret_load = load;
    config_errors_free(&errors);
    return config;
}

struct config *load_or_complain(const char *path, int *ret_exit)
{
    struct load load;
    struct config *config = load_kept_or_complain(path, &load, ret_exit);
    if (config)
        load_free(&load);
    return config;
}

const char *load_control_path(const struct config *config)
{
    return arena_printf(config->arena, "%s/control", config->runtime_directory).p;
}
