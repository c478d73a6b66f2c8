// Lets exceptions out of its hooks, without the SDK, which would stop them: out of the hook that
// the variable BAD_PLUGIN_THROWS names.
#include <penstock/abi.h>

#include <cstdlib>
#include <stdexcept>
#include <string_view>

static void throw_in(std::string_view hook) {
  const char* const wanted = std::getenv("BAD_PLUGIN_THROWS");
  if (wanted != nullptr && hook == wanted) throw std::logic_error("jane@example.com");
}

static void throw_in_destroy(void*) {
  throw_in("destroy");
}

extern "C" {
// A C header that C++ has to see with C linkage of its hooks.
#define DEFECT_INIT throw_in("init");
#define DEFECT_SETTINGS throw_in("settings");
#define DEFECT_CHECK throw_in("check");
#define DEFECT_QUIESCE throw_in("quiesce");
#define DEFECT_DESTROY throw_in_destroy
#define DEFECT_MAPPING                                                                       \
  throw_in("mapping");                                                                       \
  const std::string_view rule(record->values[0].as.str.data, record->values[0].as.str.size); \
  penstock_element element{};                                                                \
  element.struct_size = sizeof element;                                                      \
  element.payload = record->values[0].as.str;                                                \
  emitter->element(emitter->ctx, &element);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND \
  throw_in("send"); \
  plugin_deliver(batch);
#include "defect.h"
}
