/* `lantai receive`: a package of any layout from the command line. */
#include "app.h"

const Command RECEIVE_COMMANDS[] = {
  {NULL},
};
