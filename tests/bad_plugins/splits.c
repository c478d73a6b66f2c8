/* Says SPLIT to every batch, without a reason. */
#define DEFECT_MAPPING plugin_emit(record, emitter);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND                     \
  penstock_outcome outcome;             \
  memset(&outcome, 0, sizeof outcome);  \
  outcome.struct_size = sizeof outcome; \
  outcome.status = PENSTOCK_SPLIT;      \
  outcome.retry_after_ms = -1;          \
  for (uint64_t i = 0; i < batch->n; ++i) batch->report(batch->ctx, i, &outcome);
#include "defect.h"
