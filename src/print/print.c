/* Placeholder of the room until the printing lands. */
#include "print.h"

GBytes *print_pdf(json_t *document, GError **error) { return g_bytes_new(NULL, 0); }
