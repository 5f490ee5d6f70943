/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit relay: one end of the pair of relays that carries one migration.  Here are the command line, the key and the commands on standard
 * input; everything else is in wire/. */
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/cli-options.h"
#include "cli/verbs.h"
#include "model/relay-figures.h"
#include "wire/gang-store.h"
#include "wire/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMAND_BYTES_MAX 4096

static const CliSpec SPEC = {
    .verb = "relay",
    .usage = "source|destination --socket PATH --key-file FILE --ram SIZE (--peer|--listen) HOST:PORT | choose ...",
    .summary = "Carries one migration between two QEMUs and sends only what has changed inside pages",
    .details =
        "Controllers start relays by their agents; by hand it is for trying things out.  The source relay listens on a socket to which QEMU "
        "migrates (migrate unix:PATH, with return-path), the destination relay connects to the socket on which the other QEMU "
        "waits (-incoming unix:PATH).  Between them is one TLS connection for each connection of QEMU.\n"
        "It tells how things are as JSON lines on standard output, on a terminal as one line that is drawn again, and takes commands as JSON "
        "lines on standard input: {\"command\": \"rate\", \"bytes_per_s\": N}, {\"command\": \"downtime-limit\", \"ms\": N}, "
        "{\"command\": \"abort\"}, {\"command\": \"status\"}.  When that ends, a relay that is connected goes on by itself.\n"
        "Whether it would pay says 'godwit relay choose', which has a --help of its own.",
    .groups = CLI_GROUP_RELAY | CLI_GROUP_OUTPUT,
};

/* ---- the key ---- */

/* The first line of 'fd', byte by byte: what follows it is for somebody else. */
static gboolean read_line(int fd, char *line, gsize line_bytes, GError **error)
{
    gsize length = 0;
    char byte = 0;
    ssize_t got = 0;

    while (length + 1 < line_bytes && ((got = read(fd, &byte, 1)) == 1 || (got < 0 && errno == EINTR))) {
        if (got == 1 && byte == '\n') {
            break;
        }
        if (got == 1) {
            line[length++] = byte;
        }
    }
    line[length] = '\0';
    if (got < 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s", g_strerror(errno));
    }
    return got >= 0;
}

static gboolean parse_key(char *line, guint8 key[WIRE_PSK_BYTES], GError **error)
{
    gboolean is_key = strlen(g_strchomp(line)) == 2 * WIRE_PSK_BYTES;

    for (guint i = 0; is_key && i < WIRE_PSK_BYTES; i++) {
        int high = g_ascii_xdigit_value(line[2 * i]);
        int low = g_ascii_xdigit_value(line[2 * i + 1]);

        is_key = high >= 0 && low >= 0;
        key[i] = (guint8)(high << 4 | low);
    }
    if (!is_key) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "a key is %d hexadecimal digits", 2 * WIRE_PSK_BYTES);
    }
    return is_key;
}

