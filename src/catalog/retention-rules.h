/* The rules of 保管期限 as they were read, inside the catalogue room. */
#pragma once
#include "retention.h"

json_t *retention_load(const char *dir, GError **error); /* definitions/retention.yaml, found to be whole */
json_t *catalog_retention_rules(const Catalog *catalog); /* borrowed; fixed once read */
