/*
 * The order of hits by the dates in a field (dated.c), for the files that bring them into it.
 */
#pragma once
#include "internal.h"

typedef struct FieldDays FieldDays;
typedef struct SearchDated SearchDated;
void search_field_days_unref(FieldDays *days);
typedef struct { const char *label; gboolean closed, indexed; } DatedAsk; /* closed: with values of closed fields; indexed FALSE: no record has a date */
/* The days of the fields of that label; INVALID: there is none that is a date. fields: of search_query_fields. */
SearchDated *search_dated_load(Search *search, Sql *sql, const SearchView *view, GHashTable *fields, const DatedAsk *ask, GError **error);
void search_dated_free(SearchDated *dated);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SearchDated, search_dated_free)
guint32 search_dated_rank(const SearchDated *dated, guint32 id, gboolean down);   /* less comes first */
guint32 search_dated_least(const SearchDated *dated, guint chunk, gboolean down); /* no record of the chunk has less */
gboolean search_top_skips_dated(const Top *top, guint chunk); /* top.c: no record of the chunk can enter the list */
void search_dated_warm(Search *search); /* reads the days of all fields that are dates, unless much is being changed */
