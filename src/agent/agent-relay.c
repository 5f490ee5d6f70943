/* SPDX-License-Identifier: Apache-2.0
 *
 * The methods "relay-start", "relay-command" and "relay-forget": relays of single migrations, which are processes of
 * their own.
 *
 * Theory of operation.  A relay is this very program (`godwit relay`), in a session of its own, with a private folder
 * (relay-folder.h) and three pipes: its key and then commands go in, its events and complaints come out and are passed
 * on.  Once QEMU has connected it needs nobody: when the agent ends, whatever the reason, a connected relay goes on and
 * ends with its migration; one that nobody has connected to ends, since its input does.  Its folder is removed when it
 * ends, or by the next agent.
 *
 * The key is never in an argument, a file or a log: it comes in the request and goes into the relay's first line. */
#include "agent/agent-private.h"
#include "agent/relay-folder.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/units.h"
#include "model/relay-figures.h"
#include "observe/line-io.h"

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_DIGITS     64
#define SPARE_BYTES    (64 * MIB) /* that stay free beside what the relay may keep */
#define LOCK_TARGET_FD 3
#define GANG_TARGET_FD 4
#define QEMU_CONF      "/etc/libvirt/qemu.conf"

typedef struct AgentRelay {
    Agent *agent;
    guint64 id; /* of its relay-start */
    char *path; /* of its folder */
    GSubprocess *process;
    LineReader *output;
    LineReader *errors;
    LineWriter *input;
    char *first_error_line;
    gboolean is_connected; /* it said so: from now on it needs nobody */
    gboolean is_forgotten; /* the controller wants to hear no more of it */
} AgentRelay;

static void agent_relay_free(gpointer data)
{
    AgentRelay *relay = data;

    line_reader_free(relay->output);
    line_reader_free(relay->errors);
    line_writer_free(relay->input);
    if (relay->process) {
        g_object_unref(relay->process);
    }
    g_free(relay->first_error_line);
    g_free(relay->path);
    g_free(relay);
}

/* ---- what it says ---- */

static JsonBuilder *relay_event(const AgentRelay *relay, const char *event)
{
    JsonBuilder *builder = agent_message(relay->id);

    json_builder_set_member_name(builder, "event");
    json_builder_add_string_value(builder, event);
    return builder;
}

static void on_said(const char *line, gsize length, gpointer user)
{
    AgentRelay *relay = user;
    g_autoptr(GError) error = NULL;
    JsonObject *said = g_utf8_validate_len(line, length, NULL)
                           ? json_parse_object(line, (gssize)length, "what the relay said", &error)
                           : NULL;
    const char *event = NULL;

    if (!said) {
        log_debug("relay %" G_GUINT64_FORMAT ": said something that is no event", relay->id);
        return;
    }
    if (json_read_string(said, "event", "relay", &event, NULL) && g_str_equal(event, "connected")) {
        relay->is_connected = TRUE;
    }
    if (!relay->is_forgotten) {
        JsonBuilder *builder = relay_event(relay, "relay");

        json_builder_set_member_name(builder, "said");
        json_builder_add_value(builder, json_node_init_object(json_node_alloc(), said));
        agent_send(relay->agent, builder);
    }
    json_object_unref(said);
}

static void on_complaint(const char *line, gsize length G_GNUC_UNUSED, gpointer user)
{
    AgentRelay *relay = user;

    if (!relay->first_error_line && line[0]) {
        relay->first_error_line = g_utf8_make_valid(line, -1);
    }
    log_debug("relay %" G_GUINT64_FORMAT ": %s", relay->id, line);
}

static void on_pipe_end(const GError *error G_GNUC_UNUSED, gpointer user G_GNUC_UNUSED)
{
}

static void add_number_or_null(JsonBuilder *builder, const char *name, gboolean is_known, int value)
{
    json_builder_set_member_name(builder, name);
    if (is_known) {
        json_builder_add_int_value(builder, value);
    } else {
        json_builder_add_null_value(builder);
    }
}

