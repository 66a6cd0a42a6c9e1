/* `lantai ocfl verify` and `lantai bag verify`: other programs' objects and bags held against their specifications. */
#include "app.h"

const Command PROOF_COMMANDS[] = {
  {NULL},
};
