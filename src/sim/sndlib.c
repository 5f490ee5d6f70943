/* SPDX-License-Identifier: Apache-2.0
 *
 * Reader of SNDlib's native format; see sndlib.h.
 *
 * The text is words and parentheses; line ends mean nothing except that they end a comment, and that META is free text
 * up to a line that is a closing parenthesis. */
#include "sim/sndlib.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

#define FIRST_LINE "?SNDlib native format"

typedef struct Reader {
    const char *what;
    const char *at;
    guint line;      /* of 'at' */
    guint word_line; /* of 'word' */
    GString *word;   /* the word that comes next; "" at the end of the text */
    Sndlib *sndlib;
    GHashTable *nodes; /* name → index + 1 */
    GHashTable *seen;  /* "section name" */
} Reader;

static gboolean fail(const Reader *reader, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean fail(const Reader *reader, GError **error, const char *format, ...)
{
    g_autofree char *message = NULL;
    va_list arguments;

    va_start(arguments, format);
    message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: line %u: %s", reader->what, reader->word_line, message);
    return FALSE;
}

static void skip_line(Reader *reader)
{
    reader->at += strcspn(reader->at, "\n");
}

static void skip_blanks(Reader *reader)
{
    while (g_ascii_isspace(*reader->at) || *reader->at == '#') {
        if (*reader->at == '#') {
            skip_line(reader);
        } else {
            reader->line += *reader->at++ == '\n';
        }
    }
}

static gboolean is_parenthesis(char c)
{
    return c == '(' || c == ')';
}

/* Reads the next word into reader->word. */
static void next(Reader *reader)
{
    skip_blanks(reader);
    g_string_truncate(reader->word, 0);
    reader->word_line = reader->line;
    if (is_parenthesis(*reader->at)) {
        g_string_append_c(reader->word, *reader->at++);
        return;
    }
    while (*reader->at && !g_ascii_isspace(*reader->at) && !is_parenthesis(*reader->at)) {
        g_string_append_c(reader->word, *reader->at++);
    }
}

static gboolean is_next(const Reader *reader, const char *word)
{
    return g_str_equal(reader->word->str, word);
}

/* How an error names the word that comes next. */
static char *quoted(const Reader *reader)
{
    return reader->word->len ? g_strdup_printf("'%s'", reader->word->str) : g_strdup("the end of the file");
}

static gboolean expect(Reader *reader, const char *word, GError **error)
{
    g_autofree char *found = quoted(reader);

    if (!is_next(reader, word)) {
        return fail(reader, error, "'%s' is wanted, here is %s", word, found);
    }
    next(reader);
    return TRUE;
}

static gboolean read_name(Reader *reader, const char *noun, char **name, GError **error)
{
    g_autofree char *found = quoted(reader);

    if (!reader->word->len || is_parenthesis(reader->word->str[0])) {
        return fail(reader, error, "a %s is wanted, here is %s", noun, found);
    }
    *name = g_strdup(reader->word->str);
    next(reader);
    return TRUE;
}

static gboolean read_number(Reader *reader, const char *noun, double low, double *number, GError **error)
{
    g_autofree char *found = quoted(reader);
    char *end = NULL;

    *number = g_ascii_strtod(reader->word->str, &end);
    if (!reader->word->len || *end || !isfinite(*number)) {
        return fail(reader, error, "a number is wanted for the %s, here is %s", noun, found);
    }
    if (*number < low) {
        return fail(reader, error, "the %s is %s; it must be %g or more", noun, found, low);
    }
    next(reader);
    return TRUE;
}

/* Every thing of a section has a name of its own. */
static gboolean take_name(Reader *reader, const char *noun, const char *name, guint line, GError **error)
{
    if (!g_hash_table_add(reader->seen, g_strconcat(noun, " ", name, NULL))) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: line %u: there is a %s '%s' already", reader->what,
                    line, noun, name);
        return FALSE;
    }
    return TRUE;
}

static gboolean read_node_name(Reader *reader, guint *node, GError **error)
{
    guint index = GPOINTER_TO_UINT(g_hash_table_lookup(reader->nodes, reader->word->str));

    if (index == 0) {
        g_autofree char *found = quoted(reader);

        return fail(reader, error, "there is no node %s", found);
    }
    *node = index - 1;
    next(reader);
    return TRUE;
}

/* "( SRC DST )", two different nodes. */
static gboolean read_ends(Reader *reader, guint ends[2], GError **error)
{
    if (!expect(reader, "(", error) || !read_node_name(reader, &ends[0], error) ||
        !read_node_name(reader, &ends[1], error)) {
        return FALSE;
    }
    if (ends[0] == ends[1]) {
        return fail(reader, error, "from '%s' to itself",
                    g_array_index(reader->sndlib->nodes, SndlibNode, ends[0]).name);
    }
    return expect(reader, ")", error);
}

