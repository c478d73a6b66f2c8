/* settings refuses one setting, by name. */
#define DEFECT_SETTINGS \
  return plugin_fail(error, PENSTOCK_ERR_INVALID, "ad_account_id", "must not be zero");
#include "defect.h"
