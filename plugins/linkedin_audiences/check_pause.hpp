// Until when LinkedIn asked not to be asked, kept over restarts in penstock.kv/1: the answer to one
// check holds for the next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <penstock/sdk/batch.hpp>
#include <penstock/sdk/kv.hpp>

#include "settings.hpp"

namespace penstock::linkedin {

class CheckPause {
 public:
  // What it is about. LinkedIn counts the requests of each resource apart, so that only a pause of
  // the audiences concerns deliveries.
  enum class Of : std::uint8_t { account, audiences };

  CheckPause(const sdk::Host& host, const Settings& settings)
      : host_(host), kv_(host), settings_(settings) {}

  struct Pause {
    Of of = Of::account;
    std::string reason;
    std::string message;
    std::int64_t remaining_ms = 0;
  };
  // Nothing when none is under way, or none that can be read.
  [[nodiscard]] std::optional<Pause> load() const;
  // Of an answer that asks for fewer requests. One that does not say for how long is not kept. A
  // failure is logged and survived: LinkedIn says it again.
  void save(Of of, const sdk::Outcome& outcome) const;

 private:
  [[nodiscard]] std::string key() const;
  [[nodiscard]] std::int64_t now_ms() const;

  sdk::Host host_;
  sdk::Kv kv_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
