/* A path check for people: a line a hop as it goes, then the verdict, and what to do. */
#include "cmd/path_check.h"
#include "cmd/term.h"

#include <assert.h>
#include <stdlib.h>

enum { INDENT = 33 };

struct text {
    const struct check_request *request;
};

static void *begin(const struct path_options *options, const struct check_request *request)
{
    struct text *text = calloc(1, sizeof *text);
    assert(text);
    (void)options;
    text->request = request;
    return text;
}

static enum term_style style_of(enum check_state state)
{
    switch (state) {
    case CHECK_SKIPPED:
        return TERM_DIM;
    case CHECK_OK:
        return TERM_GREEN;
    case CHECK_WARN:
        return TERM_YELLOW;
    case CHECK_FAIL:
        return TERM_RED;
    }
    return TERM_PLAIN;
}

static void print_time(const struct check_hop *hop)
{
    if (hop->state == CHECK_SKIPPED)
        printf("%12s  ", "");
    else
        term_print(stdout, TERM_DIM, "%9.1f ms  ", (double)hop->took / (double)NANOS_PER_MS);
}

static void print_advice(const struct check_note *note)
{
    if (!note->advice || !*note->advice)
        return;
    printf("%*s", INDENT, "");
    term_print(stdout, TERM_DIM, "%s: ", note->has_cause ? cause_name(note->cause) : "advice");
    term_text(stdout, sv_of(note->advice));
    putchar('\n');
}

static void print_note(const struct check_note *note, bool below)
{
    if (below && (note->state == CHECK_WARN || note->state == CHECK_FAIL))
        term_print(stdout, style_of(note->state), "%s: ", check_state_name(note->state));
    term_text(stdout, sv_of(note->text));
    putchar('\n');
    print_advice(note);
}

/* The worst note stands beside the hop, the others below it. */
static void on_hop(void *state, const struct check_hop *hop)
{
    (void)state;
    term_print(stdout, style_of(hop->state), "%-7s", check_state_name(hop->state));
    printf(" %-11s", check_hop_name(hop->id));
    print_time(hop);
    if (hop->note_count == 0) {
        term_text(stdout, sv_of(hop->found));
        putchar('\n');
    }
    size_t worst = 0;
    for (size_t i = 1; i < hop->note_count; i++)
        if (hop->notes[i].state > hop->notes[worst].state)
            worst = i;
    for (size_t i = 0; i < hop->note_count; i++) {
        size_t next = i == 0 ? worst : i <= worst ? i - 1 : i;
        if (i > 0)
            printf("%*s", INDENT, "");
        print_note(&hop->notes[next], i > 0);
    }
    fflush(stdout);
}

static void on_line(void *state, char who, sv line)
{
    (void)state;
    term_print(stdout, TERM_DIM, "        %c: ", who);
    term_text(stdout, line);
    putchar('\n');
    fflush(stdout);
}

static void print_verdict(const struct check_request *request, const struct check_report *report)
{
    const struct check_note *why = report->decisive;
    putchar('\n');
    term_print(stdout, style_of(report->verdict), "%s", check_state_name(report->verdict));
    printf("  %s", path_where(request, report));
    if (report->port)
        printf(" port %d, %s%s", report->port, path_security_name(report->security),
               report->guessed ? " (found by trying)" : "");
    if (why) {
        printf("\ncause   %s: ", why->has_cause ? cause_name(why->cause) : "unknown");
        term_text(stdout, sv_of(why->text));
        if (why->advice && *why->advice) {
            fputs("\nadvice  ", stdout);
            term_text(stdout, sv_of(why->advice));
        }
    }
    putchar('\n');
}

static int end(void *state, const struct check_report *report)
{
    struct text *text = state;
    char command[512];
    struct buf stanza = BUF_INIT(16 * 1024);
    print_verdict(text->request, report);
    if (path_save_command(text->request, report, command, sizeof command))
        printf("save    %s\n", command);
    if (path_stanza(text->request, report, &stanza)) {
        term_print(stdout, TERM_DIM, "\n# What would use it, for /etc/vedette/vedette.yaml:\n");
        fwrite(buf_view(&stanza).p, 1, buf_view(&stanza).n, stdout);
    }
    buf_free(&stanza);
    free(text);
    return path_exit_code(report);
}

const struct path_printer path_text = {begin, on_hop, on_line, end};