static void on_relay_ended(GObject *source, GAsyncResult *result, gpointer user)
{
    GSubprocess *process = G_SUBPROCESS(source);
    AgentRelay *relay = user;
    gboolean was_killed;

    if (!g_subprocess_wait_finish(process, result, NULL)) {
        return;
    }
    line_reader_drain(relay->output);
    line_reader_drain(relay->errors);
    was_killed = g_subprocess_get_if_signaled(process);
    relay_folder_remove(relay->path);
    if (!relay->is_forgotten) {
        JsonBuilder *builder = relay_event(relay, "relay-ended");

        add_number_or_null(builder, "status", !was_killed, was_killed ? 0 : g_subprocess_get_exit_status(process));
        add_number_or_null(builder, "signal", was_killed, was_killed ? g_subprocess_get_term_sig(process) : 0);
        json_add_string_or_null(builder, "message", relay->first_error_line);
        agent_send(relay->agent, builder);
    }
    g_hash_table_remove(relay->agent->relays, &relay->id);
}

/* ---- starting one ---- */

/* How a parameter becomes an argument. */
typedef enum KeyKind { KEY_TEXT, KEY_NUMBER, KEY_RATE, KEY_TIME_NS, KEY_FLAG } KeyKind;

static const struct {
    const char *member;
    const char *option;
    KeyKind kind;
} RELAY_KEYS[] = {
    {"vm", "--vm", KEY_TEXT},
    {"filters", "--filters", KEY_TEXT},
    {"codec", "--codec", KEY_TEXT},
    {"page_memory", "--page-memory", KEY_TEXT},
    {"capabilities", "--capabilities", KEY_TEXT},
    {"threads", "--threads", KEY_NUMBER},
    {"memory_bytes", "--memory", KEY_NUMBER},
    {"ram_bytes", "--ram", KEY_NUMBER},
    {"page_bytes", "--page-size", KEY_NUMBER},
    {"rate_bytes_per_s", "--rate", KEY_RATE},
    {"link_bytes_per_s", "--link", KEY_RATE},
    {"downtime_limit_ns", "--downtime-limit", KEY_TIME_NS},
};

/* "--memory=4096"; NULL: it is not there or not of its kind. */
static char *argument_of(JsonObject *params, const char *member, const char *option, KeyKind kind, GError **error)
{
    const char *text = NULL;
    guint64 number = 0;

    if (kind == KEY_TEXT) {
        return json_read_string(params, member, "params", &text, error) ? g_strdup_printf("%s=%s", option, text) : NULL;
    }
    if (!json_read_uint(params, member, "params", &number, error)) {
        return NULL;
    }
    return g_strdup_printf("%s=%" G_GUINT64_FORMAT "%s", option, number,
                           kind == KEY_RATE      ? "B/s"
                           : kind == KEY_TIME_NS ? "ns"
                                                 : "");
}

static gboolean add_arguments(GPtrArray *words, JsonObject *params, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(RELAY_KEYS); i++) {
        char *word = NULL;

        if (!json_object_has_member(params, RELAY_KEYS[i].member)) {
            continue;
        }
        word = argument_of(params, RELAY_KEYS[i].member, RELAY_KEYS[i].option, RELAY_KEYS[i].kind, error);
        if (!word) {
            return FALSE;
        }
        g_ptr_array_add(words, word);
    }
    return TRUE;
}

/* The line of qemu.conf that says whose QEMU is; NULL: it does not. */
static char *configured_user(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(QEMU_CONF, &text, NULL, NULL)) {
        return NULL;
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        g_auto(GStrv) parts = g_strsplit(g_strstrip(*line), "=", 2);

        if (parts[0] && parts[1] && g_str_equal(g_strstrip(parts[0]), "user")) {
            return g_strdup(g_strdelimit(g_strstrip(parts[1]), "\"+", ' '));
        }
    }
    return NULL;
}

static gboolean find_user(const char *name, uid_t *uid)
{
    const struct passwd *entry = getpwnam(name);
    char *end = NULL;
    guint64 number = g_ascii_strtoull(name, &end, 10);

    if (entry) {
        *uid = entry->pw_uid;
    } else if (end != name && !*end) {
        *uid = (uid_t)number;
    } else {
        return FALSE;
    }
    return TRUE;
}

