/* Placeholder until the pages of copies land. */
#include "keep.h"

const WebRoute COPY_ROUTES[] = {{NULL}};
const JobKind COPY_JOBS[] = {{NULL}};