/* A file that others may read holds no secret. */
static int open_key(const char *path, GError **error)
{
    struct stat about;

    if (g_str_equal(path, "-")) {
        return STDIN_FILENO;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 || fstat(fd, &about) != 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s", g_strerror(errno));
    } else if (about.st_mode & (S_IRWXG | S_IRWXO)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "others may read it (mode %03o); make it 0600, with a new key",
                    about.st_mode & 0777);
    } else {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static gboolean read_key(const char *path, guint8 key[WIRE_PSK_BYTES], GError **error)
{
    char line[4 * WIRE_PSK_BYTES];
    int fd = open_key(path, error);
    gboolean is_read = fd >= 0 && read_line(fd, line, sizeof(line), error) && parse_key(line, key, error);

    if (fd > STDIN_FILENO) {
        close(fd);
    }
    explicit_bzero(line, sizeof(line));
    if (!is_read) {
        g_prefix_error(error, "key %s: ", path);
    }
    return is_read;
}

/* ---- the configuration ---- */

G_STATIC_ASSERT(RELAY_GANG_STORE_BYTES == WIRE_GANG_BYTES_MAX);

/* The first relay of a gang at a destination makes its store, which the others then find gone from what is free. */
static guint64 store_to_come_bytes(const RelayConfig *config)
{
    g_autofree char *store = config->gang_directory ? g_build_filename(config->gang_directory, GANG_STORE_DESTINATION, NULL) : NULL;

    return store && config->side == RELAY_DESTINATION && !g_file_test(store, G_FILE_TEST_EXISTS) ? WIRE_GANG_BYTES_MAX : 0;
}

/* Half of what the host says it could give away. */
static guint64 memory_bytes_allowed(const RelayConfig *config)
{
    guint64 store_bytes = store_to_come_bytes(config);
    guint64 available_bytes;
    g_autofree char *text = NULL;
    const char *found = NULL;

    if (!g_file_get_contents("/proc/meminfo", &text, NULL, NULL) || !(found = strstr(text, "MemAvailable:"))) {
        return G_MAXUINT64;
    }
    available_bytes = g_ascii_strtoull(found + strlen("MemAvailable:"), NULL, 10) * KIB;
    return available_bytes > store_bytes ? (available_bytes - store_bytes) / 2 : 0;
}

/* A guest has at most as much. */
static guint64 host_memory_bytes(void)
{
    return (guint64)sysconf(_SC_PHYS_PAGES) * (guint64)sysconf(_SC_PAGESIZE);
}

static void configure_encode(RelayConfig *config, const CliRelay *cli)
{
    SrcEncodeConfig *encode = &config->encode;

    src_encode_config_init(encode, cli->ram_bytes > 0 ? cli->ram_bytes : host_memory_bytes());
    encode->page_bytes = cli->page_bytes;
    encode->page_memory = cli->is_hash_memory ? WIRE_PAGE_MEMORY_HASH : WIRE_PAGE_MEMORY_FULL;
    encode->segments_max = cli->segments_max;
    if (cli->has_filters) {
        encode->filters = cli->filters;
    } else if (cli->gang_directory) {
        encode->filters |= WIRE_FILTER_SHARED;
    }
    if (cli->has_gap_merge) {
        encode->gap_merge_bytes = cli->gap_merge_bytes;
    }
    if (cli->memory_bytes > 0) {
        encode->memory_bytes_max = cli->memory_bytes;
    }
    encode->memory_bytes_max = MIN(encode->memory_bytes_max, memory_bytes_allowed(config));
    if (!cli->has_page_memory) {
        src_encode_config_fit(encode);
    }
    if (cli->hash_block_bytes > 0) {
        encode->hash_block_bytes = cli->hash_block_bytes;
    }
    if (getrandom(encode->hash_key, sizeof(encode->hash_key), 0) != sizeof(encode->hash_key)) {
        g_error("the kernel has no random numbers");
    }
}

static void configure(RelayConfig *config, const CliRelay *cli)
{
    config->socket_path = cli->socket_path;
    config->socket_owner = cli->socket_owner;
    config->address = config->side == RELAY_SOURCE ? cli->peer : cli->listen;
    config->gang_directory = cli->gang_directory;
    config->vm = cli->vm ? cli->vm : "";
    config->parse.capabilities = cli->capabilities;
    config->parse.page_bytes = cli->page_bytes;
    config->codec = cli->codec;
    config->threads = cli->threads;
    config->rate_bytes_per_s = cli->rate_bytes_per_s;
    config->governor.link_bytes_per_s = (double)cli->link_bytes_per_s;
    config->governor.downtime_limit_s = (double)cli->downtime_limit_ns / NS_PER_S;
    config->abort_on_overrun = !cli->finishes_on_overrun;
    config->watchdog_s = (double)cli->watchdog_ns / NS_PER_S;
    config->accept_timeout_s = (double)cli->accept_timeout_ns / NS_PER_S;
    config->events_fd = STDOUT_FILENO;
    configure_encode(config, cli);
}

/* What is missing or does not fit together; NULL: nothing. */
static const char *find_mistake(const CliOptions *options)
{
    const CliRelay *cli = &options->relay;
    const char *side = options->arguments->len > 0 ? g_ptr_array_index(options->arguments, 0) : "";
    gboolean is_source = g_str_equal(side, "source");

    if (!is_source && !g_str_equal(side, "destination")) {
        return "which end, source or destination?  Or choose";
    }
    if (options->arguments->len > 1) {
        return "one end at a time";
    }
    if (!cli->socket_path) {
        return "where is QEMU's socket (--socket)?";
    }
    if (!cli->key_path) {
        return "which key (--key-file)?";
    }
    if (is_source && cli->ram_bytes == 0) {
        return "how much memory has the guest (--ram)?";
    }
    if (is_source && (cli->listen || !cli->peer)) {
        return "the source needs --peer, and only that: where the other relay listens";
    }
    if (!is_source && (cli->peer || !cli->listen)) {
        return "the destination needs --listen, and only that: where it waits for the other relay";
    }
    return NULL;
}

/* ---- commands ---- */

typedef struct Commands {
    Relay *relay;
    int stop_fd;   /* of a pipe: nothing more is wanted */
    int signal_fd; /* SIGINT, SIGTERM */
    char line[COMMAND_BYTES_MAX];
    gsize line_bytes;
} Commands;

static gboolean run_command(Relay *relay, const char *text, GError **error)
{
    const char *name = NULL;
    double number = 0;
    g_autoptr(JsonObject) object = json_parse_object(text, -1, "command", error);

    if (!object || !json_read_string(object, "command", "command", &name, error)) {
        return FALSE;
    }
    if (g_str_equal(name, "rate")) {
        guint64 bytes_per_s = 0;

        if (!json_read_uint(object, "bytes_per_s", "command rate", &bytes_per_s, error)) {
            return FALSE;
        }
        relay_set_pace(relay, bytes_per_s);
    } else if (g_str_equal(name, "downtime-limit")) {
        if (!json_read_double(object, "ms", "command downtime-limit", &number, error)) {
            return FALSE;
        }
        relay_set_downtime_limit(relay, number / 1e3);
    } else if (g_str_equal(name, "abort")) {
        relay_abort(relay, "asked to give up");
    } else if (g_str_equal(name, "status")) {
        relay_ask_status(relay);
    } else {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "command '%s' is none of: rate, downtime-limit, abort, status", name);
        return FALSE;
    }
    return TRUE;
}

