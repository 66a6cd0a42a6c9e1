/* Inside the room: lines as a spreadsheet. */
#pragma once
#include "schedule.h"

/* {lines, ignored: [names of columns that nothing was taken from]}; lines of classes (1 党群工作 / 1.1 组织 …) become the 类目 of those below them. INVALID: no such
 * columns; TOO_LARGE. */
json_t *schedule_sheet_read(const char *path, GError **error);
int schedule_sheet_write(json_t *lines, GError **error);       /* descriptor of an unnamed file; -1 on error */
