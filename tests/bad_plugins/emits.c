/* Sound: makes an element of each record, and delivers it. */
#define DEFECT_MAPPING plugin_emit(record, emitter);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND plugin_deliver(batch);
#include "defect.h"
