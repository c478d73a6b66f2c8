/* Calls a function that nothing defines: loading must fail, not the first call. */
#include <stdint.h>
int32_t function_that_nobody_defined(void);
#define DEFECT_SEND return function_that_nobody_defined();
#include "defect.h"
