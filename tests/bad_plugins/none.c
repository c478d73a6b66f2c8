/* No defect: the control of the experiment. */
#include "defect.h"
