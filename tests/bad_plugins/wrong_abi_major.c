/* The descriptor says that it was built for another major version. */
#define DEFECT_ABI_MAJOR 7
#include "defect.h"
