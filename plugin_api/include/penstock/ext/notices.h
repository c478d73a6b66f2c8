/* penstock/ext/notices.h - "penstock.notices/1": what people should know about the destination and
 * what is no outcome of any element, such as an audience that is about to expire. */
#ifndef PENSTOCK_EXT_NOTICES_H
#define PENSTOCK_EXT_NOTICES_H

#include "../abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PENSTOCK_EXT_NOTICES "penstock.notices/1"

typedef struct penstock_notices {
  uint32_t struct_size;
  uint32_t reserved;
  void* ctx;
  /* [any-thread] Shown in the run's report and in `penstock status` as a delivery issue of the
   * destination: counted by code and message, so both should be the same for the same thing. level
   * is PENSTOCK_LOG_WARNING or PENSTOCK_LOG_ERROR; code is a stable word in snake_case; message is
   * a sentence for a person (what, and what to do), without secrets and personal data. */
  void (*raise)(void* ctx, int32_t level, penstock_str code, penstock_str message);
} penstock_notices;

#ifdef __cplusplus
}
#endif
#endif
