/*
 * What the files about signatures share. A row is as format_signatures gives it; in the child its state may also be "good": the mathematics hold, the
 * signer is not yet known.
 */
#pragma once
#include <glib.h>
#include <jansson.h>

void signature_judge(json_t *row, const char *state, const char *format, ...) G_GNUC_PRINTF(3, 4);
void signature_certificate(json_t *row, GBytes *der, gint64 at_us); /* adds signer, certificate, at */
json_t *eep_signatures(int fd); /* the child's: of an EEP package (DA/T 48) */
