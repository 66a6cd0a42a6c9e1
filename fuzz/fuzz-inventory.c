/* A document as an inventory of an OCFL object: the rules over it end, and each finding has a code and a text. */
#include "content-internal.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_findings(json_t *list) {
  size_t i;
  json_t *finding;
  json_array_foreach(list, i, finding)
    if (!json_is_string(json_object_get(finding, "code")) || !json_is_string(json_object_get(finding, "text"))) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  json_auto_t *document = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
  if (document == NULL) return 0;
  Findings findings = {json_array(), json_array(), json_array()};
  validate_inventory(document, "inventory.json", &findings);
  check_findings(findings.errors);
  check_findings(findings.warnings);
  json_decref(findings.errors);
  json_decref(findings.warnings);
  json_decref(findings.unverified);
  return 0;
}
