/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines over file descriptors on the main loop: what the agent and its controller speak through.
 *
 * Main loop only. */
#pragma once

#include <glib.h>

#define LINE_BYTES_MOST (1024 * 1024) /* of one line; whoever sends more is not speaking our language */

typedef struct LineReader LineReader;

/* One line, without its newline, ended by a 0 byte; 'length' tells of 0 bytes inside.  The reader may be freed here. */
typedef void (*LineFunc)(const char *line, gsize length, gpointer user);

/* The end, once: 'error' is NULL at a proper end of file, or says why not (PROTOCOL: a line too long, or cut off).  The
 * reader may be freed here. */
typedef void (*LineEndFunc)(const GError *error, gpointer user);

/* Reads 'fd', which stays the caller's. */
LineReader *line_reader_new(int fd, LineFunc on_line, LineEndFunc on_end, gpointer user);
void line_reader_free(LineReader *reader);

/* Hands on the lines that are there already, without waiting for the loop.  Not from a callback of this reader. */
void line_reader_drain(LineReader *reader);

typedef struct LineWriter LineWriter;

/* Writes to 'fd', which stays the caller's and is made non-blocking.  What the other side does not take yet is kept.  A
 * side that went away is not an error here: its end is seen by the reader. */
LineWriter *line_writer_new(int fd);
void line_writer_free(LineWriter *writer);

/* 'line' has no newline. */
void line_writer_add(LineWriter *writer, const char *line);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(LineReader, line_reader_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LineWriter, line_writer_free)
