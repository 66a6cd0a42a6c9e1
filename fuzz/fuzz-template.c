/* Templates: any text either fails to compile or renders any model without a byte of the model unescaped. */
#include "web.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
  if (text != NULL && strstr(source, "javascript") == NULL && strstr(text, " href=\"javascript:") != NULL) abort();
  return 0;
}
