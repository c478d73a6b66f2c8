/* penstock/ext/notices.h - "penstock.notices/1": what people should know about the destination but
 * is the outcome of no element, such as an audience that is about to expire. */
#ifndef PENSTOCK_EXT_NOTICES_H
#define PENSTOCK_EXT_NOTICES_H

#include "../abi.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PENSTOCK_EXT_NOTICES "penstock.notices/1"

/* Owned by the host, valid as long as the instance. */
typedef struct penstock_notices {
  uint32_t struct_size;
  uint32_t reserved;
  void* ctx;
  /* [any-thread] During a run it becomes a delivery issue of the destination, in the report and in
   * `penstock status`: counted by code, with the latest message. In other commands it is a line of
   * the log. level is PENSTOCK_LOG_WARNING or PENSTOCK_LOG_ERROR; code is a stable word in
   * snake_case, at most 64 bytes; message is a sentence for a person (what, and what to do), at
   * most 1024 bytes, without secrets and personal data. Longer texts are cut. Copied before it
   * returns. */
  void (*raise)(void* ctx, int32_t level, penstock_str code, penstock_str message);
} penstock_notices;

#ifdef __cplusplus
}
#endif
#endif
