/* The descriptor has no instance. */
#define DEFECT_INSTANCE NULL
#include "defect.h"
