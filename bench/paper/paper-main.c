/* SPDX-License-Identifier: Apache-2.0
 *
 * paper RUN_DIRECTORY RUNS MACHINE_JSON OUT_DIRECTORY
 *
 * Reads the runs that bench/paper/run made, prints the tables and writes paper.json and the figures.  Exit status 1
 * when the paper's claims do not hold here: adaptive must take at most half of pre-copy's total time and have the least
 * time product of the three. */
#include "paper.h"
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

static gboolean claims_hold(const Paper *paper)
{
    const SchemeFigures *pre = &paper->schemes[SCHEME_PRE_COPY];
    const SchemeFigures *post = &paper->schemes[SCHEME_POST_COPY];
    const SchemeFigures *adaptive = &paper->schemes[SCHEME_ADAPTIVE];
    double product = figure_median(&adaptive->time_product);

    return figure_median(&adaptive->total_time_s) <= 0.5 * figure_median(&pre->total_time_s) &&
           product <= figure_median(&pre->time_product) && product <= figure_median(&post->time_product);
}

int main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;
    Paper *paper = g_new0(Paper, 1);

    if (argc != 5) {
        fprintf(stderr, "usage: paper RUN_DIRECTORY RUNS MACHINE_JSON OUT_DIRECTORY\n");
        return 2;
    }
    guint runs = (guint)CLAMP(atoi(argv[2]), 1, PAPER_RUNS_MAX);
    g_autoptr(JsonNode) machine = json_from_string(argv[3], &error);
    g_autofree char *path = g_build_filename(argv[4], "paper.json", NULL);

    if (!machine || !paper_read(paper, argv[1], runs, &error) || !paper_write_json(paper, machine, path, &error) ||
        !paper_write_svg(paper, argv[4], &error)) {
        fprintf(stderr, "paper: %s\n", error ? error->message : "the machine's description is empty");
        return 1;
    }
    paper_print(paper);
    printf("written: %s, figure6.svg, figure7.svg, work-lost.svg beside it\n", path);
    return claims_hold(paper) ? 0 : 1;
}
