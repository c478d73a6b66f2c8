/* settings fills the error buffer to its last byte, without a terminator. */
#define DEFECT_SETTINGS                                                                \
  memset(error->reason, (char)0x5A, sizeof *error - offsetof(penstock_error, reason)); \
  return PENSTOCK_ERR_INVALID;
#include "defect.h"
