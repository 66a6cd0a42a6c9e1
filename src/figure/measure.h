/* What each entry behind a figure brings to it. */
#pragma once
#include "figure.h"

typedef struct FigureMeasure FigureMeasure;
/* NULL without an error: nothing is measured entry by entry (shares, coverages, lists …). The caller has asked whether the figure is open to the asker. */
FigureMeasure *figure_measure_new(const House *house, Sql *sql, Asker asker, json_t *figure, FigurePeriod period, GError **error);
void figure_measure_free(FigureMeasure *measure);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FigureMeasure, figure_measure_free)
const char *figure_measure_label(const FigureMeasure *measure); /* 人数; 次数 */
gboolean figure_measure_adds(const FigureMeasure *measure);     /* the sum of the column is the figure */
/* id → text as it is shown (NULL: not among the entries of the figure), for these ids. New. */
GHashTable *figure_measure_texts(const FigureMeasure *measure, const GArray *ids);
void figure_measure_sort(const FigureMeasure *measure, GArray *ids, gboolean down); /* equal ones stay in their order */
