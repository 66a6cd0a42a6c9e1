/* `lantai identify`: what files are. */
#include "app.h"

const Command IDENTIFY_COMMANDS[] = {
  {NULL},
};
