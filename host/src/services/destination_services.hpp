// DestinationServices: all that the plugin of one destination sees of the host.
#pragma once

#include <penstock/abi.h>
#include <penstock/ext/kv.h>

#include <string>

#include "services/clock.hpp"
#include "services/http.hpp"
#include "services/kv.hpp"

namespace penstock::services {

// Owns the penstock_host table of one destination: log (under the destination's name, masked:
// redact.hpp), clocks and the extensions "penstock.http/1" and "penstock.kv/1". Must outlive the
// plugin's instance. [any-thread]
class DestinationServices {
 public:
  // The clock, and `http` and `store` where given, must outlive this; without them the plugin gets
  // no such extension.
  DestinationServices(std::string destination, HttpConnection* http, KeyValueStore* store,
                      const Clock& clock);
  DestinationServices(const DestinationServices&) = delete;
  DestinationServices& operator=(const DestinationServices&) = delete;

  [[nodiscard]] const penstock_host* table() const { return &host_; }

  // A longer message of a plugin is cut: a log is no place for a body.
  static constexpr std::size_t kMaxLogBytes = 8 * 1024;

 private:
  struct Trampolines;

  const std::string destination_;
  HttpConnection* const http_;
  KeyValueStore* const store_;
  const Clock& clock_;
  penstock_host host_;
  penstock_kv kv_;
};

}  // namespace penstock::services
