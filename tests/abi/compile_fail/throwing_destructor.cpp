// A plugin whose destructor may throw must not compile: destroy has nobody to tell.
#include <penstock/sdk/plugin.hpp>

using namespace penstock::sdk;

struct Plugin {
  explicit Plugin(const Host&) {}
  ~Plugin() noexcept(false) {}
  std::int32_t settings(const Config&, const Error&) { return PENSTOCK_OK; }
  std::int32_t mapping(const Record&, const Emitter&, const Error&) const { return PENSTOCK_SKIP; }
  std::int32_t send(const Batch&, const Error&) { return PENSTOCK_OK; }
};

PENSTOCK_PLUGIN(throwing_destructor, Plugin)
