/* Prints to stdout in every hook. */
#include <penstock/abi.h>
#include <stdio.h>
#include <string.h>

#define SAY                      \
  printf("the plugin prints\n"); \
  fflush(stdout);
#define DEFECT_INIT SAY
#define DEFECT_SETTINGS SAY
#define DEFECT_MAPPING                        \
  penstock_element element;                   \
  SAY memset(&element, 0, sizeof element);    \
  element.struct_size = sizeof element;       \
  element.payload = record->values[0].as.str; \
  emitter->element(emitter->ctx, &element);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND SAY plugin_deliver(batch);
#include "defect.h"