static void run_lines(Commands *commands)
{
    char *newline = NULL;

    while ((newline = memchr(commands->line, '\n', commands->line_bytes))) {
        g_autoptr(GError) error = NULL;
        gsize used = (gsize)(newline - commands->line) + 1;

        *newline = '\0';
        if (commands->line[0] && !run_command(commands->relay, commands->line, &error)) {
            fprintf(stderr, "godwit relay: %s\n", error->message);
        }
        memmove(commands->line, commands->line + used, commands->line_bytes - used);
        commands->line_bytes -= used;
    }
    if (commands->line_bytes == sizeof(commands->line)) {
        fprintf(stderr, "godwit relay: a command is longer than %d bytes: it is dropped\n", COMMAND_BYTES_MAX);
        commands->line_bytes = 0;
    }
}

/* FALSE: standard input has ended. */
static gboolean read_commands(Commands *commands)
{
    ssize_t got = read(STDIN_FILENO, commands->line + commands->line_bytes, sizeof(commands->line) - commands->line_bytes);

    if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
        return TRUE;
    }
    if (got <= 0) {
        return FALSE;
    }
    commands->line_bytes += (gsize)got;
    run_lines(commands);
    return TRUE;
}

static gpointer commands_main(gpointer argument)
{
    Commands *commands = argument;
    struct pollfd fds[3] = {{.fd = commands->stop_fd, .events = POLLIN},
                            {.fd = commands->signal_fd, .events = POLLIN},
                            {.fd = STDIN_FILENO, .events = POLLIN}};

    while (poll(fds, G_N_ELEMENTS(fds), -1) >= 0 || errno == EINTR) {
        struct signalfd_siginfo info;

        if (fds[0].revents) {
            break;
        }
        if (fds[1].revents && read(commands->signal_fd, &info, sizeof(info)) == sizeof(info)) {
            relay_abort(commands->relay, "interrupted by a signal");
        }
        if (fds[2].revents && !read_commands(commands)) {
            relay_commands_closed(commands->relay);
            fds[2].fd = -1;
        }
    }
    return NULL;
}

static int run_relay(Relay *relay, int signal_fd)
{
    Commands commands = {.relay = relay, .signal_fd = signal_fd};
    int stop_fds[2] = {-1, -1};

    if (pipe2(stop_fds, O_CLOEXEC) != 0) {
        perror("godwit relay: pipe");
        return 1;
    }
    commands.stop_fd = stop_fds[0];
    GThread *thread = g_thread_new("commands", commands_main, &commands);
    int status = relay_run(relay);
    close(stop_fds[1]);
    g_thread_join(thread);
    close(stop_fds[0]);
    if (status != 0) {
        fprintf(stderr, "godwit relay: %s\n", relay_reason(relay));
    }
    return status == 0 ? 0 : 1;
}

/* Threads that are made from now on leave these signals to the one that reads commands. */
static int take_signals(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int cmd_relay(int argc, char **argv)
{
    int status = 0;

    if (argc > 1 && g_str_equal(argv[1], "choose")) {
        return cmd_relay_choose(argc, argv);
    }
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);
    g_autoptr(GError) error = NULL;
    char message[RELAY_MESSAGE_BYTES] = "";
    RelayConfig config;
    Relay *relay = NULL;

    if (!options) {
        return status;
    }
    const char *mistake = find_mistake(options);
    if (mistake) {
        return cli_usage_error(&SPEC, "%s", mistake);
    }
    relay_config_init(&config, g_str_equal(g_ptr_array_index(options->arguments, 0), "source") ? RELAY_SOURCE
                                                                                                   : RELAY_DESTINATION);
    configure(&config, &options->relay);
    config.for_people = isatty(STDOUT_FILENO) && !options->is_json;
    if (!read_key(options->relay.key_path, config.key, &error)) {
        return cli_failure(&SPEC, error);
    }
    int signal_fd = take_signals();
    if (relay_new(&relay, &config, message) == 0) {
        status = run_relay(relay, signal_fd);
    } else {
        fprintf(stderr, "godwit relay: %s\n", message);
        status = 1;
    }
    relay_free(relay);
    explicit_bzero(config.key, sizeof(config.key));
    close(signal_fd);
    return status;
}
