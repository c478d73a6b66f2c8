/* Prints to stdout in every hook. */
#include <stdio.h>

#define SAY                      \
  printf("the plugin prints\n"); \
  fflush(stdout);
#define DEFECT_INIT SAY
#define DEFECT_SETTINGS SAY
#define DEFECT_MAPPING SAY plugin_emit(record, emitter);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND SAY plugin_deliver(batch);
#include "defect.h"
