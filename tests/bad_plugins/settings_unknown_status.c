/* settings returns a status that no hook may return. */
#define DEFECT_SETTINGS return 77;
#include "defect.h"
