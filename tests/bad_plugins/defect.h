/* A plugin that works, of which each file of this folder spoils one thing by defining a DEFECT_
 * macro before the include. */
#ifndef PENSTOCK_TESTS_BAD_PLUGINS_DEFECT_H
#define PENSTOCK_TESTS_BAD_PLUGINS_DEFECT_H

#include <penstock/abi.h>
#include <stddef.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

#ifndef DEFECT_ABI_MAJOR
#define DEFECT_ABI_MAJOR PENSTOCK_ABI_MAJOR
#endif
#ifndef DEFECT_INIT
#define DEFECT_INIT
#endif
#ifndef DEFECT_SETTINGS
#define DEFECT_SETTINGS
#endif
#ifndef DEFECT_MAPPING
#define DEFECT_MAPPING
#endif
#ifndef DEFECT_MAPPED
#define DEFECT_MAPPED PENSTOCK_SKIP
#endif
#ifndef DEFECT_SEND
#define DEFECT_SEND
#endif
#ifndef DEFECT_CHECK
#define DEFECT_CHECK
#endif
#ifndef DEFECT_QUERY
#define DEFECT_QUERY plugin_answer(query, "{}");
#endif
#ifndef DEFECT_INSTANCE
#define DEFECT_INSTANCE &instance
#endif
#ifndef DEFECT_QUIESCE
#define DEFECT_QUIESCE
#endif
#ifndef DEFECT_DESTROY
#define DEFECT_DESTROY plugin_destroy
#endif

static int instance;

/* How often the instances of this library were quiesced (low byte) and destroyed (next byte), for
 * the tests. */
EXPORT int plugin_ends;

static void plugin_quiesce(void* plugin) {
  (void)plugin;
  DEFECT_QUIESCE
  plugin_ends += 1;
}

static void plugin_destroy(void* plugin) {
  (void)plugin;
  plugin_ends += 256;
}

static inline int32_t plugin_fail(penstock_error* error, int32_t status, const char* field,
                                  const char* message) {
  strncpy(error->reason, "refused", sizeof error->reason - 1);
  strncpy(error->field, field, sizeof error->field - 1);
  strncpy(error->message, message, sizeof error->message - 1);
  return status;
}

/* Makes an element of a record, with its first value as the payload. */
static inline void plugin_emit(const penstock_record* record, const penstock_emitter* emitter) {
  penstock_element element;
  memset(&element, 0, sizeof element);
  element.struct_size = sizeof element;
  element.payload = record->values[0].as.str;
  emitter->element(emitter->ctx, &element);
}

/* Reports every element of the batch as delivered. */
static inline void plugin_deliver(const penstock_batch* batch) {
  penstock_outcome outcome;
  memset(&outcome, 0, sizeof outcome);
  outcome.struct_size = sizeof outcome;
  outcome.status = PENSTOCK_DELIVERED;
  outcome.retry_after_ms = -1;
  for (uint64_t i = 0; i < batch->n; ++i) batch->report(batch->ctx, i, &outcome);
}

static inline void plugin_answer(const penstock_query* query, const char* text) {
  penstock_str json;
  json.data = text;
  json.size = strlen(text);
  query->answer(query->ctx, json);
}

EXPORT int32_t plugin_init(const penstock_host* host, penstock_descriptor* out,
                           penstock_error* error) {
  (void)host, (void)error, (void)plugin_quiesce, (void)plugin_destroy, (void)instance;
  DEFECT_INIT
  out->abi_major = DEFECT_ABI_MAJOR;
  out->abi_minor = PENSTOCK_ABI_MINOR;
  out->plugin = DEFECT_INSTANCE;
  out->quiesce = plugin_quiesce;
  out->destroy = DEFECT_DESTROY;
  return PENSTOCK_OK;
}

EXPORT int32_t plugin_settings(void* plugin, const penstock_config* config, penstock_error* error) {
  (void)plugin, (void)config, (void)error;
  DEFECT_SETTINGS
  return PENSTOCK_OK;
}

EXPORT int32_t plugin_mapping(void* plugin, const penstock_record* record,
                              const penstock_emitter* emitter, penstock_error* error) {
  (void)plugin, (void)record, (void)emitter, (void)error;
  DEFECT_MAPPING
  return DEFECT_MAPPED;
}

#ifndef DEFECT_NO_SEND
EXPORT int32_t plugin_send(void* plugin, const penstock_batch* batch, penstock_error* error) {
  (void)plugin, (void)batch, (void)error;
  DEFECT_SEND
  return PENSTOCK_OK;
}
#endif

EXPORT int32_t plugin_check(void* plugin, int64_t deadline_ns, penstock_error* error) {
  (void)plugin, (void)deadline_ns, (void)error;
  DEFECT_CHECK
  return PENSTOCK_OK;
}

EXPORT int32_t plugin_query(void* plugin, const penstock_query* query, penstock_error* error) {
  (void)plugin, (void)query, (void)error;
  DEFECT_QUERY
  return PENSTOCK_OK;
}

#endif
