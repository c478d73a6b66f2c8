// Lets exceptions out of its hooks, without the SDK, which would stop them.
#include <penstock/abi.h>

#include <stdexcept>
#include <string_view>

extern "C" {
// A C header that C++ has to see with C linkage of its hooks.
#define DEFECT_MAPPING                                                                       \
  const std::string_view rule(record->values[0].as.str.data, record->values[0].as.str.size); \
  if (rule == "mapping") throw std::logic_error("jane@example.com");                         \
  penstock_element element{};                                                                \
  element.struct_size = sizeof element;                                                      \
  element.payload = record->values[0].as.str;                                                \
  emitter->element(emitter->ctx, &element);
#define DEFECT_MAPPED PENSTOCK_OK
#define DEFECT_SEND throw 7;
#include "defect.h"
}
