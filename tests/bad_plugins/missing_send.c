/* The send hook is not exported. */
#define DEFECT_NO_SEND
#include "defect.h"
