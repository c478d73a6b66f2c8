#include "mapping/plugin_words.hpp"

#include "gate/foreign_text.hpp"
#include "gate/secrets.hpp"

namespace penstock::mapping {

std::string_view PluginWords::code(std::string_view raw) {
  if (const std::uint64_t now = gate::secrets_generation(); now != codes_generation_) {
    codes_generation_ = now;
    codes_.clear();
  }
  for (const auto& [known, shown] : codes_) {
    if (known == raw) return shown;
  }
  if (codes_.size() >= kRemembered) codes_.clear();
  codes_.emplace_back(raw, gate::foreign_text(raw, kMaxCodeBytes));
  return codes_.back().second;
}

std::string_view PluginWords::message(std::string_view raw) {
  const std::uint64_t now = gate::secrets_generation();
  if (raw != last_message_ || now != message_generation_) {
    message_generation_ = now;
    shown_message_ = gate::foreign_text(raw, kMaxMessageBytes);
    last_message_ = raw;
  }
  return shown_message_;
}

}  // namespace penstock::mapping
