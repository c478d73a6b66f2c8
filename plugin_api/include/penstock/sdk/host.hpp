// penstock/sdk/host.hpp - the host as a plugin sees it: log, clocks, services by id.
#pragma once

#include <cstdint>
#include <string_view>

#include "text.hpp"

namespace penstock {
namespace sdk {

// A copyable handle. Valid as long as the instance. [any-thread]
class Host {
 public:
  explicit Host(const penstock_host* host) noexcept : host_(host) {}

  [[nodiscard]] bool log_enabled(std::int32_t level) const {
    return host_->log_enabled(host_->ctx, level) != 0;
  }
  // `message` must hold no secret and no personal data.
  void log(std::int32_t level, std::string_view message) const {
    host_->log(host_->ctx, level, str(message));
  }
  // Nanoseconds since 1970-01-01 UTC. Never in mapping.
  [[nodiscard]] std::int64_t wall_ns() const { return host_->wall_ns(host_->ctx); }
  // The clock of every deadline, in nanoseconds.
  [[nodiscard]] std::int64_t monotonic_ns() const { return host_->monotonic_ns(host_->ctx); }

  // The service `id`, or null when this host has none.
  template <typename Service>
  [[nodiscard]] const Service* extension(const char* id) const {
    return static_cast<const Service*>(host_->extension(host_->ctx, id));
  }

 private:
  const penstock_host* host_;
};

}  // namespace sdk
}  // namespace penstock
