/* The table of formats, inside this room (formats.c). */
#pragma once
#include "format.h"

typedef struct {
  FormatInfo info;
  const char *extensions; /* lower case, separated by spaces; "": any */
} FormatRow;
extern const FormatInfo FORMAT_EMPTY, FORMAT_UNKNOWN;
/* By type and PRONOM id (NULL: the type's first row), as the archives itself calls it if it does; FORMAT_UNKNOWN. */
FormatInfo formats_find(const char *mime, const char *puid);
/* What only the extension tells apart (.wps in Word's format, .csv among texts). */
FormatInfo formats_refine(FormatInfo found, const char *name);
/* FALSE: the table does not say which extensions the format has. */
gboolean formats_name_fits(const FormatInfo *info, const char *name, gboolean *ret_fits);
