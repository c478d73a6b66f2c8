/* settings refuses the first setting, and says of which type it is. */
#define DEFECT_SETTINGS                                \
  char text[] = "type 0";                              \
  text[5] = (char)('0' + (int)config->values[0].type); \
  return plugin_fail(error, PENSTOCK_ERR_INVALID, "", text);
#include "defect.h"
