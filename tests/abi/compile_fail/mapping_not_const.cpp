// A mapping hook that may change the plugin must not compile: many workers call it at once.
#include <penstock/sdk/plugin.hpp>

using namespace penstock::sdk;

struct Plugin {
  explicit Plugin(const Host&) {}
  std::int32_t settings(const Config&, const Error&) { return PENSTOCK_OK; }
  std::int32_t mapping(const Record&, const Emitter&, const Error&) { return PENSTOCK_SKIP; }
  std::int32_t send(const Batch&, const Error&) { return PENSTOCK_OK; }
};

PENSTOCK_PLUGIN(mapping_not_const, Plugin)
