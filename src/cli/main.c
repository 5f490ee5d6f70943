/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit: moves many virtual machines at once, each the way that suits it. */
#include "cli/verbs.h"

#include <glib.h>
#include <godwit-config.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

typedef struct Verb {
    const char *name;
    const char *line;
    int (*run)(int argc, char **argv);
} Verb;

static const Verb VERBS[] = {
    {"hosts", "the fleet and what runs where", cmd_hosts},
    {"watch", "live: how the VMs of a host touch their memory", cmd_watch},
    {"plan", "what evacuate or migrate would do, and nothing moved", cmd_plan},
    {"migrate", "move some VMs, or run a saved plan", cmd_migrate},
    {"evacuate", "empty a host", cmd_evacuate},
    {"rebalance", "even out load with few moves", cmd_rebalance},
    {"consolidate", "bring VMs together on the fewest hosts", cmd_consolidate},
    {"simulate", "a day of a simulated data centre, or many", cmd_simulate},
    {"relay", "one end of a migration that sends only what changed inside pages", cmd_relay},
    {"agent", "the helper that a controller starts on each host", cmd_agent},
};

static int print_help(void)
{
    printf("usage: godwit COMMAND [ARGUMENT...]\n\n"
           "Moves many virtual machines at once between libvirt hosts, each the way that suits it.\n\n");
    for (gsize i = 0; i < G_N_ELEMENTS(VERBS); i++) {
        printf("  %-11s %s\n", VERBS[i].name, VERBS[i].line);
    }
    printf("  %-11s %s\n", "help", "this text, or that of a command: godwit help COMMAND");
    printf("\n  --help     this text\n  --version  the version of godwit\n\n"
           "The manual begins at godwit(1).\n");
    return 0;
}

static int print_version(void)
{
    printf("godwit %s\n", GODWIT_VERSION);
    return 0;
}

static const Verb *find_verb(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(VERBS); i++) {
        if (g_str_equal(VERBS[i].name, name)) {
            return &VERBS[i];
        }
    }
    return NULL;
}

static int usage_error(const char *what, const char *name)
{
    fprintf(stderr, "godwit: %s%s%s%s; see 'godwit --help'\n", what, name ? " '" : "", name ? name : "",
            name ? "'" : "");
    return 2;
}

/* `godwit help [VERB]` is `godwit [VERB] --help`. */
static int help(int argc, char **argv)
{
    if (argc < 2) {
        return print_help();
    }
    const Verb *verb = find_verb(argv[1]);
    char *arguments[] = {argv[1], (char[]){"--help"}, NULL};

    return verb ? verb->run(2, arguments) : usage_error("there is no command", argv[1]);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        return usage_error("which command?", NULL);
    }
    if (g_str_equal(argv[1], "--help") || g_str_equal(argv[1], "-h")) {
        return print_help();
    }
    if (g_str_equal(argv[1], "--version")) {
        return print_version();
    }
    if (g_str_equal(argv[1], "help")) {
        return help(argc - 1, argv + 1);
    }
    const Verb *verb = find_verb(argv[1]);
    return verb ? verb->run(argc - 1, argv + 1) : usage_error("there is no command", argv[1]);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");  /* whether bars may be UTF-8; numbers stay as JSON and scripts want them */
    signal(SIGPIPE, SIG_IGN); /* a reader of ours that goes away must not end a migration */
    int status = run(argc, argv);

    if (fflush(stdout) != 0 && status == 0) {
        perror("godwit: standard output");
        status = 1;
    }
    return status;
}
