/* Bytes as a seal, as signed data and as a certificate: reading them ends, and nothing random is good. */
#include "seal.h"
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  g_autoptr(GBytes) value = g_bytes_new(data, size);
  g_autoptr(GBytes) document = g_bytes_new_static("<Signature/>", 12);
  g_auto(Seal) seal = {0}, plain = {0};
  g_auto(Certificate) certificate = {0};
  if (seal_verify(value, document, &seal, NULL) && seal.good) abort();
  if (signed_data_verify(value, document, &plain, NULL) && plain.good) abort();
  certificate_read(value, &certificate, NULL);
  return 0;
}
