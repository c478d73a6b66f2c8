/* settings puts the value of a secret setting into its message. */
#define DEFECT_SETTINGS \
  return plugin_fail(error, PENSTOCK_ERR_INVALID, "api_key", "hunter2-hunter2 is\nnot accepted");
#include "defect.h"
