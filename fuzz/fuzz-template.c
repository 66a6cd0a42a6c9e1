/* Templates: any text either fails to compile or renders any model without a byte of the model unescaped. */
#include "web.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whether a tag has a script for an address, as a browser reads it: ` href="` in plain text or in another attribute does no harm. */
static gboolean has_script_address(const char *text) {
  static const char wanted[] = " href=\"javascript:";
  gboolean tag = FALSE;
  char quote = 0, last = 0; /* last: but spaces */
  for (; *text != '\0'; text++) {
    if (tag && quote == 0 && *text == ' ' && strncmp(text, wanted, sizeof wanted - 1) == 0) return TRUE;
    if (!tag) tag = *text == '<' && g_ascii_isalpha(text[1]);
    else if (quote) quote = *text == quote ? 0 : quote;
    else if (last == '=' && (*text == '"' || *text == '\'')) quote = *text;
    else if (*text == '>') tag = FALSE;
    if (!g_ascii_isspace(*text)) last = *text;
  }
  return FALSE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static json_t *model;
  if (size > 4096) return 0;
  if (model == NULL)
    model = json_loads("{\"a\":\"<\\u0007x\\\"'&>\",\"b\":{\"c\":[1,2.5,null,{\"a\":\"javascript:<\\u0007x\"}]},"
                       "\"l\":[\"<\\u0007x\",{\"l\":[true,false]}],\"t\":1795327500000000,\"e\":{},\"n\":-12345}",
                       0, NULL);
  g_autofree char *source = g_strndup((const char *)data, size);
  g_autofree char *text = template_render_text(source, model, NULL);
  if (text != NULL && strchr(source, 7) == NULL && strstr(text, "<\ax") != NULL) abort();
  if (text != NULL && strstr(source, "javascript") == NULL && strstr(source, "<!--") == NULL && has_script_address(text)) abort();
  return 0;
}
