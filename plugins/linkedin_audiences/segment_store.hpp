// What is known about one audience's segment at LinkedIn, kept over restarts in penstock.kv/1.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <penstock/sdk/kv.hpp>

#include "audience.hpp"
#include "settings.hpp"

namespace penstock::linkedin {

// Times are in milliseconds since 1970 (UTC), 0 when unknown.
struct SegmentState {
  std::string id;               // "" until it was found or created
  std::int64_t created_ms = 0;  // of the segment
  // A creation was begun and its end is not known: written before the request goes out, so that not
  // even a crash in between makes twins.
  std::int64_t creating_ms = 0;
  // LinkedIn said that it does not know `id`: it has to be asked before anything more is written.
  // Not stored; the first write after a restart will tell.
  bool suspect = false;

  // LinkedIn said that the audience exists (409), and does not show it yet. Not stored.
  bool exists = false;

  [[nodiscard]] bool usable() const { return !id.empty() && !suspect; }
};

class SegmentStore {
 public:
  SegmentStore(const sdk::Host& host, const Settings& settings)
      : host_(host), kv_(host), settings_(settings) {}

  // An empty state when nothing is stored, or nothing that can be read.
  [[nodiscard]] SegmentState load(const AudienceId& audience) const;
  // A failure is logged and survived: the segment can be looked up again.
  void save(const AudienceId& audience, const SegmentState& state) const;
  void forget(const AudienceId& audience) const;

 private:
  [[nodiscard]] std::string key_of(const AudienceId& audience) const;
  void warn(std::string_view what, std::string_view why) const;

  sdk::Host host_;
  sdk::Kv kv_;
  const Settings& settings_;
};

}  // namespace penstock::linkedin
