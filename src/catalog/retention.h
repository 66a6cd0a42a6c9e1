/* 保管期限: which ones may be written where (definitions/retention.yaml, and the values that a category lists). What was received otherwise stays as it is. */
#pragma once
#include "catalog.h"

/* Why this is no retention for a record of that category (NULL: any) and year (0: unknown), in Chinese, new string; NULL: it is one, or empty. */
char *catalog_retention_problem(const Catalog *catalog, const CatalogCategory *category, int year, const char *text);
