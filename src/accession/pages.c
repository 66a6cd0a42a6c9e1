#include "delivery.h"
const WebRoute ACCESSION_ROUTES[] = {{NULL}};
