/* What the program and its sandbox helper say to each other (sandbox.c, jail.c): one packet per request with the input and the answer as descriptors; the pid
 * comes back. */
#pragma once
#include "sandbox.h"

#define SANDBOX_HELLO "lantai sandbox 1"
#define SANDBOX_MARK "LANTAI_SANDBOX_CHILD"

typedef struct {
  char kind[16];
  char argument[SANDBOX_ARGUMENT_MAX];
} SandboxRequest;
