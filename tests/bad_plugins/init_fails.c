/* init fails and says why. */
#define DEFECT_INIT return plugin_fail(error, PENSTOCK_ERR_UNSUPPORTED, "", "needs penstock.fax/1");
#include "defect.h"
