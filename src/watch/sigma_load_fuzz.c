/* The whole loader, the seal, and one match on an event cut from the same bytes: what stands before the first
 * NUL is the rules (behind pipelines and a byte 1, if there is one), what follows is the record. */
#include <stdlib.h>

#include "watch/pipeline.h"
#include "watch/ruleset.h"
#include "watch/sigma_lists.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(void *arg, const struct rule_error *error)
{
    (void)arg;
    if (error->line < 1 || error->column < 1 || !error->message[0] || !error->file)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sv record = sv_make(data, size), text = sv_split(&record, '\0');
    struct event_field fields[16];
    struct event event = {.raw = record, .message = record, .fields = fields};
    struct ruleset *ruleset = ruleset_new();
    struct sigma_lists *lists = sigma_lists_new();
    struct pipelines *pipelines = pipelines_new();
    sv rest = text, before = sv_split(&rest, '\1');
    if (rest.p) {
        pipelines_load_text(pipelines, "fuzz.yml", before, check, NULL);
        text = rest;
    }
    if (!sigma_lists_read(lists, SV("a"), SV("root\nadm_*\n192.0.2.0/24\n")))
        abort();
    ruleset_lists(ruleset, lists);
    ruleset_pipelines(ruleset, pipelines);
    size_t loaded = ruleset_load_text(ruleset, "fuzz.yml", text, check, NULL), count;
    if (loaded != ruleset_count(ruleset))
        abort();
    ruleset_seal(ruleset, check, NULL);
    pipelines_free(pipelines);
    sigma_lists_free(lists);
    for (rest = record; rest.p && event.field_count < sizeof fields / sizeof *fields; event.field_count++) {
        sv value = sv_split(&rest, ' '), name = sv_split(&value, '=');
        fields[event.field_count] = (struct event_field){name, value.p ? value : SV(""), EVENT_STRING};
    }
    struct ruleset_matcher *matcher = ruleset_matcher_new(ruleset);
    ruleset_match(matcher, &event, &count);
    if (count > loaded)
        abort();
    ruleset_matcher_free(matcher);
    ruleset_free(ruleset);
    return 0;
}
