/* `lantai export`: records as packages and finding aids. */
#include "app.h"

const Command EXPORT_COMMANDS[] = {
  {NULL},
};
