/* init fails and leaves the error empty. */
#define DEFECT_INIT return PENSTOCK_ERR_INTERNAL;
#include "defect.h"
