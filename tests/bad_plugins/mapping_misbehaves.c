/* A mapping hook that breaks one rule a record, named by the record's first field. */
#include <penstock/abi.h>

static const char long_key[600] = "k";

#define DEFECT_MAPPING                                                                    \
  penstock_element element;                                                               \
  memset(&element, 0, sizeof element);                                                    \
  element.struct_size = sizeof element;                                                   \
  element.payload.data = "payload";                                                       \
  element.payload.size = 7;                                                               \
  element.batch_key.data = "batch";                                                       \
  element.batch_key.size = 5;                                                             \
  const penstock_str wanted = record->values[0].as.str;                                   \
  const char rule = wanted.size > 0 ? wanted.data[0] : ' ';                               \
  if (rule == 'n') return PENSTOCK_OK; /* nothing emitted */                              \
  if (rule == 'l') {                                                                      \
    element.coalesce_key.data = long_key;                                                 \
    element.coalesce_key.size = sizeof long_key;                                          \
  }                                                                                       \
  emitter->element(emitter->ctx, &element);                                               \
  if (rule == 't') emitter->element(emitter->ctx, &element); /* twice */                  \
  if (rule == 'r') return plugin_fail(error, PENSTOCK_REJECT, "", "emitted and refused"); \
  if (rule == 'e') return plugin_fail(error, PENSTOCK_ERR_INTERNAL, "", "out of order");  \
  return PENSTOCK_OK;
#include "defect.h"
