/* Sound: makes an element of each record, and delivers it. */
#include <penstock/abi.h>
#include <string.h>

#define DEFECT_MAPPING                        \
  penstock_element element;                   \
  memset(&element, 0, sizeof element);        \
  element.struct_size = sizeof element;       \
  element.payload = record->values[0].as.str; \
  emitter->element(emitter->ctx, &element);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND plugin_deliver(batch);
#include "defect.h"
