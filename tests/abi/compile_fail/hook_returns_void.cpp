// A settings hook that cannot say that it failed must not compile.
#include <penstock/sdk/plugin.hpp>

using namespace penstock::sdk;

struct Plugin {
  explicit Plugin(const Host&) {}
  void settings(const Config&, const Error&) {}
  std::int32_t mapping(const Record&, const Emitter&, const Error&) const { return PENSTOCK_SKIP; }
  std::int32_t send(const Batch&, const Error&) { return PENSTOCK_OK; }
};

PENSTOCK_PLUGIN(hook_returns_void, Plugin)
