/* The watched folder. */
#include "delivery.h"
#include "upload.h"

const JobTick ACCESSION_TICKS[] = {upload_sweep, NULL};
