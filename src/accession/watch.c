/* The watched folder. */
#include "delivery.h"

const JobTick ACCESSION_TICKS[] = {NULL};
