// DestinationCheck: asks a destination whether deliveries would be accepted, and remembers for a
// day that they would: destinations do not like to be asked at every start (LinkedIn allows few
// questions about a member an hour).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "pipeline.hpp"

namespace penstock {

// [control-thread]
class DestinationCheck {
 public:
  // Long enough for a slow API, short enough for a person who waits.
  static constexpr std::chrono::seconds kTimeout{30};
  // As long as a role or a permission that was taken away may go unnoticed before the first
  // delivery.
  static constexpr std::chrono::hours kRemembered{24};

  // The pipeline must outlive this.
  explicit DestinationCheck(Pipeline& pipeline) : pipeline_(pipeline) {}

  // Whether it is enabled and its plugin can be asked.
  [[nodiscard]] bool possible(std::uint32_t destination) const;
  // Whether it passed within kRemembered with the same plugin, settings and connection. Without a
  // state directory nothing is remembered.
  [[nodiscard]] bool passed_lately(std::uint32_t destination) const;
  // Asks, and remembers when it passed. Ends early when `cancelled`, which is asked often, says so.
  // Requires possible(). [may-block]
  [[nodiscard]] plugin::CheckResult ask(std::uint32_t destination,
                                        const std::function<bool()>& cancelled) const;

 private:
  [[nodiscard]] std::string fingerprint(std::uint32_t destination) const;
  void remember(std::uint32_t destination) const;

  Pipeline& pipeline_;
};

}  // namespace penstock
