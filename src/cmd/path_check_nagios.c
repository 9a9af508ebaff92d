/* A path check as a monitoring plug-in tells it: one line, perfdata, exit code 0 to 3. */
#include "cmd/path_check.h"
#include "cmd/term.h"

#include "base/buf.h"

#include <assert.h>
#include <stdlib.h>

enum service { SERVICE_OK, SERVICE_WARNING, SERVICE_CRITICAL, SERVICE_UNKNOWN };

static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

struct line {
    const struct path_options *options;
    const struct check_request *request;
    struct buf perfdata;
};

static void *begin(const struct path_options *options, const struct check_request *request)
{
    struct line *line = calloc(1, sizeof *line);
    assert(line);
    *line = (struct line){.options = options, .request = request, .perfdata = BUF_INIT(4096)};
    return line;
}

static void on_hop(void *state, const struct check_hop *hop)
{
    struct line *line = state;
    if (hop->state != CHECK_SKIPPED)
        buf_printf(&line->perfdata, " %s=%.6fs;;;0", check_hop_name(hop->id),
                   (double)hop->took / (double)NANOS_PER_SECOND);
}

/* A bar ends the text, and a line break the answer. */
static void print_plain(const char *text)
{
    for (const char *c = text; *c; c++)
        term_text(stdout, *c == '|' ? SV("/") : *c == '\n' ? SV(" ") : sv_make(c, 1));
}

static enum service service_of(enum check_state verdict)
{
    switch (verdict) {
    case CHECK_OK:
        return SERVICE_OK;
    case CHECK_WARN:
        return SERVICE_WARNING;
    case CHECK_FAIL:
        return SERVICE_CRITICAL;
    case CHECK_SKIPPED:
        break;
    }
    return SERVICE_UNKNOWN;
}

/* Something warns that is not the certificate's end: for that the given days decide, not the check's own. */
static bool warns_otherwise(const struct check_report *report)
{
    for (size_t i = 0; i < CHECK_HOP_COUNT; i++)
        for (size_t j = 0; j < report->hops[i].note_count; j++) {
            const struct check_note *note = &report->hops[i].notes[j];
            bool end = note->row && strcmp(note->row, "cert_ends_soon") == 0;
            if (note->state == CHECK_WARN && !end)
                return true;
        }
    return false;
}

/* Whole days that the server's own certificate has left; false without one. */
static bool days_left(const struct check_report *report, int64_t *ret)
{
    if (!report->has_tls || !report->tls.sent_count || !report->tls.sent[0].not_after)
        return false;
    nanos left = report->tls.sent[0].not_after - loop_now();
    nanos day = 86400 * NANOS_PER_SECOND;
    *ret = left >= 0 ? left / day : -((-left + day - 1) / day);
    return true;
}

static int end(void *state, const struct check_report *report)
{
    struct line *line = state;
    const struct check_note *why = report->decisive;
    enum service service = service_of(report->verdict);
    int64_t days = 0, warning = line->options->warning_days, critical = line->options->critical_days;
    bool has_days = days_left(report, &days);
    bool soon = has_days && days <= warning;
    if (service == SERVICE_WARNING && !warns_otherwise(report))
        service = SERVICE_OK;
    if (service == SERVICE_OK && !soon)
        why = NULL;
    if (soon && service < SERVICE_CRITICAL)
        service = days <= critical ? SERVICE_CRITICAL : SERVICE_WARNING;
    printf("VEDETTE %s - ", words[service]);
    if (report->gateway) {
        print_plain(report->gateway);
        fputs(": ", stdout);
    }
    print_plain(path_where(line->request, report));
    if (report->port)
        printf(" port %d, %s", report->port, path_security_name(report->security));
    if (why) {
        printf(": %s: ", why->has_cause ? cause_name(why->cause) : "unknown");
        print_plain(why->text);
        if (why->advice && *why->advice) {
            fputs("; ", stdout);
            print_plain(why->advice);
        }
    }
    if (has_days) {
        printf("; certificate has %lld days left", (long long)days);
        buf_printf(&line->perfdata, " certificate_days=%lld;%lld:;%lld:", (long long)days, (long long)warning,
                   (long long)critical);
    }
    sv perfdata = sv_trim(buf_view(&line->perfdata));
    printf(" | %.*s\n", SV_ARG(perfdata));
    buf_free(&line->perfdata);
    free(line);
    return (int)service;
}

const struct path_printer path_nagios = {begin, on_hop, NULL, end};