/* Whose QEMU will be at the socket: that of the VM's process where it runs, else as libvirt is configured. */
static uid_t qemu_user(const char *uuid)
{
    static const char *const USUAL[] = {"libvirt-qemu", "qemu"};
    gint64 pid = uuid[0] ? qemu_process_find(uuid, 0) : 0;
    g_autofree char *folder = g_strdup_printf("/proc/%" G_GINT64_FORMAT, pid);
    g_autofree char *configured = configured_user();
    struct stat status;
    uid_t uid = geteuid();

    if (pid > 0 && stat(folder, &status) == 0) {
        return status.st_uid;
    }
    if (configured && find_user(g_strstrip(configured), &uid)) {
        return uid;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(USUAL); i++) {
        if (find_user(USUAL[i], &uid)) {
            break;
        }
    }
    return uid;
}

static char *user_name(uid_t uid)
{
    const struct passwd *entry = getpwuid(uid);

    return entry ? g_strdup(entry->pw_name) : g_strdup_printf("%u", uid);
}

/* The store that this relay would make for its gang; those that are there already are missing from what is free. */
static guint64 store_to_come_bytes(const Agent *agent, JsonObject *params)
{
    const char *side = NULL;
    const char *gang = NULL;

    return json_object_has_member(params, "gang") && json_read_string(params, "gang", "params", &gang, NULL) &&
                   json_read_string(params, "side", "params", &side, NULL) && g_str_equal(side, "destination") &&
                   !g_hash_table_contains(agent->gangs, gang)
               ? RELAY_GANG_STORE_BYTES
               : 0;
}

static gboolean memory_is_there(const Agent *agent, JsonObject *params, GError **error)
{
    double available = agent_memory_available_bytes();
    guint64 wanted = 0;

    if (!json_object_has_member(params, "memory_bytes")) {
        return TRUE;
    }
    if (!json_read_uint(params, "memory_bytes", "params", &wanted, error)) {
        return FALSE;
    }
    if ((double)(wanted + store_to_come_bytes(agent, params) + SPARE_BYTES) > available) { /* false where nobody knows what there is */
        g_autofree char *free_text = size_format((guint64)available);
        g_autofree char *wanted_text = size_format(wanted);

        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                    "%s are free here, too little for a relay that may keep %s; give it less with --relay-memory",
                    free_text, wanted_text);
        return FALSE;
    }
    return TRUE;
}

/* In the child: nothing of the agent's but the pipes. */
static void leave_agent(gpointer unused G_GNUC_UNUSED)
{
    setsid();
    setpriority(PRIO_PROCESS, 0, 0);
}

/* Joins the gang that the request names, if it does. */
static gboolean join_gang(Agent *agent, JsonObject *params, int *fd, char **path, GError **error)
{
    const char *name = NULL;

    if (!json_object_has_member(params, "gang")) {
        return TRUE;
    }
    if (!json_read_string(params, "gang", "params", &name, error)) {
        return FALSE;
    }
    if (!g_hash_table_contains(agent->gangs, name)) {
        int joined = relay_folder_join_gang(agent->run_directory, name, error);

        if (joined < 0) {
            return FALSE;
        }
        g_hash_table_insert(agent->gangs, g_strdup(name), GINT_TO_POINTER(joined));
    }
    *fd = GPOINTER_TO_INT(g_hash_table_lookup(agent->gangs, name));
    *path = g_build_filename(agent->run_directory, name, NULL);
    return TRUE;
}

