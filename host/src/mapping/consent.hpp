// Consent: whether an event lets a destination add the person that it is about.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/event.hpp"
#include "model/manifest.hpp"
#include "model/pipeline_config.hpp"

namespace penstock::mapping {

// The codes of the records that are skipped.
inline constexpr std::string_view kConsentRefused = "consent_refused";
inline constexpr std::string_view kConsentMissing = "consent_missing";
inline constexpr std::string_view kIntegrationOff = "integration_off";

// Reads Segment's consent object (context.consent.categoryPreferences) and "integrations" as
// Segment does: an event without preferences refuses nothing, one with them grants what is true in
// them and no more. Immutable, so any number of workers may share it.
class Consent {
 public:
  struct Refusal {
    std::string_view reason;
    std::string message;  // for a person, without what the event says
  };

  // `paths` gets the paths that it asks about.
  Consent(const ConsentConfig& config, const PluginManifest& plugin, PathTable& paths);

  // [worker] Why the event refuses, or null. The event's slots must have been extracted with the
  // PathTable of the constructor.
  [[nodiscard]] const Refusal* refusal_of(const EventView& event) const;

 private:
  [[nodiscard]] const Refusal* refusal_by_category(const EventView& event) const;
  [[nodiscard]] const Refusal* refusal_by_integration(const EventView& event) const;

  struct Category {
    PathSlot slot = 0;
    Refusal refusal;
  };
  bool required_;
  PathSlot preferences_ = 0;
  std::vector<Category> categories_;  // empty where preferences are not looked at
  Refusal missing_;
  std::vector<PathSlot> named_;  // the destination in "integrations"; empty where not looked at
  PathSlot all_ = 0;
  Refusal integration_off_;
};

}  // namespace penstock::mapping
