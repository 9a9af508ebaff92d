#include "wire/mime.h"

#include <assert.h>
#include <pthread.h>

static void start(void)
{
    g_mime_init();
}

void mime_use(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start);
}

GMimeMultipart *mime_multipart(const char *subtype, const char *boundary)
{
    GMimeMultipart *multipart = g_object_new(GMIME_TYPE_MULTIPART, NULL);
    GMimeContentType *type = g_mime_content_type_new("multipart", subtype);
    g_mime_content_type_set_parameter(type, "boundary", boundary);
    g_mime_object_set_content_type(GMIME_OBJECT(multipart), type);
    g_object_unref(type);
    return multipart;
}

void mime_add(GMimeMultipart *multipart, const char *type, const char *subtype, const char *charset,
              GMimeContentEncoding encoding, sv body)
{
    GMimeStream *stream = g_mime_stream_mem_new_with_buffer(body.p ? body.p : "", body.n);
    GMimeDataWrapper *content = g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);
    GMimePart *part = g_mime_part_new_with_type(type, subtype);
    if (charset)
        g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", charset);
    g_mime_part_set_content(part, content);
    g_mime_part_set_content_encoding(part, encoding);
    g_mime_multipart_add(multipart, GMIME_OBJECT(part));
    g_object_unref(part);
    g_object_unref(content);
    g_object_unref(stream);
}

int mime_write(GMimeObject *object, struct buf *out)
{
    GMimeFormatOptions *options = g_mime_format_options_new();
    g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
    GMimeStream *stream = g_mime_stream_mem_new();
    ssize_t written = g_mime_object_write_to_stream(object, options, stream);
    assert(written > 0);
    const GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));
    int put = buf_put(out, sv_make(bytes->data, bytes->len));
    g_object_unref(stream);
    g_mime_format_options_free(options);
    return put;
}