static GPtrArray *command_of(const Agent *agent, JsonObject *params, const char *path, const char *gang_path,
                             uid_t owner, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    const char *side = NULL;
    const char *address = NULL;
    gboolean is_source;

    if (!json_read_string(params, "side", "params", &side, error)) {
        return NULL;
    }
    is_source = g_str_equal(side, "source");
    if (!is_source && !g_str_equal(side, "destination")) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "params: side is 'source' or 'destination', not '%s'", side);
        return NULL;
    }
    if (!json_read_string(params, is_source ? "peer" : "listen", "params", &address, error)) {
        return NULL;
    }
    g_ptr_array_add(words, g_strdup(agent->relay_program));
    g_ptr_array_add(words, g_strdup("relay"));
    g_ptr_array_add(words, g_strdup(side));
    g_ptr_array_add(words, g_strdup_printf("--socket=%s/vm.sock", path));
    g_ptr_array_add(words, g_strdup_printf("%s=%s", is_source ? "--peer" : "--listen", address));
    g_ptr_array_add(words, g_strdup("--key-file=-"));
    if (is_source && owner != geteuid()) {
        g_autofree char *name = user_name(owner);

        g_ptr_array_add(words, g_strdup_printf("--socket-owner=%s", name));
    }
    if (gang_path) {
        g_ptr_array_add(words, g_strdup_printf("--gang-directory=%s", gang_path));
    }
    if (!add_arguments(words, params, error)) {
        return NULL;
    }
    g_ptr_array_add(words, NULL);
    return g_steal_pointer(&words);
}

/* 'gang_fd' -1: of no gang. */
static GSubprocess *spawn(const GPtrArray *words, int lock_fd, int gang_fd, GError **error)
{
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
    g_autoptr(GError) cause = NULL;
    GSubprocess *process;

    g_subprocess_launcher_set_child_setup(launcher, leave_agent, NULL, NULL);
    g_subprocess_launcher_take_fd(launcher, dup(lock_fd), LOCK_TARGET_FD);
    if (gang_fd >= 0) {
        g_subprocess_launcher_take_fd(launcher, dup(gang_fd), GANG_TARGET_FD);
    }
    process = g_subprocess_launcher_spawnv(launcher, (const char *const *)words->pdata, &cause);
    if (!process) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "the relay cannot be started: %s", cause->message);
    }
    return process;
}

static void listen_to(AgentRelay *relay)
{
    GInputStream *output = g_subprocess_get_stdout_pipe(relay->process);
    GInputStream *errors = g_subprocess_get_stderr_pipe(relay->process);
    GOutputStream *input = g_subprocess_get_stdin_pipe(relay->process);

    relay->output =
        line_reader_new(g_unix_input_stream_get_fd(G_UNIX_INPUT_STREAM(output)), on_said, on_pipe_end, relay);
    relay->errors =
        line_reader_new(g_unix_input_stream_get_fd(G_UNIX_INPUT_STREAM(errors)), on_complaint, on_pipe_end, relay);
    relay->input = line_writer_new(g_unix_output_stream_get_fd(G_UNIX_OUTPUT_STREAM(input)));
    g_subprocess_wait_async(relay->process, NULL, on_relay_ended, relay);
}

static void answer_started(AgentRelay *relay)
{
    g_autofree char *socket = g_build_filename(relay->path, "vm.sock", NULL);
    JsonBuilder *builder = agent_message(relay->id);

    json_builder_set_member_name(builder, "result");
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "socket", socket);
    json_builder_end_object(builder);
    agent_send(relay->agent, builder);
}

/* Takes 'path' and 'lock_fd', which the relay alone holds from now on. */
static AgentRelay *start(Agent *agent, guint64 id, JsonObject *params, char *path, int lock_fd, uid_t owner,
                         GError **error)
{
    g_autofree char *gang_path = NULL;
    int gang_fd = -1;
    g_autoptr(GPtrArray) words = join_gang(agent, params, &gang_fd, &gang_path, error)
                                     ? command_of(agent, params, path, gang_path, owner, error)
                                     : NULL;
    GSubprocess *process = words ? spawn(words, lock_fd, gang_fd, error) : NULL;
    AgentRelay *relay;

    close(lock_fd);
    if (!process) {
        relay_folder_remove(path);
        g_free(path);
        return NULL;
    }
    relay = g_new0(AgentRelay, 1);
    relay->agent = agent;
    relay->id = id;
    relay->path = path;
    relay->process = process;
    return relay;
}

