/* Placeholder of the room until its rules land. */
#include "check.h"

gboolean check_open(SqlDb *db, const char *dir, GError **error) { return TRUE; }
const WebRoute CHECK_ROUTES[] = {{NULL}};
