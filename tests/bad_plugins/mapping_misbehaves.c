/* A mapping hook that breaks one rule a record, named by the record's first field. */
#include <penstock/abi.h>

#include <stdio.h>
#include <string.h>

static const char long_key[600] = "k";
static int made_up;

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
  if (rule == 'd') {                   /* it may */                                       \
    strcpy(error->reason, "refused\x1b[2m");                                              \
    strcpy(error->message, "declined");                                                   \
    return PENSTOCK_REJECT;                                                               \
  }                                                                                       \
  if (rule == 'p') element.payload.data = NULL;                                           \
  if (rule == 'u') {                                                                      \
    element.coalesce_key.data = "\xff\xfe";                                               \
    element.coalesce_key.size = 2;                                                        \
  }                                                                                       \
  if (rule == 'w') {                                                                      \
    for (int i = 0; i < 1000; ++i) {                                                      \
      char code[32];                                                                      \
      penstock_str text;                                                                  \
      text.data = code;                                                                   \
      text.size = (uint64_t)snprintf(code, sizeof code, "code_%d_%d", i, made_up++);      \
      emitter->warn(emitter->ctx, text, 0);                                               \
    }                                                                                     \
  }                                                                                       \
  if (rule == 'k') element.coalesce_key = element.batch_key; /* it may */                 \
  if (rule == 'i') { /* it may name its identifiers, but no such number of nothing */     \
    penstock_str nothing;                                                                 \
    nothing.data = NULL;                                                                  \
    nothing.size = 5;                                                                     \
    for (int i = 0; i < 1000; ++i) emitter->identifier(emitter->ctx, nothing, 0);         \
    for (int i = 0; i < 1000; ++i) emitter->identifier(emitter->ctx, wanted, 0);          \
    emitter->identifier(emitter->ctx, element.batch_key, 99);                             \
  }                                                                                       \
  if (rule == 'l') {                                                                      \
    element.coalesce_key.data = long_key;                                                 \
    element.coalesce_key.size = sizeof long_key;                                          \
  }                                                                                       \
  emitter->element(emitter->ctx, &element);                                               \
  if (rule == 't') emitter->element(emitter->ctx, &element); /* twice */                  \
  if (rule == 'r') return plugin_fail(error, PENSTOCK_REJECT, "", "emitted and refused"); \
  if (rule == 'e') return plugin_fail(error, PENSTOCK_ERR_INTERNAL, "", "out of order");  \
  if (rule == '9') return 99;                                                             \
  return PENSTOCK_OK;
#define DEFECT_SEND plugin_deliver(batch);
#include "defect.h"
