#include "mapping/plugin_words.hpp"

#include "gate/foreign_text.hpp"
#include "gate/secrets.hpp"

namespace penstock::mapping {

void PluginWords::forget_if_outdated() {
  const std::uint64_t generation = gate::secrets_generation();
  if (generation == generation_) return;
  generation_ = generation;
  codes_.clear();
  last_message_.clear();
  shown_message_.clear();
}

std::string_view PluginWords::code(std::string_view raw) {
  forget_if_outdated();
  for (const auto& [known, shown] : codes_) {
    if (known == raw) return shown;
  }
  if (codes_.size() >= kRemembered) codes_.clear();
  codes_.emplace_back(raw, gate::foreign_text(raw, kMaxCodeBytes));
  return codes_.back().second;
}

std::string_view PluginWords::message(std::string_view raw) {
  forget_if_outdated();
  if (raw != last_message_) {
    shown_message_ = gate::foreign_text(raw, kMaxMessageBytes);
    last_message_ = raw;
  }
  return shown_message_;
}

}  // namespace penstock::mapping
