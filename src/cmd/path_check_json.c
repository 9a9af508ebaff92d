/* A path check as one JSON object, in the shape that doc/json.md promises. */
#include "cmd/path_check.h"
#include "cmd/report.h"

#include <assert.h>
#include <stdlib.h>

struct document {
    const struct check_request *request;
    json_t *hops, *transcript; /* transcript: NULL unless asked for */
};

static void *begin(const struct path_options *options, const struct check_request *request)
{
    struct document *document = calloc(1, sizeof *document);
    assert(document);
    *document = (struct document){
        .request = request, .hops = json_array(), .transcript = options->transcript ? json_array() : NULL};
    return document;
}

static json_t *text_of(const char *text)
{
    return text ? report_text(sv_of(text)) : json_null();
}

static json_t *cause_of(const struct check_note *note)
{
    return note && note->has_cause ? json_string(cause_name(note->cause)) : json_null();
}

static json_t *advice_of(const struct check_note *note)
{
    return note ? report_text(sv_of(note->advice)) : json_string("");
}

static json_t *note_of(const struct check_note *note)
{
    json_t *json = json_object();
    json_object_set_new(json, "state", json_string(check_state_name(note->state)));
    json_object_set_new(json, "found", text_of(note->text));
    json_object_set_new(json, "cause", cause_of(note));
    json_object_set_new(json, "advice", advice_of(note));
    return json;
}

/* The note that made the hop what it is. */
static const struct check_note *worst_of(const struct check_hop *hop)
{
    for (size_t i = 0; i < hop->note_count; i++)
        if (hop->notes[i].state == hop->state && hop->state > CHECK_OK)
            return &hop->notes[i];
    return NULL;
}

static json_t *hop_of(const struct check_hop *hop)
{
    json_t *json = json_object(), *notes = json_array();
    const struct check_note *worst = worst_of(hop);
    json_object_set_new(json, "hop", json_string(check_hop_name(hop->id)));
    json_object_set_new(json, "state", json_string(check_state_name(hop->state)));
    json_object_set_new(json, "ms", json_real((double)hop->took / (double)NANOS_PER_MS));
    json_object_set_new(json, "found", report_text(sv_of(hop->found)));
    json_object_set_new(json, "cause", cause_of(worst));
    json_object_set_new(json, "advice", advice_of(worst));
    for (size_t i = 0; i < hop->note_count; i++)
        json_array_append_new(notes, note_of(&hop->notes[i]));
    json_object_set_new(json, "notes", notes);
    return json;
}

static void on_hop(void *state, const struct check_hop *hop)
{
    struct document *document = state;
    json_array_append_new(document->hops, hop_of(hop));
}

static void on_line(void *state, char who, sv line)
{
    struct document *document = state;
    json_t *json = json_object();
    json_object_set_new(json, "who", json_stringn(&who, 1));
    json_object_set_new(json, "line", report_text(line));
    json_array_append_new(document->transcript, json);
}

static json_t *certificate_of(const struct tls_certificate *certificate)
{
    json_t *json = json_object(), *names = json_array();
    for (size_t i = 0; i < certificate->name_count; i++)
        json_array_append_new(names, text_of(certificate->names[i]));
    json_object_set_new(json, "subject", text_of(certificate->subject));
    json_object_set_new(json, "issuer", text_of(certificate->issuer));
    json_object_set_new(json, "names", names);
    json_object_set_new(json, "not_before", report_time(certificate->not_before));
    json_object_set_new(json, "not_after", report_time(certificate->not_after));
    json_object_set_new(json, "key", text_of(certificate->key));
    json_object_set_new(json, "signature", text_of(certificate->signature));
    json_object_set_new(json, "fingerprint", text_of(certificate->fingerprint));
    json_object_set_new(json, "spki_fingerprint", text_of(certificate->spki_fingerprint));
    json_object_set_new(json, "issuer_url", text_of(certificate->issuer_url));
    return json;
}