static gboolean key_is_right(const char *key, GError **error)
{
    if (strlen(key) == KEY_DIGITS && strspn(key, "0123456789abcdef") == KEY_DIGITS) {
        return TRUE;
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "params: key must be %d hexadecimal digits", KEY_DIGITS);
    return FALSE;
}

gboolean agent_relay_start(Agent *agent, guint64 id, JsonObject *params, GError **error)
{
    const char *name = NULL;
    const char *uuid = NULL;
    const char *key = NULL;
    int lock_fd = -1;
    uid_t owner;
    AgentRelay *relay;
    char *path;

    if (!json_read_string(params, "name", "params", &name, error) ||
        !json_read_string(params, "uuid", "params", &uuid, error) ||
        !json_read_string(params, "key", "params", &key, error) || !key_is_right(key, error) ||
        !memory_is_there(agent, params, error)) {
        return FALSE;
    }
    if (g_hash_table_contains(agent->relays, &id)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "id %" G_GUINT64_FORMAT " is a relay's already", id);
        return FALSE;
    }
    relay_folders_sweep(agent->run_directory);
    owner = geteuid() == 0 ? qemu_user(uuid) : geteuid();
    path = relay_folder_make(agent->run_directory, name, owner, &lock_fd, error);
    relay = path ? start(agent, id, params, path, lock_fd, owner, error) : NULL;
    if (!relay) {
        return FALSE;
    }
    g_hash_table_insert(agent->relays, &relay->id, relay);
    listen_to(relay);
    line_writer_add(relay->input, key);
    answer_started(relay);
    return TRUE;
}

/* ---- one that runs ---- */

static AgentRelay *relay_of(Agent *agent, JsonObject *params, GError **error)
{
    guint64 id = 0;
    AgentRelay *relay = NULL;

    if (json_read_uint(params, "relay", "params", &id, error)) {
        relay = g_hash_table_lookup(agent->relays, &id);
        if (!relay) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "there is no relay %" G_GUINT64_FORMAT, id);
        }
    }
    return relay;
}

static void answer_nothing(Agent *agent, guint64 id)
{
    JsonBuilder *builder = agent_message(id);

    json_builder_set_member_name(builder, "result");
    json_builder_begin_object(builder);
    json_builder_end_object(builder);
    agent_send(agent, builder);
}

gboolean agent_relay_command(Agent *agent, guint64 id, JsonObject *params, GError **error)
{
    AgentRelay *relay = relay_of(agent, params, error);
    JsonObject *command = NULL;

    if (!relay || !json_read_object(params, "command", "params", &command, error)) {
        return FALSE;
    }
    g_autofree char *line = json_to_text(json_object_get_member(params, "command"), FALSE);
    line_writer_add(relay->input, line);
    answer_nothing(agent, id);
    return TRUE;
}

gboolean agent_relay_forget(Agent *agent, guint64 id, JsonObject *params, GError **error)
{
    AgentRelay *relay = relay_of(agent, params, error);

    if (!relay) {
        return FALSE;
    }
    relay->is_forgotten = TRUE;
    if (!relay->is_connected) {
        g_subprocess_send_signal(relay->process, SIGTERM);
    }
    answer_nothing(agent, id);
    return TRUE;
}

static void close_gang(gpointer data)
{
    close(GPOINTER_TO_INT(data));
}

void agent_relays_init(Agent *agent)
{
    agent->gangs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_gang);
    agent->relays = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, agent_relay_free);
    relay_folders_sweep(agent->run_directory);
}

void agent_relays_leave(Agent *agent)
{
    GHashTableIter iter;
    gpointer value = NULL;

    g_hash_table_iter_init(&iter, agent->relays);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        AgentRelay *relay = value;

        if (!relay->is_connected) {
            g_subprocess_force_exit(relay->process);
            relay_folder_remove(relay->path);
        }
    }
    g_hash_table_unref(agent->relays);
    if (g_hash_table_size(agent->gangs) > 0) {
        g_hash_table_remove_all(agent->gangs);
        relay_folders_sweep(agent->run_directory);
    }
    g_hash_table_unref(agent->gangs);
}
