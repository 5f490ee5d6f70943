/* SPDX-License-Identifier: Apache-2.0
 *
 * Speaking with a real agent, line by line, as a controller does.  The agent is the test program itself, called with
 * --as-agent DIRECTORY: see talk_is_agent. */
#pragma once

#include "agent/agent.h"
#include "base/json.h"

#include <gio/gio.h>
#include <signal.h>

typedef struct Talk {
    GSubprocess *process;
    GDataInputStream *output;
    GOutputStream *input;
} Talk;

/* For main, before all else: TRUE if this process is to be the agent; it has been it then, with *status. */
static inline gboolean talk_is_agent(int argc, char **argv, int *status)
{
    if (argc <= 2 || !g_str_equal(argv[1], "--as-agent")) {
        return FALSE;
    }
    *status = agent_main(&(AgentOptions){.run_directory = argv[2]});
    return TRUE;
}

/* The next message; NULL at the end. */
static inline JsonObject *talk_receive(Talk *talk)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *line = g_data_input_stream_read_line(talk->output, NULL, NULL, &error);

    g_assert_no_error(error);
    if (!line) {
        return NULL;
    }
    JsonObject *object = json_parse_object(line, -1, "line", &error);
    g_assert_no_error(error);
    return object;
}

/* Starts an agent and hears its greeting. */
static inline void talk_begin(Talk *talk, const char *run_directory)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *self_path = g_file_read_link("/proc/self/exe", &error);

    g_assert_no_error(error);
    signal(SIGPIPE, SIG_IGN); /* an agent that gives up does not read the rest */
    talk->process =
        g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE,
                         &error, self_path, "--as-agent", run_directory, NULL);
    g_assert_no_error(error);
    talk->output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(talk->process));
    talk->input = g_subprocess_get_stdin_pipe(talk->process);
    g_autoptr(JsonObject) hello = talk_receive(talk);
    g_assert_cmpint(json_object_get_int_member(hello, "godwit-agent"), ==, 1);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(hello, "trackers")), ==, 3);
}

static inline void talk_send_bytes(Talk *talk, const void *bytes, gsize length)
{
    g_output_stream_write_all(talk->input, bytes, length, NULL, NULL, NULL);
}

static inline void talk_send_line(Talk *talk, const char *line)
{
    talk_send_bytes(talk, line, strlen(line));
    talk_send_bytes(talk, "\n", 1);
}

/* Closes its input and waits for its end; gives the exit status, -1 if a signal ended it. */
static inline int talk_end(Talk *talk)
{
    g_autoptr(GError) error = NULL;

    g_output_stream_close(talk->input, NULL, NULL);
    g_assert_true(g_subprocess_wait(talk->process, NULL, &error));
    int status = g_subprocess_get_if_exited(talk->process) ? g_subprocess_get_exit_status(talk->process) : -1;
    g_object_unref(talk->output);
    g_object_unref(talk->process);
    return status;
}
