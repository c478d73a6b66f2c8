/* The descriptor has no destroy function. */
#define DEFECT_DESTROY NULL
#include "defect.h"
