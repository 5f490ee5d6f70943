/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines; see line-io.h. */
#include "observe/line-io.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 65536

struct LineReader {
    int fd;
    LineFunc on_line;
    LineEndFunc on_end;
    gpointer user;
    GString *text; /* came in, not handed on yet */
    guint source;
    gboolean *is_freed; /* set while a callback runs: where to say that it freed us */
};

struct LineWriter {
    int fd;
    GString *text;
    guint source;
};

/* Hands on one line; FALSE when the reader was freed meanwhile. */
static gboolean give_line(LineReader *reader, const char *line, gsize length)
{
    gboolean is_freed = FALSE;

    reader->is_freed = &is_freed;
    reader->on_line(line, length, reader->user);
    if (!is_freed) {
        reader->is_freed = NULL;
    }
    return !is_freed;
}

/* Hands on all whole lines; FALSE when the reader was freed meanwhile. */
static gboolean give_lines(LineReader *reader)
{
    for (;;) {
        char *newline = memchr(reader->text->str, '\n', reader->text->len);
        if (!newline) {
            return TRUE;
        }
        gsize length = (gsize)(newline - reader->text->str);
        g_autofree char *line = g_malloc(length + 1);

        memcpy(line, reader->text->str, length);
        line[length] = '\0';
        g_string_erase(reader->text, 0, (gssize)length + 1);
        if (!give_line(reader, line, length)) {
            return FALSE;
        }
    }
}

static gboolean end_reading(LineReader *reader, GError *error)
{
    g_autoptr(GError) cause = error;

    reader->source = 0;
    reader->on_end(cause, reader->user);
    return G_SOURCE_REMOVE;
}

static gboolean on_readable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user)
{
    LineReader *reader = user;
    char piece[READ_BYTES];
    gssize got = read(fd, piece, sizeof piece);

    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return G_SOURCE_CONTINUE;
    }
    if (got < 0) {
        return end_reading(reader, g_error_new(GODWIT_ERROR, GODWIT_ERROR_LOST, "reading: %s", g_strerror(errno)));
    }
    if (got == 0) {
        return end_reading(reader, reader->text->len == 0
                                       ? NULL
                                       : g_error_new(GODWIT_ERROR, GODWIT_ERROR_PROTOCOL, "the last line has no end"));
    }
    g_string_append_len(reader->text, piece, got);
    if (!give_lines(reader)) {
        return G_SOURCE_REMOVE;
    }
    if (reader->text->len > LINE_BYTES_MOST) {
        return end_reading(reader, g_error_new(GODWIT_ERROR, GODWIT_ERROR_PROTOCOL, "sent a line longer than %d bytes",
                                               LINE_BYTES_MOST));
    }
    return G_SOURCE_CONTINUE;
}

LineReader *line_reader_new(int fd, LineFunc on_line, LineEndFunc on_end, gpointer user)
{
    LineReader *reader = g_new0(LineReader, 1);

    *reader = (LineReader){.fd = fd, .on_line = on_line, .on_end = on_end, .user = user, .text = g_string_new(NULL)};
    reader->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_readable, reader);
    return reader;
}

void line_reader_free(LineReader *reader)
{
    if (reader) {
        if (reader->is_freed) {
            *reader->is_freed = TRUE;
        }
        if (reader->source) {
            g_source_remove(reader->source);
        }
        g_string_free(reader->text, TRUE);
        g_free(reader);
    }
}

void line_reader_drain(LineReader *reader)
{
    struct pollfd ready = {.fd = reader->fd, .events = POLLIN};
    char piece[READ_BYTES];
    gssize got = 0;

    while (reader->source && poll(&ready, 1, 0) > 0 && (got = read(reader->fd, piece, sizeof piece)) > 0) {
        g_string_append_len(reader->text, piece, got);
    }
    give_lines(reader);
}

LineWriter *line_writer_new(int fd)
{
    LineWriter *writer = g_new0(LineWriter, 1);

    writer->fd = fd;
    writer->text = g_string_new(NULL);
    g_unix_set_fd_nonblocking(fd, TRUE, NULL);
    return writer;
}

static gboolean on_writable(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer user)
{
    LineWriter *writer = user;
    gssize put = write(fd, writer->text->str, writer->text->len);

    if (put >= 0) {
        g_string_erase(writer->text, 0, put);
    } else if (errno != EAGAIN && errno != EINTR) {
        g_string_truncate(writer->text, 0); /* nobody will ever read it */
    }
    if (writer->text->len > 0) {
        return G_SOURCE_CONTINUE;
    }
    writer->source = 0;
    return G_SOURCE_REMOVE;
}

void line_writer_add(LineWriter *writer, const char *line)
{
    g_string_append_printf(writer->text, "%s\n", line);
    if (!writer->source) {
        writer->source = g_unix_fd_add(writer->fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, on_writable, writer);
    }
}

void line_writer_free(LineWriter *writer)
{
    if (writer) {
        if (writer->source) {
            g_source_remove(writer->source);
        }
        g_string_free(writer->text, TRUE);
        g_free(writer);
    }
}