/* NAME [ ( LONGITUDE LATITUDE ) ] */
static gboolean read_node(Reader *reader, GError **error)
{
    SndlibNode node = {0};
    guint line = reader->word_line;

    if (!read_name(reader, "node", &node.name, error)) {
        return FALSE;
    }
    g_array_append_val(reader->sndlib->nodes, node); /* owns the name, whatever comes now */
    SndlibNode *kept = &g_array_index(reader->sndlib->nodes, SndlibNode, reader->sndlib->nodes->len - 1);
    if (!take_name(reader, "node", kept->name, line, error)) {
        return FALSE;
    }
    g_hash_table_insert(reader->nodes, kept->name, GUINT_TO_POINTER(reader->sndlib->nodes->len));
    if (!is_next(reader, "(")) {
        return TRUE;
    }
    next(reader);
    return read_number(reader, "longitude", -INFINITY, &kept->longitude, error) &&
           read_number(reader, "latitude", -INFINITY, &kept->latitude, error) && expect(reader, ")", error);
}

/* ( { CAPACITY COST } ) */
static gboolean read_modules(Reader *reader, double *largest, GError **error)
{
    if (!expect(reader, "(", error)) {
        return FALSE;
    }
    while (!is_next(reader, ")")) {
        double capacity = 0, cost = 0;

        if (!read_number(reader, "module's capacity", 0, &capacity, error) ||
            !read_number(reader, "module's cost", 0, &cost, error)) {
            return FALSE;
        }
        *largest = fmax(*largest, capacity);
    }
    next(reader);
    return TRUE;
}

/* NAME ( SRC DST ) INSTALLED INSTALLED_COST ROUTING_COST SETUP_COST ( { CAPACITY COST } ) */
static gboolean read_link(Reader *reader, GError **error)
{
    SndlibLink link = {0};
    double cost = 0;
    guint line = reader->word_line;

    if (!read_name(reader, "link", &link.name, error)) {
        return FALSE;
    }
    g_array_append_val(reader->sndlib->links, link);
    SndlibLink *kept = &g_array_index(reader->sndlib->links, SndlibLink, reader->sndlib->links->len - 1);
    return take_name(reader, "link", kept->name, line, error) && read_ends(reader, kept->ends, error) &&
           read_number(reader, "pre-installed capacity", 0, &kept->installed, error) &&
           read_number(reader, "cost of the pre-installed capacity", 0, &cost, error) &&
           read_number(reader, "routing cost", 0, &cost, error) && read_number(reader, "setup cost", 0, &cost, error) &&
           read_modules(reader, &kept->module, error);
}

/* NAME ( SRC DST ) ROUTING_UNIT VALUE MAX_PATH_LENGTH|UNLIMITED */
static gboolean read_demand(Reader *reader, GError **error)
{
    SndlibDemand demand = {0};
    guint ends[2] = {0, 0};
    guint line = reader->word_line;
    double unused = 0;

    if (!read_name(reader, "demand", &demand.name, error)) {
        return FALSE;
    }
    g_array_append_val(reader->sndlib->demands, demand);
    SndlibDemand *kept = &g_array_index(reader->sndlib->demands, SndlibDemand, reader->sndlib->demands->len - 1);
    if (!take_name(reader, "demand", kept->name, line, error) || !read_ends(reader, ends, error) ||
        !read_number(reader, "routing unit", 0, &unused, error) ||
        !read_number(reader, "demand", 0, &kept->value, error)) {
        return FALSE;
    }
    kept->src = ends[0];
    kept->dst = ends[1];
    if (is_next(reader, "UNLIMITED")) {
        next(reader);
        return TRUE;
    }
    return read_number(reader, "longest path", 0, &unused, error);
}

/* META's text: up to a line that is a closing parenthesis. */
static gboolean pass_meta(Reader *reader, GError **error)
{
    while (*reader->at) {
        skip_line(reader);
        if (*reader->at == '\n') {
            reader->at++;
            reader->line++;
        }
        const char *first = reader->at + strspn(reader->at, " \t");
        if (*first == ')' && strspn(first + 1, " \t\r") == strcspn(first + 1, "\n")) {
            next(reader);
            return expect(reader, ")", error);
        }
    }
    return fail(reader, error, "META has no end: a line that is ')'");
}

/* Parentheses within parentheses, up to the one that closes the section. */
static gboolean pass_over(Reader *reader, GError **error)
{
    gint open = 1;

    for (next(reader); reader->word->len; next(reader)) {
        open += is_next(reader, "(") ? 1 : is_next(reader, ")") ? -1 : 0;
        if (open == 0) {
            next(reader);
            return TRUE;
        }
    }
    return fail(reader, error, "')' is wanted, here is the end of the file");
}

typedef struct Section {
    const char *name;
    gboolean (*read_item)(Reader *reader, GError **error); /* NULL: 'read_all' */
    gboolean (*read_all)(Reader *reader, GError **error);
} Section;

