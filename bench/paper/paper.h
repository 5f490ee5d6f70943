/* SPDX-License-Identifier: Apache-2.0
 *
 * The experiment of seed 000, section 4: the figures of all runs, and what is made of them.
 *
 *     paper-runs.c    reads what `godwit evacuate --json` printed in each run and takes medians
 *     paper-json.c    build/bench/paper.json
 *     paper-print.c   tables 1 and 2 and bars of figures 6 and 7, the paper's values beside ours
 *     paper-svg.c     figures 6 and 7 as SVG
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#define PAPER_VMS 4
#define PAPER_RUNS_MAX 100

typedef enum Scheme { SCHEME_PRE_COPY, SCHEME_POST_COPY, SCHEME_ADAPTIVE, SCHEMES } Scheme;

extern const char *const SCHEME_NAMES[SCHEMES];

/* What the paper reports (table 2), and what can be derived from its text; -1 where it gives no value. */
typedef struct PaperValues {
    double total_time_s;
    double total_downtime_ms;
    double time_product;
} PaperValues;

extern const PaperValues PAPER_TABLE_2[SCHEMES];
extern const char *const PAPER_CLASSES[PAPER_VMS]; /* table 1 */
extern const char *const PAPER_CHOICES[PAPER_VMS];

/* One figure over all runs of a scheme.  NAN: not known in that run. */
typedef struct Figure {
    double runs[PAPER_RUNS_MAX];
    guint length;
} Figure;

typedef struct VmFigures {
    char *name;
    GHashTable *classes;    /* name -> how often; over all runs that measured */
    GHashTable *algorithms; /* name -> how often, in this scheme */
    Figure total_time_s;
    Figure downtime_ms; /* libvirt's */
    Figure guest_gap_ms;
    Figure bytes;
    Figure passes;
    Figure work_lost_s;
} VmFigures;

typedef struct SchemeFigures {
    VmFigures vms[PAPER_VMS];
    Figure total_time_s;      /* longest of the VMs */
    Figure total_downtime_ms; /* sum; the honest one: each VM's own gap where it is known */
    Figure libvirt_downtime_ms;
    Figure time_product;
    Figure bytes;
    Figure work_lost_s;
    guint forced; /* pre-copies that did not converge and were forced */
} SchemeFigures;

typedef struct Paper {
    SchemeFigures schemes[SCHEMES];
    guint runs; /* complete ones: all three schemes */
} Paper;

void figure_add(Figure *figure, double value);
double figure_median(const Figure *figure); /* of the known values; NAN when there are none */
double figure_min(const Figure *figure);
double figure_max(const Figure *figure);

/* The most frequent name in a table of counts, or "unknown". */
const char *most_frequent(GHashTable *counts);

/* Reads DIR/run-NN-SCHEME.json for NN = 1..runs; every file must be there and complete. */
gboolean paper_read(Paper *paper, const char *directory, guint runs, GError **error);

gboolean paper_write_json(const Paper *paper, JsonNode *machine, const char *path, GError **error);
void paper_print(const Paper *paper);
gboolean paper_write_svg(const Paper *paper, const char *directory, GError **error);
