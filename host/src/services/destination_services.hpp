// DestinationServices: all that the plugin of one destination sees of the host.
#pragma once

#include <penstock/abi.h>
#include <penstock/ext/kv.h>
#include <penstock/ext/notices.h>

#include <functional>
#include <mutex>
#include <string>

#include "services/clock.hpp"
#include "services/http.hpp"
#include "services/kv.hpp"
#include "services/log.hpp"

namespace penstock::services {

// What a plugin raised through penstock.notices/1; through the gate
// (gate/foreign_text.hpp) and cut to its limits.
struct Notice {
  LogLevel level = LogLevel::warning;  // or error
  std::string code;
  std::string message;
};
using NoticeSink = std::function<void(Notice notice)>;

// Owns the penstock_host table of one destination: log (under the destination's name, through
// gate/foreign_text.hpp), clocks and the extensions "penstock.http/1", "penstock.kv/1" and
// "penstock.notices/1". Must outlive the plugin's instance. [any-thread]
class DestinationServices {
 public:
  // The clock, and `http` and `store` where given, must outlive this; without them the plugin gets
  // no such extension.
  DestinationServices(std::string destination, HttpConnection* http, KeyValueStore* store,
                      const Clock& clock);
  DestinationServices(const DestinationServices&) = delete;
  DestinationServices& operator=(const DestinationServices&) = delete;

  [[nodiscard]] const penstock_host* table() const { return &host_; }

  // Where notices go from now on; an empty function (and none so far) means lines of the log. The
  // sink is called on whatever thread raises the notice, one at a time, and must neither raise
  // one nor call this. When this returns, the sink of before is no longer running.
  void set_notice_sink(NoticeSink sink);

  // A longer message of a plugin is cut: a log is no place for a body.
  static constexpr std::size_t kMaxLogBytes = 8 * 1024;
  static constexpr std::size_t kMaxNoticeCodeBytes = 64;  // ext/notices.h
  static constexpr std::size_t kMaxNoticeMessageBytes = 1024;

 private:
  struct Trampolines;

  const std::string destination_;
  HttpConnection* const http_;
  KeyValueStore* const store_;
  const Clock& clock_;
  penstock_host host_;
  penstock_kv kv_;
  penstock_notices notices_;
  std::mutex sink_mutex_;
  NoticeSink sink_;  // guarded by sink_mutex_
};

}  // namespace penstock::services
