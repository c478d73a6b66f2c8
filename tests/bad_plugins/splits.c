/* Says SPLIT to every batch, without a reason. */
#include <penstock/abi.h>
#include <string.h>

#define DEFECT_MAPPING                        \
  penstock_element element;                   \
  memset(&element, 0, sizeof element);        \
  element.struct_size = sizeof element;       \
  element.payload = record->values[0].as.str; \
  emitter->element(emitter->ctx, &element);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND                     \
  penstock_outcome outcome;             \
  memset(&outcome, 0, sizeof outcome);  \
  outcome.struct_size = sizeof outcome; \
  outcome.status = PENSTOCK_SPLIT;      \
  outcome.retry_after_ms = -1;          \
  for (uint64_t i = 0; i < batch->n; ++i) batch->report(batch->ctx, i, &outcome);
#include "defect.h"