static json_t *certificates_of(const struct tls_certificate *certificates, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, certificate_of(&certificates[i]));
    return list;
}

static json_t *tls_of(const struct tls_report *tls)
{
    json_t *json = json_object();
    json_object_set_new(json, "version", text_of(tls->version));
    json_object_set_new(json, "cipher", text_of(tls->cipher));
    json_object_set_new(json, "group", text_of(tls->group));
    json_object_set_new(json, "verified", json_boolean(tls->verified));
    json_object_set_new(json, "fault",
                        tls->fault == TLS_FAULT_NONE ? json_null() : json_string(tls_fault_name(tls->fault)));
    json_object_set_new(json, "fault_depth", json_integer(tls->fault_depth));
    json_object_set_new(json, "ocsp", json_string(tls_ocsp_text(tls->ocsp)));
    json_object_set_new(json, "sent", certificates_of(tls->sent, tls->sent_count));
    json_object_set_new(json, "chain", certificates_of(tls->chain, tls->chain_count));
    return json;
}

static const char *outcome_of(enum reach_state state)
{
    switch (state) {
    case REACH_OPEN:
        return "open";
    case REACH_REFUSED:
        return "refused";
    case REACH_REJECTED:
        return "rejected";
    case REACH_UNREACHABLE:
        return "unreachable";
    case REACH_FORBIDDEN:
        return "forbidden";
    case REACH_SILENT:
        return "silent";
    case REACH_FAILED:
        break;
    }
    return "failed";
}

static json_t *ports_of(const struct check_report *report)
{
    json_t *list = json_array();
    for (size_t i = 0; i < report->port_count; i++) {
        json_t *json = json_object();
        json_object_set_new(json, "port", json_integer(report->ports[i].port));
        json_object_set_new(json, "outcome", json_string(outcome_of(report->ports[i].reach.state)));
        json_array_append_new(list, json);
    }
    return list;
}

static void put_extras(json_t *json, const struct document *document, const struct check_report *report)
{
    char command[512];
    struct buf stanza = BUF_INIT(16 * 1024);
    json_object_set_new(json, "security", json_string(path_security_name(report->security)));
    json_object_set_new(json, "guessed", json_boolean(report->guessed));
    json_object_set_new(json, "ports", ports_of(report));
    json_object_set_new(json, "mechanisms", text_of(report->mechanisms));
    json_object_set_new(json, "size_limit",
                        report->size_limit ? json_integer((json_int_t)report->size_limit) : json_null());
    json_object_set_new(json, "software", text_of(report->software));
    json_object_set_new(json, "tls", report->has_tls ? tls_of(&report->tls) : json_null());
    json_object_set_new(json, "queue_id", text_of(report->queue_id));
    bool saves = path_save_command(document->request, report, command, sizeof command);
    json_object_set_new(json, "save_command", saves ? text_of(command) : json_null());
    bool offers = path_stanza(document->request, report, &stanza);
    json_object_set_new(json, "stanza", offers ? report_text(buf_view(&stanza)) : json_null());
    buf_free(&stanza);
}

static int end(void *state, const struct check_report *report)
{
    struct document *document = state;
    json_t *json = json_object();
    json_object_set_new(json, "gateway", text_of(report->gateway));
    json_object_set_new(json, "address", text_of(report->address));
    json_object_set_new(json, "port", json_integer(report->port));
    json_object_set_new(json, "verdict", json_string(check_state_name(report->verdict)));
    json_object_set_new(json, "cause", cause_of(report->decisive));
    json_object_set_new(json, "advice", advice_of(report->decisive));
    json_object_set_new(json, "hops", document->hops);
    put_extras(json, document, report);
    if (document->transcript)
        json_object_set_new(json, "transcript", document->transcript);
    report_line_new(json);
    free(document);
    return path_exit_code(report);
}

const struct path_printer path_json = {begin, on_hop, on_line, end};
