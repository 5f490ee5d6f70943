/* SPDX-License-Identifier: Apache-2.0
 *
 * Tables 1 and 2 and bars of figures 6 and 7 on standard output, the paper's values beside ours. */
#include "paper.h"

#include <math.h>
#include <stdio.h>

#define BAR_COLUMNS 44

static char *choices_text(GHashTable *algorithms, guint runs)
{
    GString *text = g_string_new(NULL);
    GHashTableIter iter;
    gpointer name = NULL;
    gpointer count = NULL;

    g_hash_table_iter_init(&iter, algorithms);
    while (g_hash_table_iter_next(&iter, &name, &count)) {
        g_string_append_printf(text, "%s%s %u/%u", text->len ? ", " : "", (char *)name, GPOINTER_TO_UINT(count), runs);
    }
    return g_string_free(text, FALSE);
}

static void print_table_1(const Paper *paper)
{
    printf("\nTable 1. Classes and choices in the adaptive runs (%u)\n", paper->runs);
    printf("  %-5s %-8s %-28s | %-8s %s\n", "VM", "class", "algorithm", "paper", "paper");
    for (int i = 0; i < PAPER_VMS; i++) {
        const VmFigures *vm = &paper->schemes[SCHEME_ADAPTIVE].vms[i];
        g_autofree char *choices = choices_text(vm->algorithms, paper->runs);

        printf("  %-5s %-8s %-28s | %-8s %s\n", vm->name, most_frequent(vm->classes), choices, PAPER_CLASSES[i],
               PAPER_CHOICES[i]);
    }
}

static void print_row(const char *name, const Paper *paper, gsize offset, double scale, const double *papers)
{
    printf("  %-34s", name);
    for (int scheme = 0; scheme < SCHEMES; scheme++) {
        const Figure *figure = G_STRUCT_MEMBER_P(&paper->schemes[scheme], offset);

        printf(" %11.1f", figure_median(figure) * scale);
    }
    printf("  |");
    for (int scheme = 0; scheme < SCHEMES; scheme++) {
        if (papers) {
            printf(" %10.0f", papers[scheme]);
        } else {
            printf(" %10s", "-");
        }
    }
    printf("\n");
}

static void print_table_2(const Paper *paper)
{
    double times[SCHEMES];
    double downtimes[SCHEMES];
    double products[SCHEMES];

    for (int i = 0; i < SCHEMES; i++) {
        times[i] = PAPER_TABLE_2[i].total_time_s;
        downtimes[i] = PAPER_TABLE_2[i].total_downtime_ms;
        products[i] = PAPER_TABLE_2[i].time_product;
    }
    printf("\nTable 2. The gang as a whole (medians of %u runs)%*s| the paper\n", paper->runs, 23, "");
    printf("  %-34s %11s %11s %11s  | %10s %10s %10s\n", "", "pre-copy", "post-copy", "adaptive", "pre-copy",
           "post-copy", "adaptive");
    print_row("total time (s, longest VM)", paper, G_STRUCT_OFFSET(SchemeFigures, total_time_s), 1, times);
    print_row("total downtime (ms, guests' gaps)", paper, G_STRUCT_OFFSET(SchemeFigures, total_downtime_ms), 1,
              downtimes);
    print_row("time product (s x ms)", paper, G_STRUCT_OFFSET(SchemeFigures, time_product), 1, products);
    print_row("total downtime (ms, libvirt's word)", paper, G_STRUCT_OFFSET(SchemeFigures, libvirt_downtime_ms), 1,
              NULL);
    print_row("bytes moved (MiB)", paper, G_STRUCT_OFFSET(SchemeFigures, bytes), 1.0 / 1048576, NULL);
    print_row("guests' work lost (s)", paper, G_STRUCT_OFFSET(SchemeFigures, work_lost_s), 1, NULL);
}

static void print_bars(const Paper *paper, const char *title, gsize offset, const char *unit)
{
    double largest = 0;

    for (int scheme = 0; scheme < SCHEMES; scheme++) {
        for (int vm = 0; vm < PAPER_VMS; vm++) {
            double median = figure_median(G_STRUCT_MEMBER_P(&paper->schemes[scheme].vms[vm], offset));
            largest = isnan(median) ? largest : MAX(largest, median);
        }
    }
    printf("\n%s\n", title);
    for (int vm = 0; vm < PAPER_VMS; vm++) {
        for (int scheme = 0; scheme < SCHEMES; scheme++) {
            double median = figure_median(G_STRUCT_MEMBER_P(&paper->schemes[scheme].vms[vm], offset));
            int columns = largest > 0 && median > 0 ? (int)(median / largest * BAR_COLUMNS + 0.5) : 0;
            g_autofree char *bar = g_strnfill((gsize)columns, '#');

            printf("  %-5s %-10s %-*s %.1f %s\n", scheme == 0 ? paper->schemes[0].vms[vm].name : "",
                   SCHEME_NAMES[scheme], BAR_COLUMNS, bar, median, unit);
        }
    }
}

static void print_claims(const Paper *paper)
{
    double pre = figure_median(&paper->schemes[SCHEME_PRE_COPY].total_time_s);
    double post = figure_median(&paper->schemes[SCHEME_POST_COPY].total_time_s);
    double adaptive = figure_median(&paper->schemes[SCHEME_ADAPTIVE].total_time_s);
    double product = figure_median(&paper->schemes[SCHEME_ADAPTIVE].time_product);
    gboolean is_least = product <= figure_median(&paper->schemes[SCHEME_PRE_COPY].time_product) &&
                        product <= figure_median(&paper->schemes[SCHEME_POST_COPY].time_product);

    printf("\nadaptive against pre-copy: total time %+.0f %% (paper -68 %%); against post-copy: %+.0f %% (paper -47 %%)\n",
           (adaptive / pre - 1) * 100, (adaptive / post - 1) * 100);
    printf("least time product: %s (paper: adaptive)\n", is_least ? "adaptive" : "not adaptive");
    printf("pre-copies that did not converge and were forced at the limit: %u of %u\n",
           paper->schemes[SCHEME_PRE_COPY].forced, paper->runs * PAPER_VMS);
}

void paper_print(const Paper *paper)
{
    print_table_1(paper);
    print_table_2(paper);
    print_bars(paper, "Figure 6. Total time of each VM (s)", G_STRUCT_OFFSET(VmFigures, total_time_s), "s");
    print_bars(paper, "Figure 7. Downtime of each VM (ms, the guest's own longest gap)",
               G_STRUCT_OFFSET(VmFigures, guest_gap_ms), "ms");
    print_bars(paper, "Work lost by each guest (s)", G_STRUCT_OFFSET(VmFigures, work_lost_s), "s");
    print_claims(paper);
}
