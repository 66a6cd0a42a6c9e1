/* Inside the room: lines as a spreadsheet. */
#pragma once
#include "schedule.h"

json_t *schedule_sheet_read(const char *path, GError **error); /* lines by the head's names; INVALID: no such columns, too many rows */
int schedule_sheet_write(json_t *lines, GError **error);       /* descriptor of an unnamed file; -1 on error */
