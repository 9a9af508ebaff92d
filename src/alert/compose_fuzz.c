/* Fields of an event into a mail: no header of theirs, no line that breaks, and MIME that reads back. */
#include "alert/compose_fixture.h"

#include <gmime/gmime.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_reads_back(sv bytes)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(bytes.p, bytes.n);
    GMimeParser *parser = g_mime_parser_new_with_stream(stream);
    GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
    assert(message && g_mime_message_get_subject(message));
    GMimeObject *top = g_mime_message_get_mime_part(message);
    assert(GMIME_IS_MULTIPART(top) && g_mime_multipart_get_count(GMIME_MULTIPART(top)) == 2);
    for (int i = 0; i < 2; i++) {
        char *text =
            g_mime_text_part_get_text(GMIME_TEXT_PART(g_mime_multipart_get_part(GMIME_MULTIPART(top), i)));
        assert(text && sv_utf8(sv_of(text)));
        g_free(text);
    }
    g_object_unref(message);
    g_object_unref(parser);
    g_object_unref(stream);
}

/* The input is cut at "\0\0" into the texts of the finding, then names and values of fields in turn. */
static sv next(sv *rest)
{
    size_t at = sv_find(*rest, sv_make("\0\0", 2));
    sv piece = sv_first(*rest, at);
    *rest = at == SV_NPOS ? SV_NONE : sv_from(*rest, at + 2);
    return piece;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct composed c;
    struct err err;
    sv rest = sv_make(data, size < FINDING_BYTES_MAX / 2 ? size : FINDING_BYTES_MAX / 2);
    composed_init(&c);
    sv *texts[] = {&c.finding.rule_title, &c.finding.rule_id, &c.finding.raw,         &c.fields[0].value,
                   &c.fields[2].value,    &c.finding.author,  &c.finding.description, &c.finding.response,
                   &c.finding.tags,       &c.finding.input};
    if (rest.n && (rest.p[0] & 1))
        c.mail.test = true;
    c.mail.sequence = 1 + size % 3;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && rest.n; i++)
        *texts[i] = next(&rest);
    for (; rest.n && c.finding.field_count < FINDING_FIELDS_MAX; c.finding.field_count++) {
        c.fields[c.finding.field_count].name = next(&rest);
        c.fields[c.finding.field_count].value = next(&rest);
    }
    int composed = composed_run(&c, &err);
    assert(composed == 0);
    assert(composed_lines_sound(buf_view(&c.out)));
    check_reads_back(buf_view(&c.out));
    composed_free(&c);
    return 0;
}