static const Section SECTIONS[] = {
    {"META", NULL, pass_meta},
    {"NODES", read_node, NULL},
    {"LINKS", read_link, NULL},
    {"DEMANDS", read_demand, NULL},
    {"ADMISSIBLE_PATHS", NULL, pass_over},
};

static const Section *find_section(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(SECTIONS); i++) {
        if (g_str_equal(SECTIONS[i].name, name)) {
            return &SECTIONS[i];
        }
    }
    return NULL;
}

static gboolean read_section(Reader *reader, GError **error)
{
    const Section *section = find_section(reader->word->str);
    g_autofree char *found = quoted(reader);

    if (!section) {
        return fail(reader, error, "META, NODES, LINKS, DEMANDS or ADMISSIBLE_PATHS is wanted, here is %s", found);
    }
    if (!take_name(reader, "section", section->name, reader->word_line, error)) {
        return FALSE;
    }
    next(reader);
    if (section->read_all) {
        g_autofree char *opening = quoted(reader);

        return is_next(reader, "(") ? section->read_all(reader, error)
                                    : fail(reader, error, "'(' is wanted, here is %s", opening);
    }
    if (!expect(reader, "(", error)) {
        return FALSE;
    }
    while (!is_next(reader, ")")) {
        if (!section->read_item(reader, error)) {
            return FALSE;
        }
    }
    next(reader);
    return TRUE;
}

static gboolean read_file(Reader *reader, GError **error)
{
    if (!g_str_has_prefix(reader->at, FIRST_LINE)) {
        return fail(reader, error, "this is not SNDlib's native format: its first line begins with '%s'", FIRST_LINE);
    }
    skip_line(reader);
    for (next(reader); reader->word->len;) {
        if (!read_section(reader, error)) {
            return FALSE;
        }
    }
    if (reader->sndlib->nodes->len == 0) {
        return fail(reader, error, "there are no NODES");
    }
    return TRUE;
}

static void clear_node(gpointer data)
{
    g_free(((SndlibNode *)data)->name);
}

static void clear_link(gpointer data)
{
    g_free(((SndlibLink *)data)->name);
}

static void clear_demand(gpointer data)
{
    g_free(((SndlibDemand *)data)->name);
}

static Sndlib *sndlib_new(void)
{
    Sndlib *sndlib = g_new0(Sndlib, 1);

    sndlib->nodes = g_array_new(FALSE, TRUE, sizeof(SndlibNode));
    sndlib->links = g_array_new(FALSE, TRUE, sizeof(SndlibLink));
    sndlib->demands = g_array_new(FALSE, TRUE, sizeof(SndlibDemand));
    g_array_set_clear_func(sndlib->nodes, clear_node);
    g_array_set_clear_func(sndlib->links, clear_link);
    g_array_set_clear_func(sndlib->demands, clear_demand);
    return sndlib;
}

void sndlib_free(Sndlib *sndlib)
{
    if (sndlib) {
        g_array_unref(sndlib->nodes);
        g_array_unref(sndlib->links);
        g_array_unref(sndlib->demands);
        g_free(sndlib);
    }
}

Sndlib *sndlib_parse(const char *text, const char *what, GError **error)
{
    g_autoptr(Sndlib) sndlib = sndlib_new();
    g_autoptr(GHashTable) nodes = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Reader reader = {.what = what,
                     .at = text,
                     .line = 1,
                     .word_line = 1,
                     .word = g_string_new(NULL),
                     .sndlib = sndlib,
                     .nodes = nodes,
                     .seen = seen};
    gboolean ok = read_file(&reader, error);

    g_string_free(reader.word, TRUE);
    return ok ? g_steal_pointer(&sndlib) : NULL;
}

Sndlib *sndlib_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        return NULL;
    }
    return sndlib_parse(text, path, error);
}

int sndlib_find_node(const Sndlib *sndlib, const char *name)
{
    for (guint i = 0; i < sndlib->nodes->len; i++) {
        if (g_str_equal(g_array_index(sndlib->nodes, SndlibNode, i).name, name)) {
            return (int)i;
        }
    }
    return -1;
}

Topology *sndlib_topology(const Sndlib *sndlib, guint hosts_per_node, double mib_per_s_per_unit,
                          double default_mib_per_s, GError **error)
{
    guint length = sndlib->links->len;
    g_autofree guint(*edges)[2] = g_malloc(MAX(length, 1) * sizeof *edges);
    g_autofree double *rates = g_new(double, MAX(length, 1));

    for (guint i = 0; i < length; i++) {
        const SndlibLink *link = &g_array_index(sndlib->links, SndlibLink, i);
        double capacity = link->installed + link->module;

        edges[i][0] = link->ends[0];
        edges[i][1] = link->ends[1];
        rates[i] = capacity > 0 ? capacity * mib_per_s_per_unit : default_mib_per_s;
    }
    return topology_graph(sndlib->nodes->len, (const guint(*)[2])edges, rates, length, hosts_per_node, error);
}
