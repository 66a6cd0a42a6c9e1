/* For pages that list fonds, each filtered by the same words. */
#pragma once
#include "catalog.h"

/* CatalogRecord, by code behind `after`: those of the request's scope whose code or name has its `filter`, some hundred at most; ret_more: there are others behind. */
GPtrArray *fonds_after(WebRequest *request, Sql *sql, const char *after, gboolean *ret_more, GError **error);
