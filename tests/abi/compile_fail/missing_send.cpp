// A plugin without a send hook must not compile.
#include <penstock/sdk/plugin.hpp>

using namespace penstock::sdk;

struct Plugin {
  explicit Plugin(const Host&) {}
  std::int32_t settings(const Config&, const Error&) { return PENSTOCK_OK; }
  std::int32_t mapping(const Record&, const Emitter&, const Error&) const { return PENSTOCK_SKIP; }
};

PENSTOCK_PLUGIN(missing_send, Plugin)
