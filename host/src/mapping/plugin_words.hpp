// PluginWords: what a plugin says of records, on its way through the gate (gate/foreign_text.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace penstock::mapping {

// The same few words come with record after record, so what they are shown as is remembered. One
// thread.
class PluginWords {
 public:
  // A reason or the code of a warning, as it is shown. Valid until the next call of it.
  std::string_view code(std::string_view raw);
  // A message, as it is shown. Valid until the next call of it.
  std::string_view message(std::string_view raw);

  static constexpr std::size_t kMaxCodeBytes = 64;      // as send/outcomes.cpp
  static constexpr std::size_t kMaxMessageBytes = 512;  // as send/outcomes.cpp

 private:
  // Plugins have a handful of codes; one that has more makes them up.
  static constexpr std::size_t kRemembered = 32;

  std::vector<std::pair<std::string, std::string>> codes_;  // raw, shown
  std::string last_message_;
  std::string shown_message_;
  // Of the secrets that were masked: with new ones it is done again.
  std::uint64_t codes_generation_ = 0;
  std::uint64_t message_generation_ = 0;
};

}  // namespace penstock::mapping
