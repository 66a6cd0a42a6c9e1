/* `lantai copy …`: further copies from the command line. */
#include "app.h"

const Command COPY_COMMANDS[] = {
  {NULL},
};
