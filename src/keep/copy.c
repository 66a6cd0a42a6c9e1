/* Pages of copies: where the holdings lie, how each place is, and what may be done about it. */
#include "copy.h"
#include "error.h"
#include <string.h>

enum { FAULTS_A_PAGE = 50 };

const WebRoute COPY_ROUTES[] = {{NULL}};
const JobKind COPY_JOBS[] = {
  {"copy.sync", "更新副本", copy_job_sync, JOB_HEAVY},
  {"copy.verify", "校验副本", copy_job_verify, JOB_PATIENT},
  {"copy.repair", "修复副本", copy_job_repair, JOB_HEAVY},
  {NULL},
};
