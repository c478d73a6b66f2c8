/* mapping, send and check return statuses that no hook may return, with unterminated texts. */
#define DEFECT_MAPPING                                       \
  memset(error->message, (char)0x42, sizeof error->message); \
  return 1234;
#define DEFECT_SEND                                          \
  memset(error->message, (char)0x42, sizeof error->message); \
  return PENSTOCK_REJECT;
#define DEFECT_CHECK return -99;
#include "defect.h"
